"""A file with a random name: who sees it at a path has the very folder there that we have.

Hidden here: it is locked while it is in use, so that one which a killed process has left is known
by its free lock, across containers and pid namespaces, and is removed by the next proof in that
folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from toolkit.errors import Hint, StartError

_PREFIX: Final = ".toolkit-proof-"


@contextlib.contextmanager
def nonce(folder: Path) -> Iterator[str]:
    """Have such a file in the folder; gives its name. StartError where none can be made."""
    _clear(folder)
    with contextlib.ExitStack() as held:
        try:
            name = held.enter_context(_made(folder))
        except OSError as error:
            raise StartError(
                f"folder {folder} cannot be written to: {error.strerror}",
                hint=Hint(
                    "give a work_dir that this user can write to",
                    check="workdir.local",
                    flags=("--work-dir", str(folder)),
                ),
            ) from error
        yield name


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[str]:
    while True:
        path = folder / f"{_PREFIX}{secrets.token_hex(16)}"
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            if _is_held(descriptor, path):
                yield path.name
                return
        finally:
            path.unlink(missing_ok=True)
            os.close(descriptor)


def _is_held(descriptor: int, path: Path) -> bool:
    """Lock the new file; False when another process took it for a leftover before that."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: nobody clears up there either
        return True
    return path.exists()


def _clear(folder: Path) -> None:
    """Remove what killed processes have left."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX):
                with contextlib.suppress(OSError):
                    _remove(Path(entry.path))


def _remove(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
