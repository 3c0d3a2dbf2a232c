"""A connection inside a call: `Control/Session`, whose messages are the bytes of another HTTP/2.

Hidden here: the inner connection is a socket pair, so that a session runs over it as over any
other; two threads carry its bytes, and neither side can fill the memory of the other.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from typing import Final

from toolkit.engine.buildkit import flow, wire
from toolkit.engine.buildkit.calls import Call, Channel, Ended, Message
from toolkit.engine.forks import keep_from_children
from toolkit.engine.stream import ByteStream, SocketStream
from toolkit.engine.wire import WireError

SESSION: Final = "/moby.buildkit.v1.Control/Session"
_PIECE: Final = 1 << 20


class Tunnel:
    """The call, and the near end of what it carries."""

    def __init__(self, channel: Channel, metadata: flow.Headers) -> None:
        near, self._far = socket.socketpair()
        keep_from_children(self._far)
        self.stream: ByteStream = SocketStream(near)
        self._channel = channel
        self._came: queue.SimpleQueue[Message | Ended] = queue.SimpleQueue()
        self._first: Message | Ended | None = None
        self._call: Call = channel.call(SESSION, self._came.put, metadata=metadata)
        self._threads = [
            threading.Thread(target=each, name="buildkit-tunnel", daemon=True)
            for each in (self._outward, self._inward)
        ]

    def opened(self, *, timeout: float) -> Ended | None:
        """Wait for the engine's first bytes; how the call ended where it ended instead.

        The engine speaks first on a session, so this tells whether it has one.
        """
        try:
            self._first = self._came.get(timeout=timeout)
        except queue.Empty:
            return Ended(lost=True, words="the engine did not answer in time")
        if isinstance(self._first, Ended):
            return self._first
        for each in self._threads:
            each.start()
        return None

    def close(self, *, timeout: float = 2.0) -> None:
        """End it; the channel is closed before."""
        self.stream.close()
        for each in self._threads:
            if each.is_alive():
                each.join(timeout)
        self._far.close()

    def _outward(self) -> None:
        room = threading.Event()
        with contextlib.suppress(OSError):
            while data := self._far.recv(_PIECE):
                room.clear()
                self._channel.send(self._call, wire.encode((1, data)), room.set)
                room.wait()
        self._channel.finish(self._call)

    def _inward(self) -> None:
        item = self._first
        with contextlib.suppress(OSError, WireError):
            while isinstance(item, Message):
                data = wire.message(item.payload).get(1, b"")
                if isinstance(data, bytes):
                    self._far.sendall(data)
                self._channel.consumed(self._call, item)
                item = self._came.get()
        with contextlib.suppress(OSError):
            self._far.shutdown(socket.SHUT_RDWR)
