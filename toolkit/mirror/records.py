"""What the two sides of a mirrored folder say to each other: records, over a byte stream each way.

Pure, and the same on both sides; so it is written for Python 3.8 and imports only what starts
quickly. Hidden here: the bytes, and what no honest side says. A path is relative, without `.` and
`..`; there are folders, files and links, and nothing else; a file's bytes are never more than was
said, holes included.

    FOLDER, FILE, LINK   is to be there; a FILE's bytes begin in its record and go on in PIECEs
    ABORT                the file that has begun could not be read whole: drop it
    REMOVE               is not to be there; of a folder only when it is empty
    STAMP                is there, in this state: a listing, or the answer to the above
    FAILED               could not be done, and why; without a path it ends all
    TAKE                 the above follow, up to END; the answer is HELLO, then theirs, then END
    GIVE                 tell what is another than you told last (STAMP) or is no more (REMOVE); the
                         answer is HELLO, then that, then END, which ends it where there is nothing
    ALL                  the same, as if you had never told anything
    WANTED               send it: what follows on such a listing, up to END; the answer ends so, too
    HELLO                I have heard, and begin
    END                  no more
"""

from __future__ import annotations

import struct

FOLDER, FILE, LINK, PIECE, ABORT, REMOVE = b"d", b"f", b"l", b"p", b"a", b"r"
STAMP, FAILED, WANTED, HELLO, END = b"=", b"!", b"?", b"h", b"."
TAKE, GIVE, ALL = b"t", b"g", b"w"
_KINDS = frozenset(b"dflpar=!?h.tgw")
_WITHOUT_PATH = (PIECE, ABORT, HELLO, END, FAILED, TAKE, GIVE, ALL)

HEADER = struct.Struct("!cHIHQq")
CHUNK = 1 << 17
"""The longest piece of a file in one record."""
LONGEST_PATH = 4096
_LONGEST_WORDS = LONGEST_PATH + 128
"""Of a stamp, a link's target, a reason."""
DEEPEST = 100
MOST_ENTRIES = 100_000
MOST_BYTES = 1 << 30
"""Of one folder, and of what is carried at once."""


class BrokenError(ValueError):
    """The other side said something that cannot be."""


class Record:
    """One thing that is said. `time` is in nanoseconds since 1970."""

    __slots__ = ("body", "kind", "mode", "path", "size", "time")

    def __init__(self, kind: bytes, path: bytes = b"", body: bytes = b"") -> None:
        self.kind = kind
        self.path = path
        self.body = body
        self.mode = self.size = self.time = 0

    def __repr__(self) -> str:
        return f"Record({self.kind!r}, {self.path!r}, {self.body[:40]!r})"

    def encode(self) -> bytes:
        return b"".join(self.parts())

    def parts(self) -> tuple[bytes, bytes]:
        """What it is as bytes, in two: the latter may be large."""
        path, body = len(self.path), len(self.body)
        head = HEADER.pack(self.kind, path, body, self.mode, self.size, self.time)
        return head + self.path, self.body


class Decoder:
    """Turn bytes, however they were cut, into records. Raises BrokenError."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._missing = 0

    def feed(self, data: bytes) -> list[Record]:
        self._buffer += data
        records, start = [], 0
        with memoryview(self._buffer) as buffer:  # a slice of the buffer itself is one copy more
            while len(buffer) - start >= HEADER.size:
                kind, path, body, mode, size, time = HEADER.unpack_from(buffer, start)
                longest = CHUNK if kind in {FILE, PIECE} else _LONGEST_WORDS
                if kind[0] not in _KINDS or path > LONGEST_PATH or body > longest:
                    raise BrokenError(f"a record of kind {kind!r}, {path} and {body} bytes")
                begin = start + HEADER.size
                end = begin + path + body
                if len(buffer) < end:
                    break
                record = Record(
                    kind, bytes(buffer[begin : begin + path]), bytes(buffer[begin + path : end])
                )
                record.mode, record.size, record.time = mode & 0o777, size, time
                self._check(record)
                records.append(record)
                start = end
        del self._buffer[:start]
        return records

    def _check(self, record: Record) -> None:
        """Each file's bytes come in one run, and are as many as was said."""
        if record.path or record.kind not in _WITHOUT_PATH:
            check_path(record.path)
        if record.kind == ABORT and self._missing:
            self._missing = 0
            return
        if (record.kind == PIECE) != (self._missing > 0) or record.kind == ABORT:
            raise BrokenError(f"a record of kind {record.kind!r} in the middle of another file")
        if record.kind == FILE:
            self._missing = record.size
        if record.kind in {FILE, PIECE}:
            self._missing -= len(record.body)
            if self._missing < 0 or not (record.body or record.kind == FILE):
                raise BrokenError("a file with more or fewer bytes than was said")


def check_path(path: bytes) -> None:
    """Raise BrokenError for what is no path below a folder."""
    parts = path.split(b"/")
    if (
        len(path) > LONGEST_PATH
        or len(parts) > DEEPEST
        or b"\0" in path
        or any(part in {b"", b".", b".."} for part in parts)
    ):
        raise BrokenError(f"the path {path[:200]!r}")
