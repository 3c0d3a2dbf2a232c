"""A build context as a tar whose bytes depend on its files alone, and which is never held whole.

Hides everything that makes two tars of the same files differ: order, times, owners, umask. A file
is a path, its bytes, and whether it can be executed; there is nothing else that could change a
digest. The bytes may stay on disk until they are packed: what is packed is then what was digested,
or an error.
"""

from __future__ import annotations

import hashlib
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Self

from toolkit.errors import SpecError

CHUNK: Final = 256 << 10
"""How much of a file is read at once."""

_RENAME: Final = "give the file another name"


@dataclass(frozen=True, slots=True)
class DiskFile:
    """The bytes of a file on disk, as they were when it was read. Equal to any with those bytes."""

    place: Path = field(compare=False)
    size: int
    sha256: str

    @classmethod
    def read(cls, place: Path) -> Self:
        """Take the file's size and digest. Raises OSError."""
        size, digest = 0, hashlib.sha256()
        for chunk in _chunks(place):
            size += len(chunk)
            digest.update(chunk)
        return cls(place, size, digest.hexdigest())

    def chunks(self) -> Iterator[bytes]:
        """The same bytes again. Raises SpecError, and withholds the last ones, where they changed.

        So whoever is given them never has the whole of a file that is not the one digested.
        """
        digest, left, last = hashlib.sha256(), self.size, b""
        try:
            for chunk in _chunks(self.place):
                left -= len(chunk)
                if left < 0:
                    break
                digest.update(chunk)
                if last:
                    yield last
                last = chunk
        except OSError as error:
            raise self._changed() from error
        if left or digest.hexdigest() != self.sha256:
            raise self._changed()
        if last:
            yield last

    def _changed(self) -> SpecError:
        return SpecError(
            f"the file {str(self.place)!r} changed while the image was built",
            hint="build again when nothing writes to it any more",
        )


@dataclass(frozen=True, slots=True)
class ContextFile:
    """One file of a build context. `mode` is 0755 for what its owner may execute, else 0644.

    Raises SpecError for a path that is not plain, relative and inside: empty, absolute, with `.`,
    `..`, an empty component or a NUL, or not representable in UTF-8.
    """

    path: str
    content: bytes | DiskFile
    mode: int = 0o644

    def __post_init__(self) -> None:
        _check_path(self.path)
        object.__setattr__(self, "mode", 0o755 if self.mode & stat.S_IXUSR else 0o644)

    @property
    def size(self) -> int:
        content = self.content
        return content.size if isinstance(content, DiskFile) else len(content)

    @property
    def sha256(self) -> str:
        """The digest of its bytes, in hexadecimal digits."""
        content = self.content
        if isinstance(content, DiskFile):
            return content.sha256
        return hashlib.sha256(content).hexdigest()

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, piece by piece. Raises SpecError where they are on disk and have changed."""
        content = self.content
        return content.chunks() if isinstance(content, DiskFile) else iter([content])

    def read(self) -> bytes:
        """All its bytes at once. Raises what `chunks` raises."""
        return b"".join(self.chunks())


@dataclass(frozen=True, slots=True)
class Tar:
    """A tar, made anew each time it is gone through; `bytes()` gives the whole of it."""

    _members: Mapping[str, ContextFile | None] = field(repr=False)

    def __iter__(self) -> Iterator[bytes]:
        """Its bytes in pieces, none empty. Raises SpecError where a file on disk has changed."""
        size, gathered = 0, bytearray()
        for piece in self._pieces():
            size += len(piece)
            gathered += piece
            if len(gathered) >= CHUNK:
                yield bytes(gathered)
                gathered.clear()
        yield bytes(gathered) + bytes(-size % tarfile.RECORDSIZE)

    def __bytes__(self) -> bytes:
        return b"".join(self)

    def _pieces(self) -> Iterator[bytes]:
        for path, file in self._members.items():
            yield _header(path, file)
            if file is not None:
                yield from file.chunks()
                yield bytes(-file.size % tarfile.BLOCKSIZE)
        yield bytes(2 * tarfile.BLOCKSIZE)


def pack(files: Iterable[ContextFile]) -> Tar:
    """Make the tar of these files and their folders: sorted, at time 0, owned by nobody in name.

    Raises SpecError where a path occurs twice, or is both a file and a folder.
    """
    members = {file.path: file for file in _distinct(files)}
    folders = {str(parent) for path in members for parent in PurePosixPath(path).parents} - {"."}
    if both := folders & members.keys():
        raise SpecError(
            f"build context has {min(both)!r} both as a file and as a folder", hint=_RENAME
        )
    return Tar({path: members.get(path) for path in sorted(folders | members.keys())})


def _chunks(place: Path) -> Iterator[bytes]:
    with place.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _check_path(path: str) -> None:
    problem = None
    if path.startswith("/"):
        problem = "is absolute"
    elif "\0" in path:
        problem = "holds a NUL"
    elif any(part in ("", ".", "..") for part in path.split("/")):
        problem = "has an empty component, '.' or '..'"
    elif not _is_utf8(path):
        problem = "cannot be written in UTF-8"
    if problem:
        raise SpecError(f"path {path!r} in the build context {problem}", hint=_RENAME)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _distinct(files: Iterable[ContextFile]) -> Iterator[ContextFile]:
    seen: set[str] = set()
    for file in files:
        if file.path in seen:
            raise SpecError(f"build context has {file.path!r} twice", hint=_RENAME)
        seen.add(file.path)
        yield file


def _header(path: str, file: ContextFile | None) -> bytes:
    """Describe a member. A new TarInfo has time 0 and owner 0 without a name."""
    header = tarfile.TarInfo(path)
    if file is None:
        header.type, header.mode = tarfile.DIRTYPE, 0o755
    else:
        header.size, header.mode = file.size, file.mode
    return header.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
