"""A connection as bytes in and bytes out, whatever is underneath.

Hidden here: that a socket may be TLS, that http.client has read ahead, and that a close in one
thread must wake a `recv` in another and never touch a descriptor that is somebody else's by then.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from toolkit.engine import failures
from toolkit.engine.forks import keep_from_children
from toolkit.errors import EngineUnreachableError


class ByteStream(Protocol):
    """One connection. One thread may receive while another sends and a third one closes."""

    def recv(self, max_bytes: int = 65536) -> bytes:
        """Wait for bytes; `b""` is the end, however it came (end, reset, our own close)."""
        ...

    def send(self, data: bytes) -> None:
        """Send all of it; `EngineUnreachableError` when the connection is gone."""
        ...

    def shut_write(self) -> None:
        """Say that nothing more is sent; what comes can still be received."""
        ...

    def close(self) -> None:
        """End the connection in both directions, at once; a second call does nothing."""
        ...

    def close_after_fork(self) -> None:
        """In a forked child: drop the inherited descriptor, leave the connection alone."""
        ...

    def fileno(self) -> int:
        """Return the descriptor, for a selector; -1 once closed.

        It is non-blocking. With `recv` of 16 KiB or more nothing stays hidden behind it, but what
        was there from the beginning: see `ready`.
        """
        ...

    def ready(self) -> bool:
        """Tell whether there are bytes of which no selector knows."""
        ...


class SocketStream:
    """A `ByteStream` over a socket, plain or TLS.

    The socket never blocks: each call takes the lock only for one attempt and waits without it, so
    that two threads are never inside one TLS object (CPython does not guard it).
    """

    def __init__(
        self,
        connection: socket.socket,
        *,
        early: bytes = b"",
        release: Callable[[], None] | None = None,
    ) -> None:
        """`early` is what was already read; `release` frees what the connection belongs to."""
        connection.settimeout(0)
        keep_from_children(connection)
        self._socket = connection
        self._early = early
        self._release = release
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._users = 0
        self._closed = False

    def recv(self, max_bytes: int = 65536) -> bytes:
        if self._early:
            data, self._early = self._early[:max_bytes], self._early[max_bytes:]
            return data
        with self._use():
            while not self._closed:
                try:
                    with self._lock:
                        return self._socket.recv(max_bytes)
                except (BlockingIOError, ssl.SSLWantReadError):
                    self._wait(select.POLLIN)
                except ssl.SSLWantWriteError:
                    self._wait(select.POLLOUT)
                except OSError:
                    return b""
        return b""

    def send(self, data: bytes) -> None:
        with self._sending, self._use():
            left = memoryview(data)
            while left:
                left = left[self._send_some(left) :]

    def shut_write(self) -> None:
        with self._sending, self._lock, contextlib.suppress(OSError):
            if self._closed:
                return
            if isinstance(self._socket, ssl.SSLSocket):
                # Sends our end and then wants the peer's, for which nobody waits here.
                self._socket.unwrap()
            else:
                self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            with contextlib.suppress(OSError):
                # Not SSLSocket.shutdown: that takes the TLS object from under a waiting thread.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            last = not self._users
        if last:
            self._free()

    def close_after_fork(self) -> None:
        # No lock: a thread that does not exist in this process may have held it.
        self._closed = True
        descriptor = self._socket.detach()
        if descriptor >= 0:
            os.close(descriptor)

    def fileno(self) -> int:
        return -1 if self._closed else self._socket.fileno()

    def ready(self) -> bool:
        return bool(self._early)

    def _send_some(self, data: memoryview) -> int:
        try:
            with self._lock:
                if not self._closed:
                    return self._socket.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            self._wait(select.POLLOUT)
            return 0
        except ssl.SSLWantReadError:
            self._wait(select.POLLIN)
            return 0
        except OSError as error:
            raise EngineUnreachableError(
                "the connection to the Docker engine was lost while sending", hint=failures.LOOK
            ) from error
        raise EngineUnreachableError(
            "the connection to the Docker engine is closed", hint=failures.LOOK
        )

    def _wait(self, event: int) -> None:
        poll = select.poll()
        poll.register(self._socket.fileno(), event)
        poll.poll()

    @contextlib.contextmanager
    def _use(self) -> Iterator[None]:
        """Keep the descriptor alive meanwhile; the last user of a closed stream frees it."""
        with self._lock:
            self._users += not self._closed
            counted = not self._closed
        try:
            yield
        finally:
            with self._lock:
                self._users -= counted
                last = counted and self._closed and not self._users
            if last:
                self._free()

    def _free(self) -> None:
        with contextlib.suppress(OSError):
            if self._release is not None:
                self._release()
        with contextlib.suppress(OSError):
            self._socket.close()
