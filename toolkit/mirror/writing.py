"""A folder changed, from an open descriptor: never by a path, never through a link.

The same on both sides, in the image's Python, too: written for Python 3.8. Hidden here: what
somebody does to the folder meanwhile leads no write astray. A file that replaces another is written
beside it; one that has the right bytes is left alone. A folder that is locked is opened until the
end.
"""

# ruff: noqa: PTH101, SIM105 - all is relative to a descriptor; contextlib takes long to import
from __future__ import annotations

import errno
import os
import stat

from toolkit.mirror.records import (
    ABORT,
    CHUNK,
    FAILED,
    FILE,
    FOLDER,
    LINK,
    PIECE,
    REMOVE,
    STAMP,
    BrokenError,
    Record,
)
from toolkit.mirror.tree import ENTER, READ, Parents, stamp

_PLACE = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class _OwnParents(Parents):
    """The same for who may change them: made where they are missing, and open until the end."""

    def __init__(self, root: int) -> None:
        super().__init__(root)
        self.modes: dict[bytes, int] = {}
        """What they are to have at the end."""
        self.makes = True

    def _step(self, folder: int, part: bytes, path: bytes) -> int:
        if self.makes:
            try:
                os.mkdir(part, dir_fd=folder)
            except FileExistsError:
                pass
        if path in self.modes:  # it was opened before
            return os.open(part, ENTER, dir_fd=folder)
        place = os.open(part, _PLACE, dir_fd=folder)  # takes no right to it
        try:
            if not os.access(part, os.R_OK | os.W_OK | os.X_OK, dir_fd=folder):
                mode = os.fstat(place).st_mode & 0o777
                os.chmod(f"/proc/self/fd/{place}", mode | 0o700)
                self.modes[path] = mode
        finally:
            os.close(place)
        return os.open(part, ENTER, dir_fd=folder)


class Writer:
    """Makes the folder what it is told to be. `finish` at the end, whatever happened."""

    def __init__(self, root: int, *, clears: bool = False) -> None:
        """`clears`: a folder to be removed may have in it what is not seen, and goes with it."""
        self._clears = clears
        self._parents = _OwnParents(root)
        self._modes = self._parents.modes
        self._file: _File | None = None

    def take(self, record: Record) -> Record | None:
        """Do it; the answer, but where more of a file is to come. Raises BrokenError."""
        try:
            if record.kind in {PIECE, ABORT}:
                return self._go_on(record)
            if record.kind == FILE:
                self._file = None
                self._file = _File(self._place(record.path), record)
                return self._go_on(record)
            return Record(STAMP, record.path, self._plain(record))
        except (OSError, OverflowError) as error:
            path, self._file = self._dropped(record)
            words = error.strerror if isinstance(error, OSError) else str(error)
            return Record(FAILED, path, (words or repr(error)).encode())

    def finish(self) -> None:
        if self._file is not None:
            self._file.drop()
            self._file = None
        self._parents.makes = False
        for path in sorted(self._modes, reverse=True):
            try:
                folder = self._parents.enter(path)
            except OSError:  # it is no more
                continue
            try:
                os.fchmod(folder, self._modes[path])
            except OSError:
                pass
            finally:
                os.close(folder)
        self._parents.close()

    def _place(self, path: bytes, *, make: bool = True) -> tuple[int, bytes]:
        self._parents.makes = make
        return self._parents.of(path)

    def _dropped(self, record: Record) -> tuple[bytes, _File | None]:
        """After a failure: the rest of a file is still to come, and goes nowhere."""
        if self._file is None:
            rest = _Nowhere(record) if record.kind == FILE else None
            return record.path, rest
        path = self._file.path
        self._file.drop()
        return path, _Nowhere(record, self._file.left)

    def _go_on(self, record: Record) -> Record | None:
        file = self._file
        if file is None:
            raise BrokenError("a piece of no file")
        if record.kind == ABORT:
            self._file = None
            file.drop()
            return Record(FAILED, file.path, b"it was cut short while it was read")
        file.add(record.body)
        if file.left:
            return None
        done = file.close()
        self._file = None
        return Record(STAMP, file.path, done) if done else None

    def _plain(self, record: Record) -> bytes:
        if record.kind == REMOVE:
            self._remove(record.path)
            return b""
        folder, name = self._place(record.path)
        if record.kind == LINK:
            temporary = _temporary()
            os.symlink(record.body, temporary, dir_fd=folder)
            _replace(folder, temporary, name)
            return b"l " + record.body
        if record.kind != FOLDER:
            raise BrokenError(f"a record of kind {record.kind!r}")
        try:
            os.mkdir(name, 0o700, dir_fd=folder)
        except FileExistsError:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISDIR(found.st_mode):
                os.unlink(name, dir_fd=folder)
                os.mkdir(name, 0o700, dir_fd=folder)
            else:
                os.close(self._parents.enter(record.path))
        self._modes[record.path] = record.mode
        return b"d %o" % record.mode

    def _remove(self, path: bytes) -> None:
        try:
            folder, name = self._place(path, make=False)
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISDIR(found.st_mode):
                os.unlink(name, dir_fd=folder)
                return
            if self._clears:
                self._clear(path)
            os.rmdir(name, dir_fd=folder)
            self._modes.pop(path, None)
            self._parents.close()  # it may be the one that is open
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ENOTEMPTY, errno.ENOTDIR, errno.ELOOP}:
                raise

    def _clear(self, path: bytes) -> None:
        """Empty it of links, pipes and the like, where there is nothing else."""
        folder = self._parents.enter(path)
        try:
            with os.scandir(folder) as entries:
                found = list(entries)
            unseen = [each for each in found if each.is_symlink() or not _is_seen(each)]
            for each in unseen if len(unseen) == len(found) else ():
                os.unlink(each.name, dir_fd=folder)
        finally:
            os.close(folder)


