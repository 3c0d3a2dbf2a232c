"""A container's files as an image that is otherwise the container's image.

Hidden here: an engine's commit also takes the container's configuration, and lets none of it be
taken away: our labels, by which a stranger's container would look like ours, the environment with
what may be secret in it, the worker as entrypoint. So the commit is only the way to the layers. The
image itself is loaded, with the configuration of the first one and without a single layer, since
the engine has them all; one that takes no such archive is given its own layers back.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import starmap
from typing import IO, Any, Final

from toolkit.context import ContextFile, pack
from toolkit.engine import Engine, failures
from toolkit.errors import ContainerError, EngineError
from toolkit.reference import ImageReference

_WANTS_LAYERS: Final = re.compile(r"resolve layers|layer tarfiles are missing", re.IGNORECASE)


def snapshot(engine: Engine, container: str, tag: str) -> str:
    """Make an image of the container's files, without its mounts; returns the image's id.

    It has the image's own labels, environment, entrypoint, command, user and working directory.
    Raises ImageReferenceError for a name that is none, EngineError.
    """
    name = str(ImageReference.parse(tag).tagged)
    original = _original(engine, container)
    committed = engine.commit_container(container)
    try:
        made = engine.inspect_image(committed) or {}
        layers = made["RootFS"]["Layers"]
        about = functools.partial(_about, name, original, layers)
        places = [f"{number}/layer.tar" for number in range(len(layers))]
        try:
            files = starmap(ContextFile, about(places).items())
            _load(engine, bytes(pack(files)))
        except EngineError as error:
            # Docker's containerd image store, and Podman.
            if not _WANTS_LAYERS.search(error.message):
                raise
            _load_whole(engine, committed, about)
        found = engine.inspect_image(name)
        if found is None:
            raise EngineError(
                f"image {name} was loaded and is not there",
                hint="try again, when nothing removes images meanwhile",
            )
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


def _about(
    name: str, original: Mapping[str, Any], layers: Sequence[str], places: Sequence[str]
) -> dict[str, bytes]:
    """What `docker save` would write, less the layers, which are at these places."""
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
    manifest = [{"Config": file, "RepoTags": [name], "Layers": list(places)}]
    return {file: config, "manifest.json": json.dumps(manifest).encode()}


def _load_whole(
    engine: Engine, committed: str, about: Callable[[Sequence[str]], Mapping[str, bytes]]
) -> None:
    """Load the image that `about` describes with the layers of another one."""
    with tempfile.TemporaryFile() as file:
        with engine.open("GET", f"/images/{committed}/get", doing="saving the snapshot") as answer:
            for chunk in answer.chunks():
                file.write(chunk)
        file.seek(0)
        with tarfile.open(fileobj=file) as saved:
            listing = saved.extractfile("manifest.json")
            places = json.load(listing)[0]["Layers"] if listing else []
            _load(engine, _with_layers(about(places), saved, places))


def _with_layers(
    files: Mapping[str, bytes], saved: tarfile.TarFile, places: Sequence[str]
) -> Iterator[bytes]:
    for path, content in files.items():
        yield from _entry(path, io.BytesIO(content), len(content))
    for place in dict.fromkeys(places):
        layer = saved.extractfile(place)  # also through a link, which the engine may have written
        if layer is not None:
            size = layer.seek(0, io.SEEK_END)
            layer.seek(0)
            yield from _entry(place, layer, size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _entry(path: str, content: IO[bytes], size: int) -> Iterator[bytes]:
    header = tarfile.TarInfo(path)
    header.size = size
    yield header.tobuf(tarfile.PAX_FORMAT)
    while data := content.read(1 << 16):
        yield data
    yield bytes(-size % tarfile.BLOCKSIZE)


def _load(engine: Engine, archive: bytes | Iterator[bytes]) -> None:
    doing = "loading the snapshot"
    headers = {"Content-Type": "application/x-tar"}
    with engine.open(
        "POST", "/images/load", doing=doing, params={"quiet": "1"}, headers=headers, data=archive
    ) as answer:
        said = b"".join(answer.chunks()).decode("utf-8", "replace")
    for line in said.splitlines():
        item = json.loads(line) if line.startswith("{") else {}
        if words := item.get("error"):
            raise EngineError(f"{doing} failed: {words}", hint=failures.hint_for(words))
