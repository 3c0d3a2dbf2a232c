"""The session: we are the server, the daemon is the client, and the roles turn after the 101.

`Server` is the protocol alone (bytes in, bytes out; HTTP/2 by h2, gRPC on top). `Session` runs it
on one connection in one thread. Health must be answered within a second on old engines, else the
build is lost; so nothing here waits for anything but the connection.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from toolkit.engine.buildkit import flow, services, wire
from toolkit.engine.buildkit.connection import Connection, Work
from toolkit.engine.buildkit.services import Body, Reply, Services
from toolkit.engine.stream import ByteStream
from toolkit.engine.wire import WireError

_LARGEST_REQUEST: Final = 256 << 10
_HEADERS: Final[flow.Headers] = [(b":status", b"200"), (b"content-type", b"application/grpc")]


@dataclass(slots=True)
class _Call:
    path: str
    frames: wire.FrameDecoder
    request: bytes | None = None
    refusal: Reply | None = None
    body: Body | None = None
    left: memoryview = field(default_factory=lambda: memoryview(b""))


class Server:
    """A gRPC server over HTTP/2 as a state: `start`, then `receive` whatever comes."""

    def __init__(self, answers: Services) -> None:
        self._services = answers
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self._connection = h2.connection.H2Connection(config)
        self._guard = flow.Guard(preface=True)
        self._calls: dict[int, _Call] = {}
        self.ended = False
        self.at_end: Work = _nothing

    def start(self) -> None:
        self._connection.initiate_connection()

    def receive(self, data: bytes) -> None:
        """Take bytes. `ended` is set once nothing more can come."""
        try:
            self._guard.check(data)
            events = self._connection.receive_data(data)
            # A call may come and be given up within the same bytes; h2 has forgotten its stream.
            resets = (e.stream_id for e in events if isinstance(e, h2.events.StreamReset))
            given_up = frozenset(resets)
            for event in events:
                self._handle(event, given_up)
        except flow.BROKEN:
            self.ended = True  # h2 has queued the GOAWAY that says why

    def outgoing(self) -> bytes:
        """Give what the flow-control windows allow to send, a part of it at a time."""
        try:
            for stream, call in tuple(self._calls.items()):
                if call.body is not None and not self.ended:
                    self._send(stream, call, call.body)
        except flow.BROKEN:
            self.ended = True
        return self._connection.data_to_send()

    def lost(self) -> None:
        for stream in tuple(self._calls):
            self._forget(stream)
        self.at_end()

    def _handle(self, event: h2.events.Event, given_up: frozenset[int | None]) -> None:
        match event:
            case h2.events.RequestReceived() | h2.events.StreamEnded() if (
                event.stream_id in given_up
            ):
                pass
            case h2.events.RequestReceived():
                self._requested(event)
            case h2.events.DataReceived():
                self._data(event)
            case h2.events.StreamEnded():
                self._reply(event.stream_id)
            case h2.events.StreamReset():
                self._forget(event.stream_id)
            case h2.events.ConnectionTerminated():
                self.ended = True
            case _:
                pass  # settings, window updates, pings: h2 has answered them

    def _requested(self, event: h2.events.RequestReceived) -> None:
        path = flow.header(event.headers, b":path")
        call = _Call(path, wire.FrameDecoder(_LARGEST_REQUEST))
        self._calls[event.stream_id] = call
        at_once = self._services.upload(path)
        if at_once is not None:
            self._answer(event.stream_id, call, at_once)

    def _data(self, event: h2.events.DataReceived) -> None:
        # Also for calls that were given up: the window is the whole connection's.
        self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        call = self._calls.get(event.stream_id)
        if call is None or call.refusal is not None or call.body is not None:
            return
        try:
            for request in call.frames.feed(event.data):
                call.request = request
        except WireError as error:
            call.refusal = Reply(code=wire.UNIMPLEMENTED, words=error.message)

    def _reply(self, stream: int) -> None:
        call = self._calls.get(stream)
        if call is not None and call.body is None:
            self._answer(stream, call, call.refusal or self._called(call))

    def _called(self, call: _Call) -> Reply | Body:
        words = "the call came without a message"
        if call.request is not None:
            try:
                return self._services.answer(call.path, call.request)
            except WireError as error:
                words = error.message
        return Reply(code=wire.INVALID_ARGUMENT, words=words)

    def _answer(self, stream: int, call: _Call, answer: Reply | Body) -> None:
        self._connection.send_headers(stream, _HEADERS)
        call.body = services.once(answer) if isinstance(answer, Reply) else answer

    def _send(self, stream: int, call: _Call, body: Body) -> None:
        room = flow.AT_A_TIME
        try:
            while room > 0:
                if not call.left:
                    item = next(body)
                    if item is None:
                        return
                    if isinstance(item, Reply):
                        self._end(stream, item)
                        return
                    call.left = memoryview(wire.frame(item))
                sent = flow.send(self._connection, stream, call.left)
                if not sent:
                    return
                call.left = call.left[sent:]
                room -= sent
        except h2.exceptions.StreamClosedError:
            self._forget(stream)

    def _end(self, stream: int, reply: Reply) -> None:
        trailers = [(b"grpc-status", str(reply.code).encode())]
        if reply.words:
            trailers.append((b"grpc-message", wire.percent_encode(reply.words).encode()))
        self._connection.send_headers(stream, trailers, end_stream=True)
        self._forget(stream)

    def _forget(self, stream: int) -> None:
        call = self._calls.pop(stream, None)
        close = getattr(call.body, "close", None) if call is not None else None
        if close is not None:
            close()


class Session:
    """A server at work on one connection, in a thread of its own, until it is closed."""

    def __init__(self, stream: ByteStream, answers: Services) -> None:
        self._services = answers
        self._server = Server(answers)
        self._connection = Connection(stream, self._server, name="buildkit-session")
        answers.wake = self._connection.post

    def start(self) -> None:
        """Begin to serve."""
        self._connection.start()

    def at_end(self, work: Work) -> None:
        """Have this done as soon as the session is over, however it ends; at once if it is."""

        def begin() -> None:
            self._server.at_end = work

        self._connection.post(begin)

    def close(self, *, timeout: float = 2.0) -> None:
        """End the connection and wait for the thread, at most `timeout` seconds."""
        self._services.close()
        self._connection.close(timeout=timeout)

    def is_alive(self) -> bool:
        """Tell whether it still serves."""
        return self._connection.is_alive()


def _nothing() -> None:
    return
