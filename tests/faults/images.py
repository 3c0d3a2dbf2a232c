"""Images for the matrix: the base, with a volume and a Python that takes its time.

The volume has no name, so that one is left if anything is. A fifth of a second between the start of
a container and its worker's first answer is a stage that a fault can be aimed at.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from typing import Final

from toolkit.context import ContextFile, pack
from toolkit.engine import Engine

_PYTHON: Final = b'#!/bin/sh\nsleep 0.2\nexec /usr/bin/python3 "$@"\n'
REPOSITORY: Final = "toolkit-faults"
RUN: Final = uuid.uuid4().hex[:8]
"""With it begins whatever this run gives a name: others may run the same tests on this engine."""


@contextlib.contextmanager
def image(engine: Engine, base: str) -> Iterator[str]:
    """Make an image with a tag and an id of its own, for as long as the `with` lasts."""
    tag = f"{RUN}-{uuid.uuid4().hex[:8]}"
    container = engine.create_container(
        {"Image": base, "Cmd": ["true"], "Labels": {REPOSITORY: tag}}
    )
    try:
        doing = "making an image"
        path = f"/containers/{container}/archive"
        tar = pack([ContextFile("python3", _PYTHON, 0o755)])
        params = {"path": "/usr/local/bin"}
        with engine.open("PUT", path, doing=doing, params=params, data=bytes(tar)):
            pass
        params = {"container": container, "repo": REPOSITORY, "tag": tag}
        changes = {"Volumes": {"/scratch": {}}, "Labels": {REPOSITORY: tag}}
        with engine.open("POST", "/commit", doing=doing, params=params, json=changes) as answer:
            made = json.loads(b"".join(answer.chunks()))["Id"]
    finally:
        engine.remove_container(container)
    try:
        yield f"{REPOSITORY}:{tag}"
    finally:
        engine.remove_image(f"{REPOSITORY}:{tag}", force=True)
        engine.remove_image(made, force=True)
