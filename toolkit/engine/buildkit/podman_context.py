"""A build context as Podman needs it: the same tar, but for what Podman does otherwise. Pure.

Hidden here: secrets are files in the root, which Podman moves away before the build begins;
an ignore file, which BuildKit does not heed in a tar, is not sent; and Podman 4 takes a step from
its cache whatever is in the folder that is mounted for it, so the Dockerfile says what is there.
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Final

from toolkit.dockerfile import Instruction, instructions
from toolkit.engine.reading import Reading
from toolkit.errors import BuildError

_IGNORED: Final = (".dockerignore", ".containerignore")
_ARGUMENT: Final = "toolkit_context"
_MOUNT: Final = re.compile(r"--mount=(\S+)")
_BLOCK: Final = tarfile.BLOCKSIZE
_PIECE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a context: the Dockerfile's text, empty where there is none; its digest."""

    dockerfile: str
    digest: str


@dataclass(frozen=True, slots=True)
class Told:
    """A Dockerfile to be sent, and by stages what its steps are: None is one that we put there.

    Their lines are those of the Dockerfile as it was written.
    """

    text: str
    stages: tuple[tuple[Instruction | None, ...], ...]


def look(parts: Iterable[bytes], dockerfile: str) -> Found:
    """Read a context once. BuildError where it is no tar."""
    digest = hashlib.sha256()
    text = b""

    def watched() -> Iterator[bytes]:
        for part in parts:
            digest.update(part)
            yield part

    for member, file in _members(watched()):
        if file is not None and _name(member) == posixpath.normpath(dockerfile):
            text = file.read()
    return Found(text.decode("utf-8", "replace"), digest.hexdigest())


def told(found: Found) -> Told:
    """The Dockerfile, with the context's digest said in each stage before a folder is mounted."""
    lines = found.dockerfile.split("\n")
    stages: list[list[Instruction | None]] = []
    waiting = True
    for each in instructions(found.dockerfile):
        if each.keyword == "FROM":
            stages.append([])
            waiting = True
        if not stages:  # an ARG before the first FROM is no step
            continue
        if waiting and each.keyword == "RUN" and _mounts_context(each.arguments):
            at = each.lines[0] - 1
            lines[at] = f"ARG {_ARGUMENT}={found.digest[:12]}\n{lines[at]}"
            stages[-1].append(None)
            waiting = False
        stages[-1].append(each)
    return Told("\n".join(lines), tuple(map(tuple, stages)))


def _mounts_context(arguments: str) -> bool:
    mounts = (
        dict(part.partition("=")[::2] for part in each.split(","))
        for each in _MOUNT.findall(arguments)
    )
    return any(each.get("type", "bind") == "bind" and "from" not in each for each in mounts)


def changed(
    parts: Iterable[bytes], dockerfile: tuple[str, str], extra: Mapping[str, bytes]
) -> Iterator[bytes]:
    """The context with another text of the Dockerfile (path, text) and these files in its root."""
    path, text = dockerfile
    for name, content in extra.items():
        yield from _file(tarfile.TarInfo(name), io.BytesIO(content), len(content))
    known = {""}
    for member, file in _members(parts):
        name = _name(member)
        if name in _IGNORED:
            continue
        yield from _folders(posixpath.dirname(name), known)
        if member.isdir():
            known.add(name)
        if name == posixpath.normpath(path) and file is not None:
            content = text.encode()
            yield from _file(member, io.BytesIO(content), len(content))
        else:
            yield from _file(member, file, member.size)
    yield bytes(2 * _BLOCK)


def _folders(name: str, known: set[str]) -> Iterator[bytes]:
    """Enter the folders of a file that have no entry: else they would be as old as the build."""
    if name in known:
        return
    yield from _folders(posixpath.dirname(name), known)
    known.add(name)
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    yield entry.tobuf(tarfile.PAX_FORMAT)


def _file(member: tarfile.TarInfo, file: IO[bytes] | None, size: int) -> Iterator[bytes]:
    if file is None:
        yield member.tobuf(tarfile.PAX_FORMAT)
        return
    member.size = size
    yield member.tobuf(tarfile.PAX_FORMAT)
    while data := file.read(_PIECE):
        yield data
    yield bytes(-size % _BLOCK)


def _members(parts: Iterable[bytes]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Every entry with its content, which must be read before the next one is asked for."""
    reading = Reading(parts)
    try:
        with tarfile.open(fileobj=reading, mode="r|") as tar:
            for member in tar:
                yield member, tar.extractfile(member) if member.isreg() else None
    except tarfile.TarError as error:
        raise BuildError(
            f"the build failed: the context is no tar: {error}", hint="pack the context anew"
        ) from error
    reading.skip()


def _name(member: tarfile.TarInfo) -> str:
    return posixpath.normpath(member.name.lstrip("/"))
