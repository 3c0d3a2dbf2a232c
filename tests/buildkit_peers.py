"""Both ends of BuildKit's connections, written for the tests upon h2: they misbehave as told.

`Daemon` is the engine on a session: the client there. `Server` is the engine where it is called:
it runs a function for each call, in a thread of its own. `Listener` is an engine's socket.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from toolkit.engine.buildkit import wire

Result = tuple[int, str, bytes]

_SECONDS = 10


def _headers(path: str, *more: tuple[str, str]) -> list[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        *more,
    ]


class Daemon:
    """Plays the engine: an HTTP/2 client that calls our methods, several at once if asked."""

    def __init__(self, connection: socket.socket, *, window: int | None = None) -> None:
        self.socket = connection
        self.socket.settimeout(_SECONDS)
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        if window is not None:
            initial = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE
            self.h2.local_settings = h2.settings.Settings(
                client=True, initial_values={initial: window}
            )
        self.h2.initiate_connection()
        self.data: dict[int, bytearray] = {}
        self.headers: dict[int, dict[str, str]] = {}
        self.done: set[int] = set()
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.h2.data_to_send())

    def begin(self, path: str) -> int:
        """Send the headers of a call, and nothing more."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, _headers(path, ("urlpath", "/x")))
        self.data[stream], self.headers[stream] = bytearray(), {}
        self.flush()
        return stream

    def call(self, path: str, payload: bytes = b"", *, raw: bytes | None = None) -> int:
        stream = self.begin(path)
        self.h2.send_data(stream, wire.frame(payload) if raw is None else raw, end_stream=True)
        self.flush()
        return stream

    def result(self, stream: int) -> Result:
        while stream not in self.done:
            if not self.pump():
                raise ConnectionError("the session ended the connection")
        headers = self.headers[stream]
        assert headers[":status"] == "200"
        messages = list(wire.FrameDecoder(1 << 30).feed(bytes(self.data[stream])))
        words = wire.percent_decode(headers.get("grpc-message", ""))
        return int(headers["grpc-status"]), words, b"".join(messages)

    def ask(self, path: str, payload: bytes = b"") -> Result:
        return self.result(self.call(path, payload))

    def pulled(self, path: str) -> tuple[int, bytes]:
        """Pull the context; the code, and what came, without the messages' frames."""
        stream = self.begin(path)
        code, _, _ = self.result(stream)
        messages = wire.FrameDecoder(4 << 20).feed(bytes(self.data[stream]))
        parts = [wire.message(each).get(1, b"") for each in messages]
        return code, b"".join(part for part in parts if isinstance(part, bytes))

    def pump(self) -> bool:
        data = self.socket.recv(65536)
        for event in self.h2.receive_data(data) if data else ():
            self._take(event)
        with contextlib.suppress(OSError):
            self.flush()
        return bool(data)

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            self.headers[event.stream_id].update((str(k), str(v)) for k, v in event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.data[event.stream_id] += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
            self.done.add(event.stream_id)

    def ended(self) -> bool:
        """Whether the session ends the connection."""
        with contextlib.suppress(ConnectionError):
            while self.socket.recv(65536):
                pass
        return True


class Served:
    """One call at the engine's end. Its methods are for the function that serves it."""

    def __init__(self, server: Server, stream: int, headers: Mapping[str, str]) -> None:
        self.server = server
        self.stream = stream
        self.headers = headers
        self.frames = wire.FrameDecoder(1 << 30)
        self.messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._begun = False

    def read(self) -> bytes | None:
        """Wait for the next message; None at their end, and when the connection has ended."""
        return self.messages.get()

    def begin(self) -> None:
        if not self._begun:
            self._begun = True
            fields = [(":status", "200"), ("content-type", "application/grpc")]
            self.server.do(lambda: self.server.h2.send_headers(self.stream, fields))

    def send(self, payload: bytes) -> None:
        self.raw(wire.frame(payload))

    def raw(self, data: bytes, *, piece: int = 1 << 14) -> None:
        """Send bytes in DATA frames of that size, as the windows allow."""
        self.begin()
        for at in range(0, len(data), piece):
            self.server.send(self.stream, data[at : at + piece])

    def end(self, code: int | None = 0, words: str = "", *, details: str = "") -> None:
        """Send trailers; alone where nothing was sent before, and none where `code` is None."""
        fields = [] if self._begun else [(":status", "200"), ("content-type", "application/grpc")]
        if code is not None:
            fields.append(("grpc-status", str(code)))
        if words:
            fields.append(("grpc-message", wire.percent_encode(words)))
        if details:
            fields.append(("grpc-status-details-bin", details))
        if fields:
            self.server.do(
                lambda: self.server.h2.send_headers(self.stream, fields, end_stream=True)
            )
        else:
            self.server.do(lambda: self.server.h2.end_stream(self.stream))

    def reset(self) -> None:
        self.server.do(lambda: self.server.h2.reset_stream(self.stream))


Handler = Callable[[Served], None]


class Server:
    """The engine where it is called: each path has a function, run in a thread for each call."""

    def __init__(
        self,
        connection: socket.socket,
        handlers: Mapping[str, Handler],
        *,
        window: int | None = None,
        early: bytes = b"",
    ) -> None:
        self.socket = connection
        self._handlers = handlers
        self._lock = threading.Condition()
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        if window is not None:
            initial = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE
            self.h2.local_settings = h2.settings.Settings(
                client=False, initial_values={initial: window}
            )
        # hpack's own coding of long texts takes a time that grows with the square of their length.
        encode = partial(self.h2.encoder.encode, huffman=False)
        self.h2.encoder.encode = encode  # type: ignore[method-assign]
        self.calls: dict[int, Served] = {}
        self.over = threading.Event()
        self._early = early
        threading.Thread(target=self._run, daemon=True).start()

    def do(self, act: Callable[[], None]) -> None:
        with self._lock, contextlib.suppress(OSError, h2.exceptions.ProtocolError):
            act()
            self.socket.sendall(self.h2.data_to_send())

    def send(self, stream: int, data: bytes) -> None:
        with self._lock:
            while data and not self.over.is_set():
                try:
                    room = self.h2.local_flow_control_window(stream)
                except h2.exceptions.ProtocolError:
                    return
                if room <= 0:
                    self._lock.wait(_SECONDS)
                    continue
                part, data = data[:room], data[room:]
                with contextlib.suppress(OSError, h2.exceptions.ProtocolError):
                    self.h2.send_data(stream, part)
                    self.socket.sendall(self.h2.data_to_send())

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        self.do(self.h2.initiate_connection)
        data = self._early
        with contextlib.suppress(OSError, h2.exceptions.ProtocolError):
            while data or (data := self.socket.recv(65536)):
                with self._lock:
                    for event in self.h2.receive_data(data):
                        self._take(event)
                    self.socket.sendall(self.h2.data_to_send())
                    self._lock.notify_all()
                data = b""
        self.over.set()
        with self._lock:
            self._lock.notify_all()
        for call in self.calls.values():
            call.messages.put(None)
        self.socket.close()

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            headers = {str(name): str(value) for name, value in event.headers}
            call = Served(self, event.stream_id, headers)
            self.calls[event.stream_id] = call
            handler = self._handlers.get(headers[":path"], lambda call: call.end(12, "unknown"))
            threading.Thread(target=_handled, args=(handler, call), daemon=True).start()
        elif isinstance(event, h2.events.DataReceived):
            call = self.calls[event.stream_id]
            for message in call.frames.feed(event.data):
                call.messages.put(message)
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
            self.calls[event.stream_id].messages.put(None)


def _handled(handler: Handler, call: Served) -> None:
    with contextlib.suppress(OSError):  # the connection was ended under it
        handler(call)


@contextlib.contextmanager
def session_inside(call: Served) -> Iterator[Daemon]:
    """Speak to the session whose bytes are the messages of a call of `Control/Session`."""
    near, far = socket.socketpair()

    def outward() -> None:
        with contextlib.suppress(OSError):
            while data := far.recv(65536):
                call.send(wire.encode((1, data)))
        call.end()

    def inward() -> None:
        with contextlib.suppress(OSError):
            while (message := call.read()) is not None:
                data = wire.message(message)[1]
                assert isinstance(data, bytes)
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)

    threads = [threading.Thread(target=each, daemon=True) for each in (outward, inward)]
    for each in threads:
        each.start()
    with near, far:
        yield Daemon(near)
        with contextlib.suppress(OSError):
            near.shutdown(socket.SHUT_WR)
        for each in threads:
            each.join(_SECONDS)


