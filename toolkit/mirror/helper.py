"""The program in the container: it makes the folder there what it is told, or tells what is in it.

It stays, and waits to be asked; so it knows what it has told, and tells only what is another since.
Runs under the code's uid, in the image's Python, from 3.8 on. Hidden here: reading and writing
standard input and output in large pieces, and that nobody may be left to ask.
"""

from __future__ import annotations

import os
import select

from toolkit.mirror.records import (
    ALL,
    CHUNK,
    END,
    FAILED,
    GIVE,
    HELLO,
    MOST_ENTRIES,
    REMOVE,
    STAMP,
    TAKE,
    WANTED,
    BrokenError,
    Decoder,
    Record,
)
from toolkit.mirror.tree import Reader, TooManyError, opened, scan
from toolkit.mirror.writing import Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 60
"""For which it waits to be asked: in a container that is kept, nobody may come any more."""
_SMALL = 10_000
"""Entries of a folder that is looked through in a moment."""
_WIDE = 1 << 20
_F_SETPIPE_SZ = 1031


class _Out:
    """Standard output."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._size = 0

    def say(self, record: Record) -> None:
        data = record.encode()
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= CHUNK:
            self.flush()

    def flush(self) -> None:
        rest = memoryview(b"".join(self._waiting))
        self._waiting, self._size = [], 0
        while rest:
            rest = rest[os.write(1, rest) :]


class _Helper:
    """One folder, and what was told of it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._heard = _heard()
        self._out = _Out()
        self._told: dict[bytes, bytes] = {}
        self._known: dict[tuple[int, ...], bytes] = {}

    def serve(self) -> None:
        """Do what is asked, until nobody asks."""
        for record in self._heard:
            root = opened(self._folder)
            self._out.say(Record(HELLO))
            if record.kind == TAKE or len(self._told) > _SMALL:
                self._out.flush()  # else the answer is there as soon
            try:
                if record.kind == TAKE:
                    self._take(root)
                elif record.kind in {GIVE, ALL}:
                    self._give(root, {} if record.kind == ALL else self._told)
                else:
                    raise BrokenError(f"a request of kind {record.kind!r}")
            finally:
                os.close(root)
            self._out.flush()

    def _take(self, root: int) -> None:
        writer = Writer(root, clears=True)
        try:
            for record in self._more():
                answer = writer.take(record)
                if answer is not None:
                    self._out.say(answer)
                    if answer.kind == STAMP:
                        self._note(answer.path, answer.body)
        finally:
            writer.finish()
        self._out.say(Record(END))

    def _give(self, root: int, told: dict[bytes, bytes]) -> None:
        try:
            found = scan(root, MOST_ENTRIES, self._known)
        except TooManyError as error:
            self._out.say(Record(FAILED, b"", str(error).encode()))
            return
        self._told = found
        if found == told:
            self._out.say(Record(END))
            return
        self._list(told, found)
        reader = Reader(root)
        for record in self._more():
            if record.kind == WANTED and not self._sent(reader, record.path):
                self._note(record.path, told.get(record.path, b""))
        reader.close()
        self._out.say(Record(END))

    def _list(self, told: dict[bytes, bytes], found: dict[bytes, bytes]) -> None:
        for path, stamp in found.items():
            if told.get(path) != stamp:
                self._out.say(Record(STAMP, path, stamp))
        for path in told:
            if path not in found:
                self._out.say(Record(REMOVE, path))
        self._out.say(Record(END))
        self._out.flush()

    def _sent(self, reader: Reader, path: bytes) -> bool:
        """Send it; False where nothing is there to be sent any more."""
        is_there = False
        for each in reader.records(path):
            self._out.say(each)
            is_there = True
        return is_there

    def _note(self, path: bytes, stamp: bytes) -> None:
        """What the other side takes it for, from now on."""
        if stamp:
            self._told[path] = stamp
        else:
            self._told.pop(path, None)

    def _more(self) -> Iterator[Record]:
        """What belongs to the request, up to its end."""
        for record in self._heard:
            if record.kind == END:
                return
            yield record


def main(folder: str) -> None:
    """Serve the folder, on standard input and output."""
    _widen(0)
    _widen(1)
    _Helper(folder).serve()


def _heard() -> Iterator[Record]:
    """The records on standard input, up to its end, or a silence."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    decoder = Decoder()
    while poll.poll(int(_SECONDS * 1000)):
        data = os.read(0, CHUNK)
        if not data:
            return
        yield from decoder.feed(data)


def _widen(pipe: int) -> None:
    """Have it hold more, so that who writes and who reads take turns less often."""
    try:
        import fcntl

        fcntl.fcntl(pipe, _F_SETPIPE_SZ, _WIDE)
    except (ImportError, OSError):  # as it is, it works, too
        pass
