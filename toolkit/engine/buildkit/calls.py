"""gRPC calls of ours over HTTP/2: the client's side, as a state and in a thread of its own.

Hidden here: streams and windows, answers cut anywhere or made of trailers alone, and what counts as
the end. An answer without a status is an error, never success; a listener who is slow holds the
engine back instead of filling the memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

from toolkit.engine.buildkit import flow, wire
from toolkit.engine.buildkit.connection import Connection
from toolkit.engine.stream import ByteStream
from toolkit.engine.wire import WireError

_LARGEST: Final = 32 << 20
"""The largest message that is taken; engines split a build's progress at about 1 MiB."""
_BACKLOG: Final = 4 << 20
"""What may wait to be looked at before the engine is held back."""
# The engine does not heed the limit, and the details of an error carry the Dockerfile, twice.
_LARGEST_HEADERS: Final = 2 << 20
_HTTP: Final = {
    404: wire.UNIMPLEMENTED,
    429: wire.UNAVAILABLE,
    502: wire.UNAVAILABLE,
    503: wire.UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a call. `code` 0 is success; `lost` where the connection ended before it did."""

    code: int = 0
    words: str = ""
    details: str = field(default="", repr=False)
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an answer."""

    payload: bytes = field(repr=False)


Sink = Callable[[Message | Ended], None]
"""Is told what comes, in the thread of the connection: it must only put it aside."""


class Call:
    """One call as it stands; it belongs to the connection's thread."""

    def __init__(self, path: str, metadata: flow.Headers, sink: Sink) -> None:
        self.path = path
        self.metadata = metadata
        self.sink = sink
        self.stream = 0
        self.ended = False
        self.headers: dict[bytes, bytes] = {}
        self.frames = wire.FrameDecoder(_LARGEST)
        self.waiting: deque[tuple[memoryview, Callable[[], None]]] = deque()
        self.finished = False
        self.backlog = 0
        self.owed = 0

    def end(self, how: Ended) -> None:
        """Tell the listener that this is the end, once."""
        if self.ended:
            return
        self.ended = True
        while self.waiting:
            self.waiting.popleft()[1]()
        self.sink(how)


class Client:
    """The client's side of a connection, as a state without I/O."""

    def __init__(self) -> None:
        config = h2.config.H2Configuration(client_side=True, header_encoding=None)
        self._connection = h2.connection.H2Connection(config)
        self._guard = flow.Guard(preface=False)
        self._calls: dict[int, Call] = {}
        self._unopened: list[Call] = []
        self.ended = False

    def start(self) -> None:
        self._connection.initiate_connection()
        limit = h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE
        self._connection.update_settings({limit: _LARGEST_HEADERS})

    def open(self, call: Call) -> None:
        """Begin a call; messages are to follow, and `finish`."""
        if self.ended:
            self._unopened.append(call)
            return
        headers = [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", call.path.encode()),
            (b":authority", b"localhost"),
            (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
            *call.metadata,
        ]
        try:
            call.stream = self._connection.get_next_available_stream_id()
            self._connection.send_headers(call.stream, headers)
        except h2.exceptions.ProtocolError:
            self._unopened.append(call)
            self.ended = True
            return
        self._calls[call.stream] = call

    def send(self, call: Call, payload: bytes, sent: Callable[[], None]) -> None:
        """Queue a message; `sent` is called when it has left the queue, or never will."""
        if call.ended:
            sent()
        else:
            call.waiting.append((memoryview(wire.frame(payload)), sent))

    def finish(self, call: Call) -> None:
        """Say that no more messages come from us."""
        call.finished = True

    def consumed(self, call: Call, size: int) -> None:
        """Learn that a listener is done with so much of what it was given."""
        call.backlog -= size
        try:
            self._acknowledge(call)
        except flow.BROKEN:
            self.ended = True

    def receive(self, data: bytes) -> None:
        """Take bytes. `ended` is set once nothing more can come."""
        try:
            self._guard.check(data)
            for event in self._connection.receive_data(data):
                self._handle(event)
        except flow.BROKEN:
            self.ended = True

    def outgoing(self) -> bytes:
        """Give what the flow-control windows allow to send, a part of it at a time."""
        try:
            for call in tuple(self._calls.values()):
                if not self.ended:
                    self._pump(call)
        except flow.BROKEN:
            self.ended = True
        return self._connection.data_to_send()

    def lost(self) -> None:
        self.ended = True
        left = (*self._calls.values(), *self._unopened)
        self._calls.clear()
        self._unopened.clear()
        for call in left:
            call.end(Ended(wire.UNAVAILABLE, "the connection was lost", lost=True))

    def _handle(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived() | h2.events.TrailersReceived():
                call = self._calls.get(event.stream_id)
                if call is not None:
                    call.headers.update(_as_bytes(event.headers or ()))
            case h2.events.DataReceived():
                self._data(event)
            case h2.events.StreamEnded():
                self._end(event.stream_id, None)
            case h2.events.StreamReset():
                words = f"the engine gave the call up (HTTP/2 error {int(event.error_code)})"
                self._end(event.stream_id, Ended(wire.UNAVAILABLE, words))
            case h2.events.ConnectionTerminated():
                self.ended = True
            case _:
                pass  # settings, window updates, pings: h2 has answered them

    def _data(self, event: h2.events.DataReceived) -> None:
        call = self._calls.get(event.stream_id)
        if call is None:
            # The window is the whole connection's, also for what is left of a call that is over.
            size = event.flow_controlled_length
            self._connection.acknowledge_received_data(size, event.stream_id)
            return
        call.owed += event.flow_controlled_length
        try:
            for payload in call.frames.feed(event.data):
                call.backlog += len(payload)
                call.sink(Message(payload))
        except WireError as error:
            self._end(event.stream_id, Ended(wire.INTERNAL, error.message))
            return
        self._acknowledge(call)

    def _acknowledge(self, call: Call) -> None:
        if call.owed and call.backlog <= _BACKLOG and not self.ended:
            self._connection.acknowledge_received_data(call.owed, call.stream)
            call.owed = 0

    def _end(self, stream: int, how: Ended | None) -> None:
        call = self._calls.pop(stream, None)
        if call is None:
            return
        if call.owed:
            self._connection.acknowledge_received_data(call.owed, stream)
        call.end(how or outcome(call.headers, complete=call.frames.complete))

    def _pump(self, call: Call) -> None:
        room = flow.AT_A_TIME
        try:
            while call.waiting and room > 0:
                message, sent = call.waiting[0]
                size = flow.send(self._connection, call.stream, message)
                if not size:
                    return
                room -= size
                if size < len(message):
                    call.waiting[0] = message[size:], sent
                else:
                    call.waiting.popleft()
                    sent()
            if call.finished and not call.waiting:
                call.finished = False
                self._connection.end_stream(call.stream)
        except h2.exceptions.StreamClosedError:
            return  # the answer is on its way, or was the reset


def outcome(headers: dict[bytes, bytes], *, complete: bool = True) -> Ended:
    """Say how a call ended whose answer had these headers and trailers; pure."""
    http = headers.get(b":status", b"").decode("ascii", "replace")
    words = wire.percent_decode(headers.get(b"grpc-message", b"").decode("utf-8", "replace"))
    raw = headers.get(b"grpc-status")
    if raw is None and http != "200":
        code = _HTTP.get(int(http), wire.UNKNOWN) if http.isdecimal() else wire.UNKNOWN
        return Ended(code, f"the answer has the HTTP status {http}")
    if raw is None:
        return Ended(wire.UNKNOWN, "the answer ended without a status")
    code = int(raw) if raw.isdigit() else wire.UNKNOWN
    if not code and not complete:
        return Ended(wire.INTERNAL, "the answer ended inside a message")
    details = headers.get(b"grpc-status-details-bin", b"").decode("ascii", "replace")
    return Ended(code, words, details)


class Channel:
    """A connection on which calls are made, from any thread, until it is closed."""

    def __init__(self, stream: ByteStream) -> None:
        self._client = Client()
        self._connection = Connection(stream, self._client, name="buildkit-calls")

    def start(self) -> None:
        """Begin."""
        self._connection.start()

    def call(
        self,
        path: str,
        sink: Sink,
        *,
        request: bytes | None = None,
        metadata: Iterable[tuple[bytes, bytes]] = (),
    ) -> Call:
        """Begin a call; with a `request` that is all that is sent. `sink` is told what comes."""
        call = Call(path, list(metadata), sink)

        def begin() -> None:
            self._client.open(call)
            if request is not None:
                self._client.send(call, request, _nothing)
                self._client.finish(call)

        self._connection.post(begin)
        return call

    def send(self, call: Call, payload: bytes, sent: Callable[[], None]) -> None:
        """Send one message more; `sent` is called when there is room for the next."""
        self._connection.post(lambda: self._client.send(call, payload, sent))

    def finish(self, call: Call) -> None:
        """Say that no more messages come from us."""
        self._connection.post(lambda: self._client.finish(call))

    def consumed(self, call: Call, message: Message) -> None:
        """Say that this message has been dealt with: there is room for more."""
        self._connection.post(lambda: self._client.consumed(call, len(message.payload)))

    def close(self, *, timeout: float = 2.0) -> None:
        """End the connection, and with it whatever the engine does for it."""
        self._connection.close(timeout=timeout)

    def is_alive(self) -> bool:
        """Tell whether it still runs."""
        return self._connection.is_alive()


def _as_bytes(headers: Iterable[tuple[bytes | str, bytes | str]]) -> dict[bytes, bytes]:
    def raw(value: bytes | str) -> bytes:
        return value.encode() if isinstance(value, str) else bytes(value)

    return {raw(name): raw(value) for name, value in headers}


def _nothing() -> None:
    return
