"""The session: we are the server, the daemon is the client, and the roles turn after the 101.

`Server` is the protocol alone (bytes in, bytes out; HTTP/2 by h2, gRPC on top). `Session` runs it
on one connection in one thread. Health must be answered within a second on old engines, else the
build is lost; so nothing here waits for anything but the connection.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from toolkit.engine.buildkit import wire
from toolkit.engine.stream import ByteStream
from toolkit.engine.wire import WireError
from toolkit.errors import ToolkitError

_OK: Final = 0
_INVALID_ARGUMENT: Final = 3
_NOT_FOUND: Final = 5
_UNIMPLEMENTED: Final = 12
_SERVING: Final = wire.encode((1, 1))
_ANONYMOUS: Final = b""  # two empty strings: no credentials, which is no error
_LARGEST_REQUEST: Final = 1 << 20

_HEALTH: Final = "/grpc.health.v1.Health/Check"
_GET: Final = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
_CREDENTIALS: Final = "/moby.filesync.v1.Auth/Credentials"

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a method answers: a message, or the code and words of a refusal."""

    payload: bytes = field(default=b"", repr=False)
    code: int = _OK
    words: str = ""


@dataclass(slots=True)
class _Call:
    path: str
    frames: wire.FrameDecoder
    request: bytes | None = None
    refusal: Reply | None = None
    answered: bool = False
    body: memoryview = field(default_factory=lambda: memoryview(b""))
    trailers: Headers = field(default_factory=list)


class Services:
    """The methods that we serve. Secrets are handed in; they are in no repr and no message."""

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        self._secrets = secrets

    def answer(self, path: str, request: bytes) -> Reply:
        """Answer one call; `WireError` where the request is no message."""
        method = {
            _HEALTH: self._health,
            _GET: self._secret,
            _CREDENTIALS: self._credentials,
        }.get(path)
        if method is None:
            return Reply(code=_UNIMPLEMENTED, words=f"unknown method {path}")
        return method(wire.message(request))

    def _health(self, _request: dict[int, int | bytes]) -> Reply:
        return Reply(_SERVING)

    def _secret(self, request: dict[int, int | bytes]) -> Reply:
        # Newer engines also ask for HTTP_AUTH_HEADER_<host> and HTTP_AUTH_TOKEN_<host> in every
        # build: not found, like all that was not given.
        name = wire.text(request.get(1, b""))
        value = self._secrets.get(name)
        if value is None:
            return Reply(code=_NOT_FOUND, words=f"secret {name} not found")
        return Reply(wire.encode((1, value)))

    def _credentials(self, _request: dict[int, int | bytes]) -> Reply:
        return Reply(_ANONYMOUS)


class Server:
    """A gRPC server over HTTP/2 as a state: `start`, then `receive` whatever comes."""

    def __init__(self, answer: Callable[[str, bytes], Reply]) -> None:
        self._answer = answer
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self._connection = h2.connection.H2Connection(config)
        self._calls: dict[int, _Call] = {}
        self.ended = False

    def start(self) -> bytes:
        """Return what has to be sent first."""
        self._connection.initiate_connection()
        return self._connection.data_to_send()

    def receive(self, data: bytes) -> bytes:
        """Take bytes, return the bytes to send. `ended` is set once nothing more can come."""
        try:
            events = self._connection.receive_data(data)
            # A call may come and be given up within the same bytes; h2 has forgotten its stream.
            resets = (e.stream_id for e in events if isinstance(e, h2.events.StreamReset))
            given_up = frozenset(resets)
            for event in events:
                self._handle(event, given_up)
            self._pump()
        except h2.exceptions.ProtocolError:
            self.ended = True  # h2 has queued the GOAWAY that says why
        except (LookupError, ValueError):
            self.ended = True  # hpack and h2 let some of these out on hostile bytes
        return self._connection.data_to_send()

    def _handle(self, event: h2.events.Event, given_up: frozenset[int | None]) -> None:
        match event:
            case h2.events.RequestReceived() if event.stream_id in given_up:
                pass
            case h2.events.RequestReceived():
                call = _Call(_path(event.headers), wire.FrameDecoder(_LARGEST_REQUEST))
                self._calls[event.stream_id] = call
            case h2.events.DataReceived():
                self._data(event)
            case h2.events.StreamEnded():
                self._reply(event.stream_id)
            case h2.events.StreamReset():
                self._calls.pop(event.stream_id, None)
            case h2.events.ConnectionTerminated():
                self.ended = True
            case _:
                pass  # settings, window updates, pings: h2 has answered them

    def _data(self, event: h2.events.DataReceived) -> None:
        # Also for calls that were given up: the window is the whole connection's.
        self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        call = self._calls.get(event.stream_id)
        if call is None or call.refusal is not None:
            return
        try:
            for request in call.frames.feed(event.data):
                call.request = request
        except WireError as error:
            call.refusal = Reply(code=_UNIMPLEMENTED, words=error.message)

    def _reply(self, stream: int) -> None:
        call = self._calls.get(stream)
        if call is None:
            return
        reply = call.refusal or self._called(call)
        self._connection.send_headers(stream, _HEADERS)
        trailers = [(b"grpc-status", str(reply.code).encode())]
        if reply.words:
            trailers.append((b"grpc-message", wire.percent_encode(reply.words).encode()))
        call.trailers = trailers
        call.body = memoryview(wire.frame(reply.payload) if reply.code == _OK else b"")
        call.answered = True

    def _called(self, call: _Call) -> Reply:
        if call.request is None:
            return Reply(code=_INVALID_ARGUMENT, words="the call came without a message")
        try:
            return self._answer(call.path, call.request)
        except WireError as error:
            return Reply(code=_INVALID_ARGUMENT, words=error.message)

    def _pump(self) -> None:
        """Send what the flow-control windows allow; called after everything that came."""
        for stream in [number for number, call in self._calls.items() if call.answered]:
            self._send(stream, self._calls[stream])

    def _send(self, stream: int, call: _Call) -> None:
        try:
            while call.body:
                room = min(
                    self._connection.local_flow_control_window(stream),
                    self._connection.max_outbound_frame_size,
                )
                if room <= 0:
                    return
                self._connection.send_data(stream, bytes(call.body[:room]))
                call.body = call.body[room:]
            self._connection.send_headers(stream, call.trailers, end_stream=True)
        except h2.exceptions.StreamClosedError:
            pass
        del self._calls[stream]


_HEADERS: Final[Headers] = [(b":status", b"200"), (b"content-type", b"application/grpc")]


class Session:
    """A server at work on one connection, in a thread of its own, until it is closed."""

    def __init__(self, stream: ByteStream, secrets: Mapping[str, bytes]) -> None:
        self._stream = stream
        self._server = Server(Services(secrets).answer)
        self._thread = threading.Thread(target=self._run, name="buildkit-session", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def close(self, *, timeout: float = 2.0) -> None:
        """End the connection and wait for the thread, at most `timeout` seconds."""
        self._stream.close()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def is_alive(self) -> bool:
        """Tell whether it still serves."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._stream.send(self._server.start())
            while not self._server.ended and (data := self._stream.recv()):
                if answer := self._server.receive(data):
                    self._stream.send(answer)
        except ToolkitError:
            return  # the connection is gone; the build's own stream says what that means
        finally:
            self._stream.close()


def _path(headers: Any) -> str:  # noqa: ANN401 - pairs of bytes, of str in h2 4.1's annotations
    for name, value in headers:
        if name == b":path":
            return bytes(value).decode("utf-8", "replace")
    return ""
