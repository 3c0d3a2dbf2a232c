"""An engine that takes its time: a relay that holds back some requests, whatever their client does.

A real engine that is busy goes on with what it was asked although who asked has closed the
connection. Here that moment lasts as long as a test needs.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

SOCKET = "/var/run/docker.sock"


class SlowProxy:
    """`held` is set as soon as a request that contains `words` is held back."""

    def __init__(self, folder: Path | None, words: bytes, seconds: float) -> None:
        """`folder` is for its Unix socket; without one it is a port of this machine."""
        self.held = threading.Event()
        self._words, self._seconds = words, seconds
        self._clients: list[socket.socket] = []
        self._silent = False
        if folder is None:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(folder / "slow.sock"))
            self.address = f"unix://{folder}/slow.sock"
        self._listener.listen(50)

    @contextlib.contextmanager
    def serving(self) -> Iterator[SlowProxy]:
        serving = threading.Thread(target=self._serve, daemon=True)
        serving.start()
        try:
            yield self
        finally:
            self.hang_up()
            serving.join()
            self._listener.close()

    def hang_up(self) -> None:
        """Be gone for everybody, as an engine is that was killed."""
        self._silent = False
        for connection in (self._listener, *self._clients):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # which also wakes accept

    def fall_silent(self) -> None:
        """Lose the network: every connection stays, and nothing passes any more."""
        self._silent = True

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._clients.append(client)
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as upstream:
            upstream.connect(SOCKET)
            answering = threading.Thread(target=self._answer, args=(client, upstream), daemon=True)
            answering.start()
            self._ask(client, upstream)
            answering.join()

    def _ask(self, client: socket.socket, upstream: socket.socket) -> None:
        was_held = False
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                while self._silent:
                    time.sleep(0.1)
                if self._words in data:
                    was_held = True
                    self.held.set()
                    time.sleep(self._seconds)
                upstream.sendall(data)
        if not was_held:
            with contextlib.suppress(OSError):
                upstream.shutdown(socket.SHUT_WR)

    def _answer(self, client: socket.socket, upstream: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := upstream.recv(1 << 16):
                while self._silent:
                    time.sleep(0.1)
                client.sendall(data)
        for connection in (client, upstream):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
