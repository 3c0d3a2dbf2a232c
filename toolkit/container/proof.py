"""The proof that the folder which the engine mounted is the one that this process sees.

Hidden here: a file with a random name, looked for inside the container before it is started. It is
locked while it is in use, so that one which a killed process has left is known by its free lock,
across containers and pid namespaces, and is removed by the next proof in that folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from toolkit.container.options import Mount
from toolkit.engine import Engine
from toolkit.errors import StartError

_PREFIX: Final = ".toolkit-proof-"


def prove(engine: Engine, container_id: str, mount: Mount, folder: Path) -> None:
    """See that what the engine mounted is the folder that this process sees; else StartError."""
    try:
        with _nonce(folder) as name:
            if engine.container_path_exists(container_id, f"{mount.target}/{name}"):
                return
    except OSError as error:
        raise StartError(
            f"folder {folder} cannot be written to: {error.strerror}",
            hint="give a work_dir that this user can write to",
        ) from error
    raise StartError(
        f"folder {mount.source} of the engine's host is not the folder {folder} of this process",
        hint="pass bind_dir: the path that the work_dir has on the engine's host",
        container=container_id,
    )


@contextlib.contextmanager
def _nonce(folder: Path) -> Iterator[str]:
    _clear(folder)
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
