"""A build context as a tar whose bytes depend on its files alone.

Hides everything that makes two tars of the same files differ: order, times, owners, umask. A file
is a path, its bytes, and whether it can be executed; there is nothing else that could change a
digest.
"""

from __future__ import annotations

import io
import stat
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from toolkit.errors import SpecError


@dataclass(frozen=True, slots=True)
class ContextFile:
    """One file of a build context. `mode` is 0755 for what its owner may execute, else 0644.

    Raises SpecError for a path that is not plain, relative and inside: empty, absolute, with `.`,
    `..`, an empty component or a NUL, or not representable in UTF-8.
    """

    path: str
    content: bytes
    mode: int = 0o644

    def __post_init__(self) -> None:
        _check_path(self.path)
        object.__setattr__(self, "mode", 0o755 if self.mode & stat.S_IXUSR else 0o644)


def pack(files: Iterable[ContextFile]) -> bytes:
    """Make the tar of these files and their folders: sorted, at time 0, owned by nobody in name.

    Raises SpecError where a path occurs twice, or is both a file and a folder.
    """
    members = {file.path: file for file in _distinct(files)}
    folders = {str(parent) for path in members for parent in PurePosixPath(path).parents} - {"."}
    if both := folders & members.keys():
        raise SpecError(f"build context has {min(both)!r} both as a file and as a folder")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folders | members.keys()):
            file = members.get(path)
            tar.addfile(_header(path, file), None if file is None else io.BytesIO(file.content))
    return buffer.getvalue()


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
        raise SpecError(f"path {path!r} in the build context {problem}")


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
            raise SpecError(f"build context has {file.path!r} twice")
        seen.add(file.path)
        yield file


def _header(path: str, file: ContextFile | None) -> tarfile.TarInfo:
    """Describe a member. A new TarInfo has time 0 and owner 0 without a name."""
    header = tarfile.TarInfo(path)
    if file is None:
        header.type, header.mode = tarfile.DIRTYPE, 0o755
    else:
        header.size, header.mode = len(file.content), file.mode
    return header
