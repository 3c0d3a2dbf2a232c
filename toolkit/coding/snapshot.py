"""A container's files as an image that is otherwise the container's image.

Hidden here: an engine's commit also takes the container's configuration, and lets none of it be
taken away: our labels, by which a stranger's container would look like ours, the environment with
what may be secret in it, the worker as entrypoint. So the commit is only the way to the layers. The
image itself is loaded, with the configuration of the first one and without a single layer, since
the engine has them all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from toolkit.context import ContextFile, pack
from toolkit.engine import Engine
from toolkit.errors import ContainerError, EngineError
from toolkit.reference import ImageReference


def snapshot(engine: Engine, container: str, tag: str) -> str:
    """Make an image of the container's files, without its mounts; returns the image's id.

    It has the image's own labels, environment, entrypoint, command, user and working directory.
    Raises ImageReferenceError for a name that is none, EngineError.
    """
    reference = ImageReference.parse(tag)
    name = str(reference.with_tag(reference.tag or "latest"))
    original = _original(engine, container)
    committed = engine.commit_container(container)
    try:
        made = engine.inspect_image(committed) or {}
        _load(engine, _archive(name, original, made["RootFS"]["Layers"]))
        found = engine.inspect_image(name)
        if found is None:
            raise EngineError(f"image {name} was loaded and is not there")
        return str(found["Id"])
    finally:
        engine.remove_image(committed)


def _original(engine: Engine, container: str) -> Mapping[str, Any]:
    found = engine.inspect_container(container)
    image = None if found is None else engine.inspect_image(found["Image"])
    if image is None:
        raise ContainerError(
            "the container or its image is gone, so no snapshot can be made of it",
            hint="make the snapshot while the container runs",
            container=container,
        )
    return image


def _archive(name: str, original: Mapping[str, Any], layers: Sequence[str]) -> bytes:
    """What `docker save` would write, less the layers."""
    kept = ("Architecture", "Os", "Variant")
    image = {
        **{key.lower(): original[key] for key in kept if original.get(key)},
        "created": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "config": original.get("Config") or {},
        "rootfs": {"type": "layers", "diff_ids": list(layers)},
        "history": [],
    }
    config = json.dumps(image).encode()
    file = f"{hashlib.sha256(config).hexdigest()}.json"
    places = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": file, "RepoTags": [name], "Layers": places}]
    files = [ContextFile(file, config), ContextFile("manifest.json", json.dumps(manifest).encode())]
    return bytes(pack(files))


def _load(engine: Engine, archive: bytes) -> None:
    doing = "loading the snapshot"
    headers = {"Content-Type": "application/x-tar"}
    with engine.open(
        "POST", "/images/load", doing=doing, params={"quiet": "1"}, headers=headers, data=archive
    ) as answer:
        said = b"".join(answer.chunks()).decode("utf-8", "replace")
    for line in said.splitlines():
        item = json.loads(line) if line.startswith("{") else {}
        if words := item.get("error"):
            raise EngineError(
                f"{doing} failed: {words}",
                hint="use an engine that keeps images in its own store, not in containerd's",
            )
