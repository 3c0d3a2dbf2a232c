"""What the client and the worker say to each other: frames over one byte stream each way.

Pure, and shared word for word: the client imports it, and its source is sent into the container as
part of the worker. So it is written for Python 3.8 and imports only what starts quickly.

A frame is a header (kind, run, length) and a payload: JSON for requests and reports, raw bytes for
data. `run` tells the runs apart; 0 is the worker itself. Data flows against credit: a receiver
grants bytes, a sender never has more than that under way, so neither end needs unbounded memory
and no run can starve another.

    client → worker                               worker → client
                                                  HELLO   its bytecode's magic; the source is due
    CONFIGURE  who the code is, where it works    READY   what was found; the answer to CONFIGURE
    RUN        start a program                    STDOUT, STDERR   data, against the client's credit
    INPUT      data, against the worker's credit  EXIT    the run's end; nothing of it follows
    INPUT_END  no more of it                      FAILED  it could not be done; the run's end
    CREDIT     so many more bytes of output       CREDIT  so many more bytes of input
    STOP       end the run and all it started
    RESET      end everything but the worker      RESET   done
    PING       is anybody there                   PING    yes
"""

from __future__ import annotations

import json
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

VERSION = 2

CONFIGURE, READY, RUN, INPUT, INPUT_END, CREDIT, STOP, RESET, PING = range(1, 10)
STDOUT, STDERR, EXIT, FAILED, HELLO = range(10, 15)

HEADER = struct.Struct("!BII")
AMOUNT = struct.Struct("!I")

MAX_PAYLOAD = 1 << 20
"""The longest payload that either end accepts; what is longer is a broken peer."""
CHUNK = 1 << 16
"""The longest piece of data in one frame."""
INPUT_WINDOW = 1 << 20
"""Bytes of input that a client may send before the worker has granted more."""
OUTPUT_WINDOW = 1 << 20
"""Bytes of output that a worker may send before the client has granted more."""

EXIT_TIMED_OUT = 124
"""The exit code of a run that was ended by its limit, as timeout(1) has it."""


class ProtocolError(Exception):
    """The other end said something that cannot be."""


class Frame:
    """One message. A plain class, since dataclasses take longer to import than a block to run."""

    __slots__ = ("kind", "payload", "run")

    def __init__(self, kind: int, run: int = 0, payload: bytes = b"") -> None:
        self.kind = kind
        self.run = run
        self.payload = payload

    def __repr__(self) -> str:
        return f"Frame({self.kind}, {self.run}, {self.payload[:40]!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frame) and self.encode() == other.encode()

    def __hash__(self) -> int:
        return hash((self.kind, self.run, self.payload))

    def encode(self) -> bytes:
        """The frame as bytes; a payload over the limit is the sender's own mistake."""
        if len(self.payload) > MAX_PAYLOAD:
            raise ProtocolError(f"a frame of {len(self.payload)} bytes is over the limit")
        return HEADER.pack(self.kind, self.run, len(self.payload)) + self.payload

    def fields(self) -> dict[str, Any]:
        """The payload of a request or report."""
        try:
            fields = json.loads(self.payload.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"a frame of kind {self.kind} is not JSON") from error
        if not isinstance(fields, dict):
            raise ProtocolError(f"a frame of kind {self.kind} is not a table")
        return fields

    def amount(self) -> int:
        """The bytes that a CREDIT grants."""
        if len(self.payload) != AMOUNT.size:
            raise ProtocolError(f"a grant of {len(self.payload)} bytes of payload")
        granted: int = AMOUNT.unpack(self.payload)[0]
        return granted


def report(kind: int, run: int, fields: Mapping[str, object]) -> Frame:
    """A frame with a table. Lone surrogates (a path that is not UTF-8) survive as escapes."""
    return Frame(kind, run, json.dumps(fields).encode("ascii"))


def grant(run: int, amount: int) -> Frame:
    """Credit for so many more bytes."""
    return Frame(CREDIT, run, AMOUNT.pack(amount))


class FrameDecoder:
    """Turn bytes, however they were cut, into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete now. Raises ProtocolError for what no peer of ours says."""
        self._buffer += data
        frames = []
        start = 0
        with memoryview(self._buffer) as buffer:  # a slice of the buffer itself is one copy more
            while len(buffer) - start >= HEADER.size:
                kind, run, length = HEADER.unpack_from(buffer, start)
                if not CONFIGURE <= kind <= HELLO:
                    raise ProtocolError(f"unknown frame kind {kind}")
                if length > MAX_PAYLOAD:
                    raise ProtocolError(f"a frame of {length} bytes is over the limit")
                end = start + HEADER.size + length
                if len(buffer) < end:
                    break
                frames.append(Frame(kind, run, bytes(buffer[start + HEADER.size : end])))
                start = end
        del self._buffer[:start]
        return frames

    def close(self) -> None:
        """Say that no more bytes come; half a frame is an error, not silence."""
        if self._buffer:
            raise ProtocolError(f"stream ended inside a frame ({len(self._buffer)} bytes left)")