def _is_seen(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)


class _File:
    """A file that is being written: under its own name where that is free, else beside it."""

    def __init__(self, place: tuple[int, bytes], record: Record) -> None:
        self.path, self.left = record.path, record.size
        self._folder, self._name = place
        self._record = record
        self._written = self._name
        try:
            self._file = os.open(self._name, _NEW, 0o600, dir_fd=self._folder)
        except FileExistsError:
            self._written = _temporary()
            self._file = os.open(self._written, _NEW, 0o600, dir_fd=self._folder)

    def add(self, data: bytes) -> None:
        self.left -= len(data)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def close(self) -> bytes:
        """Put it in its place; the stamp that it has there."""
        record, folder = self._record, self._folder
        _dress(self._file, record)
        if self._written == self._name:
            done = stamp(os.fstat(self._file))
            os.close(self._file)
            return done
        os.close(self._file)
        self._file = -1
        if not self._is_there():
            _replace(folder, self._written, self._name)
        return stamp(os.stat(self._name, dir_fd=folder, follow_symlinks=False))

    def drop(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        try:
            os.unlink(self._written, dir_fd=self._folder)
        except OSError:
            pass

    def _is_there(self) -> bool:
        """Whether the old file has the same bytes; then it gets the rest, too."""
        old = new = -1
        try:
            old = os.open(self._name, READ, dir_fd=self._folder)
            new = os.open(self._written, READ, dir_fd=self._folder)
            if not _same_bytes(old, new):
                return False
            found = os.fstat(old)
            if (found.st_mode & 0o777, found.st_mtime_ns) != (self._record.mode, self._record.time):
                _dress(old, self._record)
            os.unlink(self._written, dir_fd=self._folder)
        except OSError:
            return False
        else:
            return True
        finally:
            for each in (old, new):
                if each >= 0:
                    os.close(each)


class _Nowhere(_File):
    """What is left of a file that could not be written."""

    def __init__(self, record: Record, left: int = -1) -> None:
        self.path = record.path
        self.left = record.size - len(record.body) if left < 0 else left

    def add(self, data: bytes) -> None:
        self.left -= len(data)

    def close(self) -> bytes:
        return b""

    def drop(self) -> None:
        pass


def _dress(file: int, record: Record) -> None:
    os.fchmod(file, record.mode)
    os.utime(file, ns=(record.time, record.time))


def _same_bytes(one: int, other: int) -> bool:
    found = os.fstat(one)
    if not stat.S_ISREG(found.st_mode) or found.st_size != os.fstat(other).st_size:
        return False
    while True:
        data = os.read(one, CHUNK)
        if data != os.read(other, CHUNK):
            return False
        if not data:
            return True


def _replace(folder: int, temporary: bytes, name: bytes) -> None:
    try:
        try:
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except IsADirectoryError:
            os.rmdir(name, dir_fd=folder)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(temporary, dir_fd=folder)
        raise


def _temporary() -> bytes:
    return b".toolkit-" + os.urandom(8).hex().encode()
