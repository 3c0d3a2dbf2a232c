"""What both ends of HTTP/2 need beside h2: sending within windows, a look at what comes. Pure.

h2 waits for the whole of a frame, whose length may be 16 MiB, before it says that it is too long; a
peer that speaks something else altogether would never be found out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import h2.connection
import h2.exceptions

Headers = list[tuple[bytes, bytes]]

AT_A_TIME: Final = 256 << 10
"""What one call may send before the others, and what came, have their turn."""

# hpack and h2 let some of the latter out on hostile bytes.
BROKEN: Final = (h2.exceptions.ProtocolError, LookupError, ValueError)

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME_HEADER: Final = 9
_LONGEST_FRAME: Final = 1 << 14
_SETTINGS: Final = 4


class Guard:
    """Follows the frames in what comes, however it is cut: none may be longer than agreed."""

    def __init__(self, *, preface: bool) -> None:
        """`preface` is what a client sends before its first frame; h2 looks at it."""
        self._skip = len(_PREFACE) if preface else 0
        self._header = bytearray()
        self._first = True

    def check(self, data: bytes) -> None:
        """Look at what came; `ValueError` where it is no HTTP/2."""
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            part = data[at : at + _FRAME_HEADER - len(self._header)]
            self._header += part
            at += len(part)
            if len(self._header) == _FRAME_HEADER:
                self._skip = self._length()
                self._header.clear()

    def _length(self) -> int:
        length = int.from_bytes(self._header[:3], "big")
        if length > _LONGEST_FRAME or (self._first and self._header[3] != _SETTINGS):
            raise ValueError(f"a frame of kind {self._header[3]} has {length} bytes")
        self._first = False
        return length


def send(connection: h2.connection.H2Connection, stream: int, data: memoryview) -> int:
    """Send the beginning of `data`, as far as one frame and the windows allow; how much it was.

    Raises `StreamClosedError` where the peer has given the stream up.
    """
    window = connection.local_flow_control_window(stream)
    size = min(window, connection.max_outbound_frame_size, len(data))
    if size > 0:
        connection.send_data(stream, bytes(data[:size]))
    return max(size, 0)


def header(headers: Iterable[tuple[bytes | str, bytes | str]] | None, name: bytes) -> str:
    """Return a header as text; empty where it is missing."""
    for key, value in headers or ():
        if key == name:
            return bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else value
    return ""
