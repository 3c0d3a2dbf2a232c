"""What is said about a mirrored folder, one way and the other: records sent, records received.

Hidden here: that everything heard is the code's word. Only what was asked for is taken, and no more
of it than may be; what is listed as missing is removed only if it is still as it was known.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from toolkit.mirror.plan import Plan, Snapshot, leaves, listed, plan
from toolkit.mirror.records import (
    ABORT,
    ALL,
    END,
    FAILED,
    FILE,
    FOLDER,
    GIVE,
    HELLO,
    LINK,
    MOST_BYTES,
    MOST_ENTRIES,
    PIECE,
    REMOVE,
    STAMP,
    TAKE,
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


class Talk:
    """One question to the helper and its answer; a source of input, as `Standing` reads it."""

    def __init__(self) -> None:
        self._records: Iterator[Record] = iter(())
        self._rest: deque[bytes | memoryview] = deque()
        self._decoder = Decoder()
        self.has_begun = False
        """Whether something was heard: a helper that says nothing has done nothing."""
        self.is_done = self._is_greeted = False
        self.problems: list[str] = []

    def begin(self, *, informed: bool) -> None:
        """Ask. `informed`: the helper knows what it has told, so that it need tell the rest only.

        Once more only where it has not begun.
        """
        raise NotImplementedError

    def take(self, stream: Stream, data: bytes) -> None:
        """Hear. Raises BrokenError for what is no answer."""
        if stream == "stdout":
            self.has_begun = True
            for record in self._decoder.feed(data):
                if self.is_done or (record.kind == HELLO) == self._is_greeted:
                    raise BrokenError(f"{record!r} was not asked for")
                if record.kind == HELLO:
                    self._is_greeted = True
                    self._greeted()
                else:
                    self._hear(record)

    def read(self, size: int) -> bytes | None:
        """So many bytes at most; None: nothing for now."""
        pieces: list[bytes | memoryview] = []
        while size and (self._rest or self._refilled()):
            piece = self._rest.popleft()
            if len(piece) > size:
                self._rest.appendleft(memoryview(piece)[size:])
                piece = memoryview(piece)[:size]
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces) or None

    def _refilled(self) -> bool:
        record = next(self._records, None)
        if record is not None:
            self._rest.extend(record.parts())
        return record is not None

    def _greeted(self) -> None:
        """It has heard the question."""

    def _hear(self, record: Record) -> None:
        raise NotImplementedError

    def _say(self, records: Iterable[Record]) -> None:
        self._records = iter(records)


class Sent(Talk):
    """What is sent, and the answers to it."""

    def __init__(self, todo: Plan, reader: Reader, found: Snapshot) -> None:
        super().__init__()
        self.done: dict[bytes, bytes] = {}
        self.late: dict[bytes, bytes] = {}
        self._todo, self._reader, self._found = todo, reader, found
        self._asked = {*todo.remove, *todo.send}

    def begin(self, *, informed: bool) -> None:  # noqa: ARG002 - as in Talk
        self._say([Record(TAKE)])

    def _greeted(self) -> None:
        self._say(self._all())

    def _hear(self, record: Record) -> None:
        if record.kind == END:
            self.is_done = True
        elif record.path not in self._asked or record.kind not in {STAMP, FAILED}:
            raise BrokenError(f"{record!r} was not asked for")
        elif record.kind == STAMP:
            self.done[record.path] = record.body
        elif len(self.problems) <= MOST_ENTRIES:
            self.problems.append(_about(record))

    def _all(self) -> Iterator[Record]:
        for path in self._todo.remove:
            yield Record(REMOVE, path)
        for path in self._todo.send:
            condensed = hashlib.sha256()
            for record in self._reader.records(path):
                if is_late(self._found[path]):
                    condensed.update(record.encode())
                if record.kind == FAILED:
                    _LOG.warning("%s, and is not copied", _about(record))
                else:
                    yield record
            if is_late(self._found[path]):
                self.late[path] = condensed.digest()
        yield Record(END)


class Received(Talk):
    """What comes: a listing, then what was asked for because of it."""

    def __init__(self, root: int, here: dict[bytes, bytes], there: dict[bytes, bytes]) -> None:
        super().__init__()
        self._here, self._there = here, there
        self._reader, self._writer = Reader(root), Writer(root)
        self._before: Snapshot = {}
        self._listing: list[Record] = []
        self._wanted: set[bytes] | None = None
        self._room = MOST_BYTES
        self._told = 0
        self.found: dict[bytes, bytes] | None = None
        """What is there now, where that is another than it was."""

    def begin(self, *, informed: bool) -> None:
        self._before = self._there if informed else {}
        self._say([Record(GIVE if informed else ALL)])

    def _hear(self, record: Record) -> None:
        """Raises TooManyError, too."""
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

    def close(self) -> None:
        self._writer.finish()
        self._reader.close()

    def _list(self, record: Record) -> None:
        if record.kind != END:
            self._listing.append(record)
            self._told += len(record.path) + len(record.body)
            if len(self._listing) > 2 * MOST_ENTRIES or self._told > _LISTING:
                raise TooManyError(f"there are more than {MOST_ENTRIES} files and folders")
            return
        self.is_done = not self._listing
        if self._listing or self._before is not self._there:
            self._compare(listed(self._before, self._listing))

    def _compare(self, found: dict[bytes, bytes]) -> None:
        todo = plan(self._there, found)
        if todo.size > MOST_BYTES:
            raise TooManyError(f"more than {MOST_BYTES >> 20} MiB are new")
        self.found = found
        for path in todo.left:
            words = "leads out of the work dir"
            _LOG.warning("link %s %s, and is not copied", os.fsdecode(path), words)
        for path in todo.remove:
            self._remove(path)
        wanted = tuple(path for path in todo.send if not self._is_stale(path, found))
        self._wanted = set(wanted)
        if not self.is_done:
            self._say([*(Record(WANTED, path) for path in wanted), Record(END)])

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
            self.is_done = True
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
    """What a helper that has ended said last."""
    said = result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return said or f"the helper ended with exit code {result.exit_code}"


def _about(record: Record) -> str:
    words = record.body.decode("utf-8", "replace")
    return f"{os.fsdecode(record.path)!r} cannot be copied: {words}"
