"""Which files a block created or changed: one walk over the work dir after it.

Hidden here: how a file is known to be new. By its change time, which programs cannot set, held
against that of the block's own file, which was touched just before: both were stamped by the clock
of one file system, whatever the clocks of this process and of the engine say. Such clocks can be
coarse, so what happened just before the block may bear the same time; see `Watch.begin`.
The code of blocks shares the folder: each folder is opened below its parent and never by a link.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import mimetypes
import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Final

from toolkit.coding.results import FileChange

_LOG: Final = logging.getLogger(__name__)
_TICKS: Final = 40
_TICK: Final = 0.0005
"""How often and for how many seconds to wait for a coarse clock: 20 ms are two ticks of the worst
kernel; a file system that counts in seconds is not waited for."""
_WRITING: Final = 12_000_000
"""Nanoseconds, more than a tick of any kernel."""
_DEPTH: Final = 100
_ENTRIES: Final = 100_000
_REPORTED: Final = 10_000
"""Bounds on what a block can make this process do, and on the cost in somebody's home folder."""
_IGNORED: Final = "__pycache__"
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

_OWN_TYPES: Final = {
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".webp": "image/webp",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


@dataclass(frozen=True, slots=True)
class Stamp:
    """The moment before a block: all that has this change time or a later one is of the block.

    `known`: files that bear this very time already, and their change times.
    """

    time: int
    known: Mapping[str, int]


class Watch:
    """One work dir, and what was seen in it last.

    Blocks that run at the same time in one work dir are told each other's files, too.
    """

    def __init__(self, work_dir: Path) -> None:
        self._work_dir = work_dir
        self._last: dict[str, int] = {}
        self._own = 0

    def arrive(self) -> int:
        """When somebody else last put something into the folder: asked before the block's file is.

        Who makes a file may still be writing it in the next tick, so it is said to be later.
        """
        arrived = self._arrived()
        return 0 if arrived == self._own else arrived + _WRITING

    def begin(self, code_file: str, arrived: int) -> Stamp:
        """The moment before a block, whose file is there.

        Its file is touched twice, which the newer kernels stamp with two times. With an
        older one the next tick of the clock is waited for, but only when something else is known to
        have happened in this one; what is not known is told as the block's.
        """
        path = self._work_dir / code_file
        self._own = self._arrived()
        try:
            before = _touched(path)  # it need not have been written: see `save`
            stamp = _touched(path)
            others = max(arrived, *self._last.values()) if self._last else arrived
            for _ in range(_TICKS):
                if stamp > before or others < stamp:
                    return Stamp(stamp, {})
                time.sleep(_TICK)
                stamp = _touched(path)
        except OSError:  # not ours to touch, or gone
            return Stamp(time.time_ns(), {})
        return Stamp(stamp, self._last)

    def end(self, stamp: Stamp, ignore: Collection[str]) -> tuple[FileChange, ...]:
        """The files that were created or changed since, by their paths' order."""
        walk = _Walk(stamp, ignore)
        with contextlib.suppress(OSError):
            walk.enter(os.open(self._work_dir, _FOLDER), "", 0)
        if walk.left <= 0:
            _LOG.warning("folder %s has too many files to be searched whole", self._work_dir)
        self._last = {name: found.st_ctime_ns for name, found in walk.found}
        self._own = self._arrived()
        return tuple(
            FileChange(str(self._work_dir / name), found.st_size, media_type(name))
            for name, found in sorted(walk.found, key=itemgetter(0))
        )

    def _arrived(self) -> int:
        with contextlib.suppress(OSError):
            return self._work_dir.stat().st_mtime_ns
        return 0


class _Walk:
    """Not through paths, but from an open folder to those in it; files before folders."""

    def __init__(self, stamp: Stamp, ignore: Collection[str]) -> None:
        self._stamp = stamp
        self._ignore = ignore
        self.found: list[tuple[str, os.stat_result]] = []
        self.left = _ENTRIES

    def enter(self, folder: int, prefix: str, depth: int) -> None:
        """Look at what is in the folder, and close it."""
        try:
            names = self._look(folder, prefix)
            for name in names if depth < _DEPTH and self.left > 0 else ():
                with contextlib.suppress(OSError):  # not ours to read, a link by now, or gone
                    inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
                    self.enter(inner, f"{prefix}{name}/", depth + 1)
        finally:
            os.close(folder)

    def _look(self, folder: int, prefix: str) -> list[str]:
        """Take the files that are new; give the folders' names. Nothing is asked twice."""
        since, names, seen = self._stamp.time, [], 0
        with os.scandir(folder) as entries:
            for seen, entry in enumerate(islice(entries, self.left), 1):  # noqa: B007 - used below
                if entry.is_dir(follow_symlinks=False):
                    names.append(entry.name)
                elif entry.is_file(follow_symlinks=False):
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    if found.st_ctime_ns >= since:
                        self._take(prefix + entry.name, found)
        self.left -= seen
        return [name for name in names if name != _IGNORED]

    def _take(self, name: str, found: os.stat_result) -> None:
        is_known = self._stamp.known.get(name) == found.st_ctime_ns
        if name not in self._ignore and not is_known and len(self.found) < _REPORTED:
            self.found.append((name, found))


def media_type(name: str) -> str:
    """The media type that the name's ending stands for, the same on every machine."""
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a hundred times as quick
    return _OWN_TYPES.get(ending) or _types().guess_type(name)[0] or "application/octet-stream"


@functools.cache
def _types() -> mimetypes.MimeTypes:
    return mimetypes.MimeTypes()


def _touched(path: Path) -> int:
    os.utime(path, follow_symlinks=False)
    return os.lstat(path).st_ctime_ns
