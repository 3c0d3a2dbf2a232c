"""Containers with a warm interpreter, on every Python that is at hand."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from toolkit.container import Container, ContainerOptions
from toolkit.engine import Engine
from toolkit.image import local_bases
from toolkit.lifecycle import ContainerManager

KEY: Final = "toolkit-test-fidelity"
RUN: Final = uuid.uuid4().hex
STRANGER: Final = "4321:4321"
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
MORE_IMAGES: Final = "TOOLKIT_FIDELITY_IMAGES"
"""Names of further images, separated by spaces, each with a tag that ends in -pyX.Y."""

Start = Callable[..., Container]


@pytest.fixture(scope="session")
def manager(first_engine: Engine) -> Iterator[ContainerManager]:
    """Everything that is started here; nothing of it may be left."""
    with ContainerManager(first_engine) as manager:
        yield manager
    assert first_engine.list_containers(f"{KEY}={RUN}") == []


@pytest.fixture(scope="session")
def start(manager: ContainerManager, base_image: str) -> Start:
    """Start a labelled container of the base with a warm interpreter, without network."""

    def start(**options: object) -> Container:
        given: dict[str, object] = {
            "image": base_image,
            "network": "none",
            "labels": {KEY: RUN},
            "user": STRANGER,
            "warm": True,
        }
        return manager.start(ContainerOptions(**{**given, **options}))  # type: ignore[arg-type]

    return start


def image_with(engine: Engine, python: str) -> str:
    """Find an image with that Python, or skip."""
    names = [str(base) for base in local_bases(engine)]
    names += os.environ.get(MORE_IMAGES, "").split()
    for name in names:
        if name.endswith(f"-py{python}"):
            return name
    pytest.skip(f"no base with Python {python} is here; name one in {MORE_IMAGES}")
