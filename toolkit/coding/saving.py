"""A block's file in the work dir, written where no symbolic link can lead astray.

Hidden here: that the code of earlier blocks shares the folder, so that a name may by now be a link
out of it, a pipe or a folder. Each step of the path is opened relative to the one before it and
never through a link; a check followed by a use could be overtaken.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO


class OutsideError(ValueError):
    """The name leads out of the work dir, or to something that is no file."""


def save(work_dir: Path, name: str, code: str) -> str:
    """Write the code under that name; give the name relative to the work dir.

    Folders inside are made. A file that is what is to be written is left alone: to empty one that
    exists takes longer than most blocks. Raises OutsideError, or OSError when it cannot be written.
    """
    content = code.encode("utf-8", "replace")
    relative, target = _opened(work_dir, name)
    with os.fdopen(target, "r+b", buffering=0) as file:
        if not _holds(target, content):
            file.truncate(0)
            rest = memoryview(content)
            while rest:
                rest = rest[file.write(rest) :]
    return relative


def create(work_dir: Path, name: str) -> tuple[str, BinaryIO]:
    """Open an empty file of that name for writing; as `save`."""
    relative, target = _opened(work_dir, name)
    stream = os.fdopen(target, "wb")
    stream.truncate(0)
    return relative, stream


def _opened(work_dir: Path, name: str) -> tuple[str, int]:
    parts = _parts(work_dir, name)
    folder = os.open(work_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            inner = _enter(folder, part)
            os.close(folder)
            folder = inner
        return "/".join(parts), _open(folder, parts[-1])
    finally:
        os.close(folder)


def _parts(work_dir: Path, name: str) -> Sequence[str]:
    """The steps from the work dir to the file, without `.` and `..`. An absolute path may be."""
    if "\0" in name:
        raise OutsideError(name)
    base = os.path.abspath(work_dir)  # noqa: PTH100 - Path has no way to drop `..` unresolved
    target = os.path.normpath(os.path.join(base, name))  # noqa: PTH118 - as above
    for root in (base, os.path.realpath(base)):
        if target.startswith(root.rstrip("/") + "/") and not name.endswith("/"):
            return PurePosixPath(target).relative_to(root).parts
    raise OutsideError(name)


def _enter(folder: int, part: str) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(FileExistsError):
        os.mkdir(part, dir_fd=folder)
    try:
        return os.open(part, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in {errno.ENOTDIR, errno.ELOOP}:  # a file, or a link
            raise OutsideError(part) from error
        raise


def _open(folder: int, part: str) -> int:
    # Not blocking: the name may be that of a pipe which nobody reads.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        target = os.open(part, flags, 0o666, dir_fd=folder)
    except OSError as error:
        if isinstance(error, PermissionError | FileNotFoundError) or not _exists(folder, part):
            raise
        raise OutsideError(part) from error
    if not stat.S_ISREG(os.fstat(target).st_mode):
        os.close(target)
        raise OutsideError(part)
    return target


def _holds(file: int, content: bytes) -> bool:
    size = len(content)
    return os.fstat(file).st_size == size and os.pread(file, size, 0) == content


def _exists(folder: int, part: str) -> bool:
    try:
        os.stat(part, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True
