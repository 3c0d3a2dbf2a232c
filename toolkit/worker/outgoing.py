"""What the worker has to say: frames on their way to the engine, in bounded memory.

Runs inside the container, as part of the worker. Written for Python 3.8, standard library only: see
protocol.py.

Hidden here: who goes first, and that each call of write(2) wakes several processes between here and
the client, on processors that the end of the run may need: what belongs together goes together.
"""

from __future__ import annotations

import os
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from toolkit.worker.protocol import Frame

_BACKLOG = 1 << 18
"""Bytes that may wait for the engine before the programs' output is left in their pipes."""
_WORDS, _PAUSE = 4096, 0.001
"""Bytes, and seconds: how little output waits for how long for the end of its run."""


class Outgoing:
    """A queue before a descriptor that does not block."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._control: deque[bytes] = deque()
        self._data: deque[bytes] = deque()
        self._writing = b""
        self._size = 0
        self.rests_until: float | None = None
        """When what is here is to be written, while that is not now; seconds as `monotonic`."""

    @property
    def is_wanting(self) -> bool:
        """Whether something is to be written as soon as the engine takes it."""
        return self._size > 0 and self.rests_until is None

    @property
    def is_full(self) -> bool:
        """Whether output is to be left where it is."""
        return self._size >= _BACKLOG

    def control(self, frame: Frame) -> None:
        """A word of the worker's: it goes before all output, and at once."""
        self.rests_until = None
        self._control.append(self._counted(frame))

    def output(self, frame: Frame, now: float, *, may_wait: bool) -> None:
        """Output of a run. `may_wait`: its end is likely to follow, and a few words wait for it."""
        if not self._size and may_wait and len(frame.payload) < _WORDS:
            self.rests_until = now + _PAUSE
        self._data.append(self._counted(frame))

    def end(self, frame: Frame) -> None:
        """The end of a run, after its output."""
        self.rests_until = None
        self._data.append(self._counted(frame))

    def write(self, now: float) -> None:
        """Pass on what the engine takes now, unless it rests."""
        if self.rests_until is not None:
            if now < self.rests_until and self._size < _WORDS:
                return
            self.rests_until = None
        while self._size:
            if not self._writing:
                self._writing = self._next()
            try:
                sent = os.write(self.target, self._writing)
            except BlockingIOError:
                return
            self._writing = self._writing[sent:]
            self._size -= sent

    def _counted(self, frame: Frame) -> bytes:
        encoded = frame.encode()
        self._size += len(encoded)
        return encoded

    def _next(self) -> bytes:
        """Whole frames, control first: what comes later is never put inside of another."""
        frames, size = [], 0
        while size < _WORDS and (self._control or self._data):
            frames.append((self._control or self._data).popleft())
            size += len(frames[-1])
        return b"".join(frames)
