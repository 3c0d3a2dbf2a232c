"""Temporary folders that are gone with this process, and with the next one's start after a kill.

Hidden here: a folder's name says whose it is, so that there is no moment at which it belongs to
nobody, and a later process can prove that its owner is dead: the same machine, and either another
boot, or the same pid namespace without that process. Whatever cannot be proven is left alone.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import re
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Final

from toolkit import labels as label
from toolkit.lifecycle import owner

_LOG: Final = logging.getLogger(__name__)
_NAME: Final = re.compile(
    r"toolkit-[a-z]+-(?P<host>[0-9a-f]*)-(?P<boot>[0-9a-f]*)-(?P<pid>\d+)-(?P<start>\d*)"
    r"-(?P<pidns>\d*)-[^-]*"
)


class Scratch:
    """A folder below the system's temporary one, made when it is first asked for.

    It is removed by `close`, or at the end of the process, after the containers of executors that
    were made later. Only this user can enter it.
    """

    def __init__(self, purpose: str) -> None:
        """`purpose` is a word of lower-case letters, for whoever finds the folder."""
        self._purpose = purpose
        self._lock = threading.Lock()
        self._made: Path | None = None
        watch()
        _live.add(self)

    @property
    def folder(self) -> Path:
        with self._lock:
            if self._made is None:
                self._made = Path(tempfile.mkdtemp(prefix=_prefix(self._purpose)))
            return self._made

    def close(self) -> None:
        """Remove the folder and all that is in it. Idempotent; it never raises."""
        with self._lock:
            made, self._made = self._made, None
        _live.discard(self)
        if made is not None:
            remove(made)

    def forget(self) -> None:
        """In a forked child: the folder is the parent's."""
        self._lock = threading.Lock()
        self._made = None


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, and say so where something stays."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        _LOG.warning("folder %s is left: another user's files are in it", folder)


def sweep(root: Path | None = None) -> None:
    """Remove the folders of processes that are proven dead. It never raises."""
    for folder in abandoned(root):
        remove(folder)


def abandoned(root: Path | None = None) -> tuple[Path, ...]:
    """Find the folders of this user's processes that are proven dead. It never raises."""
    mine = _identity()
    with contextlib.suppress(OSError), os.scandir(root or tempfile.gettempdir()) as entries:
        return tuple(Path(entry.path) for entry in entries if _is_abandoned(entry, mine))
    return ()


def _is_abandoned(entry: os.DirEntry[str], mine: dict[str, str]) -> bool:
    found = _NAME.fullmatch(entry.name)
    return found is not None and _is_dead(found.groupdict(), mine) and _is_ours(entry)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    with contextlib.suppress(OSError):
        return (
            entry.is_dir(follow_symlinks=False)
            and entry.stat(follow_symlinks=False).st_uid == os.getuid()
        )
    return False


def _is_dead(found: dict[str, str], mine: dict[str, str]) -> bool:
    if not found["host"] or found["host"] != mine["host"]:
        return False
    if found["boot"] != mine["boot"]:
        return bool(found["boot"] and mine["boot"])
    if found["pidns"] != mine["pidns"] or not found["start"]:
        return False
    try:
        stat = Path(f"/proc/{found['pid']}/stat").read_text("utf-8")
    except FileNotFoundError:
        return Path("/proc/self/stat").exists()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[19] != found["start"]


def _identity() -> dict[str, str]:
    said = owner()
    return {
        "host": said[label.OWNER_HOST][:8],
        "boot": said[label.OWNER_BOOT][:8],
        "pid": said[label.OWNER_PID],
        "start": said[label.OWNER_START],
        "pidns": said[label.OWNER_PIDNS],
    }


def _prefix(purpose: str) -> str:
    return "-".join(["toolkit", purpose, *_identity().values(), ""])


# One hook for the whole process.

_live: set[Scratch] = set()
_watching: list[int] = []
_watch_lock = threading.Lock()


def watch() -> None:
    """Have the folders of this process removed at its end, and those of dead ones now. Once."""
    with _watch_lock:
        if _watching:
            return
        _watching.append(os.getpid())
        atexit.register(_exit)
        os.register_at_fork(after_in_child=_forget_all)
    sweep()


def _exit() -> None:
    if _watching == [os.getpid()]:
        for scratch in list(_live):
            scratch.close()


def _forget_all() -> None:
    global _watch_lock  # noqa: PLW0603 - a fork may have copied it locked
    _watch_lock = threading.Lock()
    _watching[:] = [os.getpid()]
    for scratch in list(_live):
        scratch.forget()
    _live.clear()
