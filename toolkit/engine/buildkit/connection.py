"""One connection, owned by one thread: it alone reads, writes and knows the protocol's state.

Hidden here: HTTP/2's objects are not safe to share, and two threads are never to be in one TLS
socket. So other threads queue what is to be done, and wake the owner. The protocol itself is a
state without I/O (`Server`, `Client`).
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from toolkit.engine.forks import keep_from_children
from toolkit.engine.stream import ByteStream
from toolkit.errors import ToolkitError

Work = Callable[[], None]

_SECONDS: Final = 2.0


class State(Protocol):
    """A protocol as a state: bytes go in, bytes come out, and neither waits."""

    ended: bool

    def start(self) -> None:
        """Prepare what has to be sent first."""
        ...

    def receive(self, data: bytes) -> None:
        """Take what came."""
        ...

    def outgoing(self) -> bytes:
        """Give some of what is to be sent; called until there is nothing."""
        ...

    def lost(self) -> None:
        """Learn that the connection is over; whoever waits for something is told."""
        ...


class Connection:
    """A protocol at work on a stream, in a thread of its own, until either has ended."""

    def __init__(self, stream: ByteStream, state: State, *, name: str) -> None:
        self._stream = stream
        self._state = state
        self._work: deque[Work] = deque()
        self._lock = threading.Lock()
        self._over = False
        self._waker, self._woken = socket.socketpair()
        for end in (self._waker, self._woken):
            end.settimeout(0)
            keep_from_children(end)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self, *, timeout: float = _SECONDS) -> None:
        """End the connection and wait for the thread, at most `timeout` seconds."""
        self._stream.close()
        self._wake()
        if self._thread.is_alive():
            self._thread.join(timeout)
        elif self._thread.ident is None:
            self._finish()

    def is_alive(self) -> bool:
        """Tell whether it still runs."""
        return self._thread.is_alive()

    def post(self, work: Work | None = None) -> None:
        """Have the owner do this, then send what there is to send; from any thread.

        Once the connection is over, the work is done here and then told that all is lost.
        """
        with self._lock:
            if not self._over:
                if work is not None:
                    self._work.append(work)
                self._wake()
                return
            if work is not None:
                work()
                self._state.lost()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake; closed: it has ended
            self._waker.send(b"x")

    def _run(self) -> None:
        try:
            self._state.start()
            while not self._state.ended:
                sent = self._state.outgoing()
                if sent:
                    self._stream.send(sent)
                # What is long must not keep out what came meanwhile: old engines want an answer
                # to Health within a second.
                if not self._turn(wait=not sent):
                    return
            with contextlib.suppress(ToolkitError):
                self._stream.send(self._state.outgoing())  # the GOAWAY that says why
        except ToolkitError:
            return  # the connection is gone, which `lost` tells
        finally:
            self._stream.close()
            self._finish()

    def _turn(self, *, wait: bool) -> bool:
        """Take what came and what was posted; False at the end of the stream."""
        came = self._stream.ready() or self._poll(wait=wait)
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)
        while self._work:
            self._work.popleft()()
        if not came:
            return self._stream.fileno() >= 0
        data = self._stream.recv()
        if data:
            self._state.receive(data)
        return bool(data)

    def _poll(self, *, wait: bool) -> bool:
        descriptor = self._stream.fileno()
        if descriptor < 0:
            return False
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        return any(found == descriptor for found, _ in poll.poll(None if wait else 0))

    def _finish(self) -> None:
        with self._lock:
            self._over = True
            while self._work:
                self._work.popleft()()
            self._state.lost()
        self._waker.close()
        self._woken.close()
