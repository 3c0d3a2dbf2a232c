"""What is said about a mirrored folder, one way and the other: records sent, records received.

Hidden here: that everything heard is the code's word. Only what was asked for is taken, and no more
of it than may be; what is listed as missing is removed only if it is still as it was known.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from typing import Final

from toolkit.mirror.plan import Plan, Snapshot, leaves, listed, plan
from toolkit.mirror.records import (
    ABORT,
    END,
    FAILED,
    FILE,
    FOLDER,
    HELLO,
    LINK,
    MOST_BYTES,
    MOST_ENTRIES,
    PIECE,
    REMOVE,
    SAME,
    STAMP,
    WANTED,
    BrokenError,
    Decoder,
    Record,
)
from toolkit.mirror.tree import LATE, Reader, TooManyError
from toolkit.mirror.writing import Writer
from toolkit.worker.result import Result, Stream

_LOG: Final = logging.getLogger(__name__)
_LISTING: Final = 64 << 20
"""Bytes of a listing."""


class _Feed:
    """Records as something to read from, as they are made."""

    def __init__(self) -> None:
        self._records: Iterator[Record] | None = None
        self._buffer = bytearray()
        self._decoder = Decoder()
        self.has_begun = False
        """Whether something was heard; before that nothing is told, so that it can be retried."""

    def _heard(self, stream: Stream, data: bytes) -> list[Record]:
        if stream != "stdout":
            return []
        self.has_begun = True
        return self._decoder.feed(data)

    def begin(self, records: Iterator[Record]) -> None:
        self._records = records

    def read(self, size: int) -> bytes | None:
        """So many bytes at most; None: not yet; nothing: no more."""
        if self._records is None or not self.has_begun:
            return None
        while len(self._buffer) < size:
            record = next(self._records, None)
            if record is None:
                break
            self._buffer += record.encode()
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        return piece


class Sent(_Feed):
    """What is sent, and the answers to it."""

    def __init__(self, todo: Plan, reader: Reader, found: Snapshot) -> None:
        super().__init__()
        self.done: dict[bytes, bytes] = {}
        self.problems: list[str] = []
        self.is_done = False
        self.late: dict[bytes, bytes] = {}
        self._asked = {*todo.remove, *todo.send}
        self.begin(self._all(todo, reader, found))

    def take(self, stream: Stream, data: bytes) -> None:
        for answer in self._heard(stream, data):
            self.is_done = answer.kind == END
            if answer.kind in {HELLO, END}:
                continue
            if answer.path not in self._asked or answer.kind not in {STAMP, FAILED}:
                raise BrokenError(f"{answer!r} was not asked for")
            if answer.kind == STAMP:
                self.done[answer.path] = answer.body
            elif len(self.problems) <= MOST_ENTRIES:
                self.problems.append(_about(answer))

    def _all(self, todo: Plan, reader: Reader, found: Snapshot) -> Iterator[Record]:
        for path in todo.remove:
            yield Record(REMOVE, path)
        for path in todo.send:
            condensed = hashlib.sha256()
            for record in reader.records(path):
                if is_late(found[path]):
                    condensed.update(record.encode())
                if record.kind == FAILED:
                    _LOG.warning("%s, and is not copied", _about(record))
                else:
                    yield record
            if is_late(found[path]):
                self.late[path] = condensed.digest()
        yield Record(END)


class Received(_Feed):
    """What comes: a listing, then what was asked for because of it."""

    def __init__(self, root: int, here: dict[bytes, bytes], there: dict[bytes, bytes]) -> None:
        super().__init__()
        self._here, self._there = here, there
        self._reader, self._writer = Reader(root), Writer(root)
        self._listing: list[Record] = []
        self._wanted: set[bytes] | None = None
        self._room = MOST_BYTES
        self._told = 0
        self._is_done = False
        self.found: dict[bytes, bytes] | None = None
        self.problems: list[str] = []

    def take(self, stream: Stream, data: bytes) -> None:
        """Raises BrokenError, TooManyError."""
        for record in self._heard(stream, data):
            if record.kind == FAILED and not record.path:
                raise TooManyError(record.body.decode("utf-8", "replace"))
            if self._wanted is None:
                self._list(record)
            else:
                self._write(record)

    @property
    def missing(self) -> tuple[bytes, ...]:
        """What was asked for and has not come."""
        return tuple(self._wanted or ())

    def check(self, result: Result) -> None:
        """Raise BrokenError where not all has come."""
        if not self._is_done:
            raise BrokenError(words_of(result))

    def close(self) -> None:
        self._writer.finish()
        self._reader.close()

    def _list(self, record: Record) -> None:
        if record.kind == SAME:
            self._want(())
        elif record.kind != END:
            self._listing.append(record)
            self._told += len(record.path) + len(record.body)
            if len(self._listing) > MOST_ENTRIES or self._told > _LISTING:
                raise TooManyError(f"there are more than {MOST_ENTRIES} files and folders")
        else:
            found = listed(self._listing)
            todo = plan(self._there, found)
            if todo.size > MOST_BYTES:
                raise TooManyError(f"more than {MOST_BYTES >> 20} MiB are new")
            self.found = found
            for path in todo.left:
                words = "leads out of the work dir"
                _LOG.warning("link %s %s, and is not copied", os.fsdecode(path), words)
            for path in todo.remove:
                self._remove(path)
            self._want(tuple(path for path in todo.send if not self._is_stale(path, found)))

    def _want(self, paths: tuple[bytes, ...]) -> None:
        self._wanted = set(paths)
        self.begin(iter([*(Record(WANTED, path) for path in paths), Record(END)]))

    def _remove(self, path: bytes) -> None:
        known = self._here.get(path, b"").removesuffix(LATE)
        if known and self._reader.stamp(path) == known:
            self._answered(self._writer.take(Record(REMOVE, path)))
            self._reader.close()

    def _is_stale(self, path: bytes, found: Snapshot) -> bool:
        """Whether nothing but a late stamp speaks for it, and it was changed here meanwhile."""
        before, now = self._there.get(path, b""), found[path]
        is_late = before.removesuffix(LATE) == now.removesuffix(LATE)
        return is_late and self._reader.stamp(path) != self._here.get(path, b"").removesuffix(LATE)

    def _write(self, record: Record) -> None:
        wanted = self._wanted or set()
        if record.kind == END:
            self._is_done = True
            return
        if record.kind not in {PIECE, ABORT}:
            if record.path not in wanted or record.kind not in {FILE, FOLDER, LINK, FAILED}:
                raise BrokenError(f"{record!r} was not asked for")
            wanted.discard(record.path)
            self._room -= record.size
        if record.kind == FAILED:
            self.problems.append(_about(record))
            return
        if self._room < 0:
            raise TooManyError(f"more than {MOST_BYTES >> 20} MiB are new")
        if record.kind == LINK and leaves(record.path, b"l " + record.body):
            return
        self._answered(self._writer.take(record))

    def _answered(self, answer: Record | None) -> None:
        if answer is None:
            return
        if answer.kind == FAILED:
            self.problems.append(_about(answer))
        else:
            put(self._here, answer.path, answer.body)


def is_late(stamp: bytes | None) -> bool:
    return stamp is not None and stamp.endswith(LATE)


def put(snapshot: dict[bytes, bytes], path: bytes, stamp: bytes) -> None:
    """Note the state of an entry; no stamp is no entry."""
    if stamp:
        snapshot[path] = stamp
    else:
        snapshot.pop(path, None)


def words_of(result: Result) -> str:
    """What a helper said last."""
    said = result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return said or f"the helper ended with exit code {result.exit_code}"


def _about(record: Record) -> str:
    words = record.body.decode("utf-8", "replace")
    return f"{os.fsdecode(record.path)!r} cannot be copied: {words}"
