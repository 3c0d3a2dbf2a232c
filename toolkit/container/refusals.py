"""What the engine's and the worker's refusals of a container mean.

Hidden here: their words, which differ between engines and runtimes.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from toolkit import labels as label
from toolkit.container.options import ContainerOptions
from toolkit.errors import EngineRefusedError, Hint, StartError
from toolkit.worker import boot

NO_PYTHON: Final = "contains no `python`"
"""What the error says of an image without one, after its name."""


@contextlib.contextmanager
def explained(options: ContainerOptions) -> Iterator[None]:
    """Turn what the engine and the worker say into what it means."""
    try:
        yield
    except (EngineRefusedError, StartError) as error:
        better = _meaning(error.message, options)
        if better is not None:
            raise better from error
        if isinstance(error, StartError):
            raise
        words = error.message.partition(" failed: ")[2] or error.message
        message = f"no container of {options.image}: {words}"
        raise StartError(message, hint=error.hint) from error


def _meaning(words: str, options: ContainerOptions) -> StartError | None:
    """Find the error for the engine's or the worker's words, where they are known."""
    for is_it, message, hint in _meanings(words, options):
        if is_it:
            return StartError(message, hint=hint)
    return None


def _meanings(words: str, options: ContainerOptions) -> Iterator[tuple[bool, str, str]]:
    image = options.image
    seen = ("--image", image)
    contract = Hint(
        "use an image that contains `sh` and `python`, such as python:3-slim",
        check="image.contents",
        flags=seen,
    )
    yield (
        "/bin/sh" in words and ("no such file" in words or "executable file not found" in words),
        f"image {image} contains no `sh`",
        contract,
    )
    yield boot.NO_PYTHON in words, f"image {image} {NO_PYTHON}", contract
    bare = f"image {image} has a Python without zlib"
    yield boot.NO_ZLIB in words, bare, "use an image whose Python was built with zlib"
    version = words.rpartition(" ")[2]
    old = f"image {image} has Python {version}, and 3.8 is the oldest that works"
    yield boot.TOO_OLD in words, old, contract
    yield (
        "No such image" in words or "image not known" in words,  # the latter is Podman's
        f"image {image} does not exist here",
        Hint(f"run `docker pull {image}`", check="image.present", flags=seen),
    )
    yield (
        "marked for removal" in words or "No such container" in words,
        f"the container of {image} was removed while it started",
        "start it again",
    )
    yield from _missing_parts(words, options)
    yield _no_source(words, options)


def _missing_parts(words: str, options: ContainerOptions) -> Iterator[tuple[bool, str, str]]:
    yield (
        "could not select device driver" in words,
        "the engine has no driver for the devices that are asked for",
        Hint(
            "install the vendor's container toolkit, such as NVIDIA's, on the engine's host",
            check="engine.gpu",
        ),
    )
    yield (
        "nknown runtime" in words or "unknown or invalid runtime" in words,
        f"runtime {options.runtime!r} is not known to the engine",
        Hint("name it under `runtimes` in the engine's daemon.json", check="engine.runtimes"),
    )
    network = options.network or options.limits.network
    yield (
        f"network {network} not found" in words
        or f"network with name or ID {network}" in words,  # Podman
        f"network {network!r} does not exist on the engine",
        f"run `docker network create {network}`",
    )


def _no_source(words: str, options: ContainerOptions) -> tuple[bool, str, str]:
    sources = (mount.source for mount in options.mounts if mount.source)
    missing = next((source for source in sources if is_no_source(words, source)), "")
    message = f"{missing} does not exist on the engine's host, so it cannot be a volume"
    return bool(missing), message, "make it there first, or mend the volume's path"


def is_no_source(words: str, source: str) -> bool:
    """Whether the words say that the engine has nothing there, or may not use what is there."""
    said = words.lower()
    return bool(re.search(rf"{re.escape(source)}(?![^\s'\":,])", words)) and (
        "bind source path does not exist" in said
        or "invalid mount path" in said
        or ("statfs " in said and "no such file" in said)  # Podman
        or "mounts denied" in said  # Docker Desktop
    )


def name_taken(name: str, holder: Mapping[str, Any] | None) -> StartError:
    """The error for a name that a container has already: `holder`, as the engine describes it."""
    removing = f"choose another name, or run `docker rm -f {name}` if it is not needed"
    if holder is None:
        return StartError(f"container name {name!r} is taken by another container", hint=removing)
    labels = holder["Config"].get("Labels") or {}
    named = f"container {holder['Id'][:12]} of {holder['Config']['Image']}"
    if not label.is_owned(labels, name):
        message = f"container name {name!r} is taken by {named}, which is not ours"
        return StartError(message, hint=removing)
    if labels.get(label.KEEP) == "1":
        message = f"container name {name!r} is taken by {named}, which was kept"
        removing = f"pass take_up=True to go on in it, or remove it by `docker rm -f {name}`"
        return StartError(message, hint=removing)
    pid = labels.get(label.OWNER_PID, "")
    return StartError(
        f"container name {name!r} is taken by {named}, which process {pid} uses", hint=removing
    )
