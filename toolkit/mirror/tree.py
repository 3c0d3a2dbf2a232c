"""What is in a folder, from an open descriptor: never by a path, never through a link.

The same on both sides, in the image's Python, too: written for Python 3.8. Hidden here: each step
of a path is opened relative to the one before it. Devices, pipes and sockets are not seen; of
modes, the nine plain bits.
"""

from __future__ import annotations

import os
import stat
import sys
import time

from toolkit.mirror.records import (
    ABORT,
    CHUNK,
    DEEPEST,
    FAILED,
    FILE,
    FOLDER,
    LINK,
    LONGEST_PATH,
    PIECE,
    Record,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Known = dict[tuple[int, ...], bytes]

UNREADABLE = b"x"
"""The stamp of a folder of which nobody knows what is in it."""
LATE = b" ~"
"""At the end of a stamp: the file was written so late before it was looked at that it may be
written again without another time. It will not have this stamp again."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
ENTER = _DIRECTORY | os.O_NOFOLLOW
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TICK = 12_000_000
"""Nanoseconds, more than a tick of any kernel."""
_FINE = 0.0005
"""Seconds; Linux ticks at most a thousand times in one."""
_COARSE = 5
"""Linux's CLOCK_REALTIME_COARSE: the time that a file gets which is written now."""
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
_MOST_KNOWN = 50_000
"""Stamps that are kept: some twenty megabytes, which may be the container's."""


class TooManyError(Exception):
    """The folder has more in it than may be."""


def opened(folder: str | os.PathLike[str]) -> int:
    return os.open(folder, _DIRECTORY)


def stamp(found: os.stat_result, target: bytes = b"") -> bytes:
    """What tells one state of an entry from another."""
    mode = found.st_mode
    kind = mode & 0o170000
    if kind == stat.S_IFDIR:
        return b"d %o" % (mode & 0o777)
    if kind == stat.S_IFLNK:
        return b"l " + target
    numbers = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
    return b"f %o %d %d %d %d" % (mode & 0o777, *numbers)


def _tick() -> int:
    """A time from which on a file may be written that will be written again at the same time.

    A kernel that only plays Linux (gVisor) has a finer clock than its files may have.
    """
    try:
        if sys.platform == "linux" and time.clock_getres(_COARSE) > _FINE:
            return time.clock_gettime_ns(_COARSE)
    except OSError:
        pass
    return time.time_ns() - _TICK


def scan(root: int, most: int, known: Known | None = None) -> dict[bytes, bytes]:
    """Everything in the folder, and the stamp of each. Raises TooManyError, and OSError.

    `known` is kept from scan to scan: to write a stamp takes long, and most are as they were.
    """
    known = {} if known is None else known
    search = _Search(most, known)
    search.look(os.dup(root), b"")
    if len(known) > min(2 * len(search.found) + 1000, _MOST_KNOWN):
        known.clear()
    return search.found


class _Search:
    def __init__(self, most: int, known: Known) -> None:
        self._most = most
        self._known = known
        self._recent = _tick()
        self.found: dict[bytes, bytes] = {}

    def look(self, folder: int, prefix: bytes) -> None:
        """Look at what is in the folder and below it, and close it."""
        try:
            with os.scandir(folder) as entries:
                folders = self._take(folder, prefix, entries)
            for name in folders:
                self._enter(folder, name, prefix + name)
        finally:
            os.close(folder)

    def _take(self, folder: int, prefix: bytes, entries: Iterator[os.DirEntry[str]]) -> list[bytes]:
        """Note what is there; the folders' names. In one piece: it takes most of the time."""
        folders, found, known, recent = [], self.found, self._known, self._recent
        for entry in entries:
            name = entry.name.encode(_ENCODING, _ERRORS)
            try:
                seen = entry.stat(follow_symlinks=False)
                mode = seen.st_mode
                kind = mode & 0o170000
                if kind == stat.S_IFREG:
                    modified, changed = seen.st_mtime_ns, seen.st_ctime_ns
                    key = (seen.st_ino, changed, modified, seen.st_size, mode)
                    told = known.get(key)
                    if told is None:
                        told = known[key] = stamp(seen)
                    found[prefix + name] = told + LATE if modified >= recent <= changed else told
                elif kind == stat.S_IFLNK:
                    found[prefix + name] = stamp(seen, os.readlink(name, dir_fd=folder))
                elif kind == stat.S_IFDIR:
                    found[prefix + name] = stamp(seen)
                    folders.append(name)
            except FileNotFoundError:
                continue
            if len(found) > self._most:
                raise TooManyError(f"there are more than {self._most} files and folders")
        return folders

    def _enter(self, folder: int, name: bytes, path: bytes) -> None:
        is_deep = path.count(b"/") >= DEEPEST - 2 or len(path) > LONGEST_PATH - 300
        try:
            inner = -1 if is_deep else os.open(name, ENTER, dir_fd=folder)
        except OSError:  # not for us to read, or something else by now
            inner = -1
        if inner < 0:
            self.found[path] = UNREADABLE
        else:
            self.look(inner, path + b"/")


class Parents:
    """Folders by their paths, each opened from the one above; the last one stays open."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._path: bytes | None = None
        self._folder = -1

    def of(self, path: bytes) -> tuple[int, bytes]:
        """The folder that an entry is in, and its name there."""
        parent, _, name = path.rpartition(b"/")
        if self._path != parent:
            self.close()
            self._folder = self.enter(parent)
            self._path = parent
        return self._folder, name

    def enter(self, path: bytes) -> int:
        folder, done = os.dup(self._root), b""
        for part in path.split(b"/") if path else ():
            done += b"/" + part if done else part
            try:
                inner = self._step(folder, part, done)
            finally:
                os.close(folder)
            folder = inner
        return folder

    def _step(self, folder: int, part: bytes, _path: bytes) -> int:
        return os.open(part, ENTER, dir_fd=folder)

    def close(self) -> None:
        if self._folder >= 0:
            os.close(self._folder)
        self._folder, self._path = -1, None


class Reader:
    """Tells what is in the folder."""

    def __init__(self, root: int) -> None:
        self._parents = Parents(root)

    def stamp(self, path: bytes) -> bytes:
        """The state of one entry; nothing, where there is none, or none that is seen."""
        try:
            folder, name = self._parents.of(path)
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            is_link = stat.S_ISLNK(found.st_mode)
            return stamp(found, os.readlink(name, dir_fd=folder) if is_link else b"")
        except OSError:
            return b""

    def records(self, path: bytes) -> Iterator[Record]:
        """The entry, whatever it is by now; FAILED where it cannot be read."""
        try:
            folder, name = self._parents.of(path)
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISLNK(found.st_mode):
                yield Record(LINK, path, os.readlink(name, dir_fd=folder))
            elif stat.S_ISDIR(found.st_mode):
                record = Record(FOLDER, path)
                record.mode = found.st_mode & 0o777
                yield record
            elif stat.S_ISREG(found.st_mode):
                file = os.open(name, READ, dir_fd=folder)
                try:
                    yield from _bytes_of(file, path)
                finally:
                    os.close(file)
        except OSError as error:
            yield Record(FAILED, path, (error.strerror or repr(error)).encode())

    def close(self) -> None:
        self._parents.close()


def _bytes_of(file: int, path: bytes) -> Iterator[Record]:
    found = os.fstat(file)
    record, left = Record(FILE, path), found.st_size
    if not stat.S_ISREG(found.st_mode):
        return
    record.mode, record.size, record.time = found.st_mode & 0o777, left, found.st_mtime_ns
    record.body = os.read(file, min(left, CHUNK))
    left -= len(record.body)
    yield record
    while left:
        data = os.read(file, min(left, CHUNK))
        if not data:  # it has become shorter
            yield Record(ABORT)
            return
        left -= len(data)
        yield Record(PIECE, b"", data)
