"""The program in the container: it makes the folder there what it is told, or tells what is in it.

Runs under the code's uid, in the image's Python, from 3.8 on. Hidden here: reading and writing
standard input and output in large pieces.
"""

from __future__ import annotations

import os

from toolkit.mirror.records import (
    CHUNK,
    END,
    FAILED,
    HELLO,
    MOST_ENTRIES,
    SAME,
    STAMP,
    WANTED,
    Decoder,
    Record,
    digest,
)
from toolkit.mirror.tree import Reader, TooManyError, opened, scan
from toolkit.mirror.writing import Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


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


def main(what: str, folder: str, known: str = "") -> None:
    """Do `take` or `give` with the folder; `known` is the digest of what was told before."""
    out = _Out()
    root = opened(folder)
    if what == "take":
        _take(root, out)
    else:
        _give(root, out, known.encode())
    out.flush()


def _take(root: int, out: _Out) -> None:
    out.say(Record(HELLO))
    out.flush()
    writer = Writer(root, clears=True)
    try:
        for record in _heard():
            answer = writer.take(record)
            if answer is not None:
                out.say(answer)
    finally:
        writer.finish()
    out.say(Record(END))


def _give(root: int, out: _Out, known: bytes) -> None:
    try:
        found = scan(root, MOST_ENTRIES)
    except TooManyError as error:
        out.say(Record(FAILED, b"", str(error).encode()))
        return
    if digest(found) == known:
        out.say(Record(SAME))
    else:
        for path in found:
            out.say(Record(STAMP, path, found[path]))
        out.say(Record(END))
    out.flush()
    reader = Reader(root)
    for record in _heard():
        if record.kind == WANTED:
            for each in reader.records(record.path):
                out.say(each)
    out.say(Record(END))


def _heard() -> Iterator[Record]:
    """The records on standard input, up to the last."""
    decoder = Decoder()
    while True:
        data = os.read(0, CHUNK)
        if not data:
            return
        for record in decoder.feed(data):
            if record.kind == END:
                return
            yield record