def answer(status: int, said: object) -> bytes:
    """Return an answer of HTTP/1.1 with JSON."""
    body = json.dumps(said).encode()
    head = b"HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
GONE = answer(404, {"message": "page not found"})
VERSION = {"Version": "99.0", "ApiVersion": "1.60"}

Upgraded = Callable[[socket.socket], None]


class Listener:
    """An engine's socket: HTTP/1.1 with upgrades for some paths, and HTTP/2 for who begins so."""

    def __init__(
        self,
        listener: socket.socket,
        *,
        upgrades: Mapping[str, Upgraded] | None = None,
        answers: Mapping[str, bytes] | None = None,
        direct: Callable[[socket.socket, bytes], object] | None = None,
    ) -> None:
        self._listener = listener
        self._upgrades = upgrades or {}
        self._answers = {"/version": answer(200, VERSION), **(answers or {})}
        self._direct = direct
        self.requests: list[str] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        received = b""
        with contextlib.suppress(OSError):
            while b"\r\n\r\n" not in received:
                data = connection.recv(65536)
                if not data:
                    connection.close()
                    return
                received += data
        if received.startswith(b"PRI ") and self._direct is not None:
            self._direct(connection, received)
            return
        path = received.split()[1].decode().partition("?")[0]
        self.requests.append(path)
        upgrade = self._upgrades.get(path)
        if upgrade is not None:
            connection.sendall(SWITCH)
            upgrade(connection)
            return
        with connection:
            known = (self._answers[end] for end in self._answers if path.endswith(end))
            connection.sendall(next(known, GONE))


def unix_listener(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener
