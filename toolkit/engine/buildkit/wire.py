"""The wire formats below BuildKit: protobuf, gRPC frames, percent-coding. Pure.

A codec of our own for the dozen small messages that are exchanged, so that neither protobuf nor
grpcio is needed. Whatever the bytes are, the only error is `WireError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, unquote

from toolkit.engine.wire import WireError

# What a gRPC call ends with.
OK: Final = 0
UNKNOWN: Final = 2
INVALID_ARGUMENT: Final = 3
NOT_FOUND: Final = 5
RESOURCE_EXHAUSTED: Final = 8
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
UNAVAILABLE: Final = 14

VARINT: Final = 0
_FIXED: Final = {1: 8, 5: 4}
_BYTES: Final = 2
_VARINT_BYTES: Final = 10
_FRAME_HEADER: Final = 5
# Everything printable but `%`, as gRPC's own encoders do.
_PLAIN: Final = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Every field of a message as (number, value): int for scalars, bytes for the rest."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if not number:
            raise WireError("a message has a field with the number 0")
        if kind == VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise WireError(f"a message has a field of the unknown kind {kind}")
        if at + size > len(data):
            raise WireError("a message ends inside a field")
        part = data[at : at + size]
        at += size
        yield number, part if kind == _BYTES else int.from_bytes(part, "little")


def encode(*pairs: tuple[int, str | bytes | int]) -> bytes:
    """Return a message of these fields, in this order; ints (and bools) become varints."""
    out = bytearray()
    for number, value in pairs:
        if isinstance(value, int):
            out += _as_varint(number << 3 | VARINT) + _as_varint(value)
        else:
            raw = value.encode() if isinstance(value, str) else value
            out += _as_varint(number << 3 | _BYTES) + _as_varint(len(raw)) + raw
    return bytes(out)


def text(value: int | bytes) -> str:
    """Return a string field; bytes that are no UTF-8 are replaced."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def signed(value: int | bytes) -> int:
    """Return an int32/int64 field with its sign (negative ones are 10-byte varints)."""
    if isinstance(value, bytes):
        return 0
    return value - (1 << 64) if value >> 63 else value


def message(value: int | bytes) -> dict[int, int | bytes]:
    """Return a sub-message as its fields by number, where of each the last one wins."""
    return dict(fields(value)) if isinstance(value, bytes) else {}


class FrameDecoder:
    """Turn the data of one gRPC stream, however it was cut, into messages."""

    def __init__(self, limit: int) -> None:
        """`limit` is the size in bytes above which a message is refused."""
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every message that these bytes complete; `WireError` for one that is not acceptable."""
        self._buffer += data
        while len(self._buffer) >= _FRAME_HEADER:
            if self._buffer[0]:
                raise WireError("a gRPC message is compressed, which was not agreed")
            size = int.from_bytes(self._buffer[1:_FRAME_HEADER], "big")
            if size > self._limit:
                raise WireError(f"a gRPC message has {size} bytes, more than {self._limit}")
            end = _FRAME_HEADER + size
            if len(self._buffer) < end:
                return
            found = bytes(self._buffer[_FRAME_HEADER:end])
            del self._buffer[:end]
            yield found

    @property
    def complete(self) -> bool:
        """Whether nothing of a next message has come."""
        return not self._buffer


def frame(payload: bytes) -> bytes:
    """Return one message as gRPC frames it."""
    return b"\0" + len(payload).to_bytes(4, "big") + payload


def percent_encode(words: str) -> str:
    """Return a text as `grpc-message` carries it: printable ASCII, the rest as %XX of UTF-8."""
    return quote(words.encode("utf-8", "replace"), safe=_PLAIN)


def percent_decode(words: str) -> str:
    """Return the text that a `grpc-message` carries."""
    return unquote(words, errors="replace")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(_VARINT_BYTES):
        if at + index >= len(data):
            raise WireError("a message ends inside a number")
        byte = data[at + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if value >> 64:
                break
            return value, at + index + 1
    raise WireError("a message has a number of more than 64 bits")


def _as_varint(value: int) -> bytes:
    left = value & (1 << 64) - 1
    out = bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)
