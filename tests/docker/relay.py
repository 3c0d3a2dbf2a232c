"""A socket before the engine's own one, whose connections can be cut as if the engine died."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from toolkit.engine import Engine
from toolkit.engine.endpoint import Endpoint
from toolkit.engine.stream import SocketStream
from toolkit.errors import EngineUnreachableError

_HEAD = 4096
_FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
Changing = Callable[[bytes], bytes]


@dataclass(slots=True)
class _Pair:
    """One connection, near and far; `asked` is what the client said first."""

    near: socket.socket
    far: socket.socket
    asked: bytes = b""


class Relay:
    """It hands on what comes, to any number of connections, until it is told otherwise."""

    def __init__(
        self,
        path: Path,
        engine: Path,
        changing: Changing | None = None,
        *,
        deaf: bool = False,
        refusing: bytes = b"",
    ) -> None:
        """`changing` is what becomes of a piece of an answer, which must stay as long as it is.

        `deaf`: that a client has gone is not handed on, as some proxies do. `refusing`: what begins
        so is forbidden, as by those that let people look only: `POST `.
        """
        self._engine = str(engine)
        self._deaf = deaf
        self._refusing = refusing
        self._changing = changing
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._pairs: list[_Pair] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @classmethod
    @contextmanager
    def before(
        cls,
        engine: Engine,
        folder: Path,
        changing: Changing | None = None,
        *,
        deaf: bool = False,
        refusing: bytes = b"",
    ) -> Iterator[tuple[Self, Engine]]:
        """Give a relay, and the engine as it is seen through it."""
        assert engine.endpoint.socket_path is not None
        path = folder / "relay.sock"
        relay = cls(path, engine.endpoint.socket_path, changing, deaf=deaf, refusing=refusing)
        with Engine(Endpoint(f"unix://{folder}/relay.sock", "argument")) as through:
            yield relay, through
        relay.cut()
        for thread in relay._threads:
            thread.join()
        for pair in relay._pairs:
            pair.near.close()
            pair.far.close()

    def cut(self) -> None:
        """End every connection at once and listen no more."""
        _end(self._listener)
        self._listener.close()
        self.cut_only(b"")

    def cut_only(self, request: bytes) -> None:
        """End the connections by which this was asked, e.g. `POST /session `."""
        for pair in self._pairs:
            if request in pair.asked:
                _end(pair.near)
                _end(pair.far)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._engine)
            pair = _Pair(near, far)
            self._pairs.append(pair)
            for copy in (self._answer, self._ask):
                self._threads.append(threading.Thread(target=copy, args=(pair,), daemon=True))
                self._threads[-1].start()

    def _ask(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError):
            while data := pair.near.recv(65536):
                if len(pair.asked) < _HEAD:
                    pair.asked += data
                if self._refusing and data.startswith(self._refusing):
                    pair.near.sendall(_FORBIDDEN)
                    break
                pair.far.sendall(data)
        if not self._deaf:
            _end_writing(pair.far)

    def _answer(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError):
            while data := pair.far.recv(65536):
                pair.near.sendall(data if self._changing is None else self._changing(data))
        _end_writing(pair.near)


def _end_writing(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)


@contextmanager
def listening(engine: Path, address: str, context: ssl.SSLContext | None) -> Iterator[int]:
    """Lead to the engine's socket from a port of the address, by TLS with a context; gives it."""
    listener = socket.create_server((address, 0))
    streams: list[SocketStream] = []
    threads: list[threading.Thread] = []

    def begin(act: Callable[..., None], *arguments: object) -> None:
        threads.append(threading.Thread(target=act, args=arguments, daemon=True))
        threads[-1].start()

    def serve(plain: socket.socket) -> None:
        try:
            near = plain if context is None else context.wrap_socket(plain, server_side=True)
        except OSError:  # it was sent away
            plain.close()
            return
        (far := socket.socket(socket.AF_UNIX)).connect(str(engine))
        both = SocketStream(near), SocketStream(far)
        streams.extend(both)
        begin(_hand_on, *both)
        begin(_hand_on, *reversed(both))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                begin(serve, listener.accept()[0])

    begin(accept)
    yield int(listener.getsockname()[1])
    _end(listener)
    listener.close()
    for stream in streams:
        stream.close()
    for thread in threads:
        thread.join()


def _hand_on(source: SocketStream, target: SocketStream) -> None:
    with contextlib.suppress(EngineUnreachableError):
        while data := source.recv():
            target.send(data)
    target.shut_write()


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
