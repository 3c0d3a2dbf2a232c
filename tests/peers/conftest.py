"""What the runs with real peers share: their environments, an image for their blocks, the engine.

They take minutes and need the package index, so `make test` leaves this folder out (pyproject,
norecursedirs) and `make test-peers` names it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.docker.conftest import RUN, remove_named
from tests.peers import environments
from tests.peers.environments import Peer
from tests.peers.model import Model, served
from toolkit.engine import Engine, connect
from toolkit.image import local_bases
from toolkit.labels import MANAGED

Environment = Callable[[Peer], Path]
_DYING: Final = 30.0
"""Seconds within which the last containers are gone whose client has just ended."""


@pytest.fixture(scope="session")
def first_engine() -> Iterator[Engine]:
    with connect() as engine:
        yield engine


@pytest.fixture(scope="session")
def image(first_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image that the peers' tests can do with: python, pip that installs, sh, bash, timeout."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "requirements.txt").write_text("pip\n")
    name = f"t-{RUN}-peers"
    base = str(local_bases(first_engine)[0])
    build = [sys.executable, "-m", "toolkit", "build-image", "--quiet", "--name", name]
    built = subprocess.run(
        [*build, "--base", base, "--deps", str(folder / "requirements.txt")],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    made = built.stdout.strip()
    yield made
    deadline = time.monotonic() + _DYING
    while used := [one for one in first_engine.list_containers(MANAGED) if one["Image"] == made]:
        assert time.monotonic() < deadline, f"left by the peers' tests: {used}"
        time.sleep(0.05)
    remove_named(first_engine, name)


@pytest.fixture(scope="session")
def environment() -> Environment:
    """The Python of a peer's environment; where it cannot be made, the test fails and says why."""

    def made(peer: Peer) -> Path:
        try:
            return environments.interpreter(peer)
        except environments.UnavailableError as error:
            pytest.fail(f"no environment for {peer.name}: {error}")

    return made


@pytest.fixture
def model() -> Iterator[Model]:
    with served() as listening:
        yield listening


@pytest.fixture(scope="session")
def checkouts() -> tuple[Path, ...]:
    """The folders that TOOLKIT_PEER_TESTS names, each a checkout of a peer."""
    named = os.environ.get("TOOLKIT_PEER_TESTS", "")
    return tuple(Path(text).absolute() for text in named.split(os.pathsep) if text)
