"""The session, with an HTTP/2 client in the daemon's place, and a recorded daemon."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.engine.buildkit import wire
from toolkit.engine.buildkit.session import Reply, Server, Services, Session
from toolkit.engine.stream import SocketStream
from toolkit.engine.wire import WireError

RECORDED = Path(__file__).parent.parent / "cases/wire/session-20.10.bin"
HEALTH = "/grpc.health.v1.Health/Check"
SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
CREDENTIALS = "/moby.filesync.v1.Auth/Credentials"
AUTHORITY = "/moby.filesync.v1.Auth/GetTokenAuthority"
SERVING = (0, "", wire.encode((1, 1)))
SECRETS = {"token": b"hunter2", "big": bytes(range(256)) * 2000, "empty": b""}

Result = tuple[int, str, bytes]


class Daemon:
    """Plays the engine: an HTTP/2 client that calls our methods, several at once if asked."""

    def __init__(self, connection: socket.socket, *, window: int | None = None) -> None:
        self.socket = connection
        self.socket.settimeout(10)
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        if window is not None:
            initial = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE
            self.h2.local_settings = h2.settings.Settings(
                client=True, initial_values={initial: window}
            )
        self.h2.initiate_connection()
        self._data: dict[int, bytearray] = {}
        self._headers: dict[int, dict[str, str]] = {}
        self._done: set[int] = set()
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.h2.data_to_send())

    def call(self, path: str, payload: bytes = b"", *, raw: bytes | None = None) -> int:
        stream = self.h2.get_next_available_stream_id()
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ]
        self.h2.send_headers(stream, headers)
        self.h2.send_data(stream, wire.frame(payload) if raw is None else raw, end_stream=True)
        self._data[stream], self._headers[stream] = bytearray(), {}
        self.flush()
        return stream

    def result(self, stream: int) -> Result:
        while stream not in self._done:
            assert self.pump(), "the session ended the connection"
        headers = self._headers[stream]
        assert headers[":status"] == "200"
        messages = list(wire.FrameDecoder(1 << 30).feed(bytes(self._data[stream])))
        words = wire.percent_decode(headers.get("grpc-message", ""))
        return int(headers["grpc-status"]), words, b"".join(messages)

    def ask(self, path: str, payload: bytes = b"") -> Result:
        return self.result(self.call(path, payload))

    def pump(self) -> bool:
        data = self.socket.recv(65536)
        for event in self.h2.receive_data(data) if data else ():
            self._take(event)
        with contextlib.suppress(OSError):
            self.flush()
        return bool(data)

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            self._headers[event.stream_id].update((str(k), str(v)) for k, v in event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self._data[event.stream_id] += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
            self._done.add(event.stream_id)

    def ended(self) -> bool:
        """Whether the session ends the connection."""
        with contextlib.suppress(ConnectionError):
            while self.socket.recv(65536):
                pass
        return True


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, Session]]:
    """The daemon's end of a connection whose other end a session serves."""
    far, near = socket.socketpair()
    session = Session(SocketStream(near), SECRETS)
    session.start()
    yield far, session
    session.close()
    far.close()
    assert not session.is_alive()


@pytest.fixture
def daemon(pair: tuple[socket.socket, Session]) -> Daemon:
    return Daemon(pair[0])


def test_health_is_serving(daemon: Daemon) -> None:
    assert daemon.ask(HEALTH) == SERVING


def test_a_secret_is_served_by_its_id(daemon: Daemon) -> None:
    code, words, message = daemon.ask(SECRET, wire.encode((1, "token")))
    assert (code, words, wire.message(message)) == (0, "", {1: b"hunter2"})


def test_annotations_of_a_secret_request_are_skipped(daemon: Daemon) -> None:
    note = wire.encode((1, "a"), (2, "b"))
    code, _, message = daemon.ask(SECRET, wire.encode((2, note), (1, "token"), (2, note)))
    assert (code, wire.message(message)) == (0, {1: b"hunter2"})


def test_an_empty_secret_is_found(daemon: Daemon) -> None:
    code, _, message = daemon.ask(SECRET, wire.encode((1, "empty")))
    assert (code, wire.message(message)) == (0, {1: b""})


@pytest.mark.parametrize("name", ["gone", "HTTP_AUTH_TOKEN_build-context-x", "grün\n%", ""])
def test_a_secret_that_was_not_given_is_not_found(daemon: Daemon, name: str) -> None:
    assert daemon.ask(SECRET, wire.encode((1, name))) == (5, f"secret {name} not found", b"")


def test_credentials_are_anonymous_and_no_error(daemon: Daemon) -> None:
    assert daemon.ask(CREDENTIALS, wire.encode((1, "registry-1.docker.io"))) == (0, "", b"")


@pytest.mark.parametrize("path", [AUTHORITY, "/moby.upload.v1.Upload/Pull", "/", ""])
def test_any_other_method_is_unimplemented(daemon: Daemon, path: str) -> None:
    code, words, message = daemon.ask(path or "/x", b"whatever")
    assert (code, message) == (12, b"")
    assert words.startswith("unknown method ")


@pytest.mark.parametrize(
    ("window", "name"), [(1, "token"), (7, "token"), (100, "big"), (65535, "big")]
)
def test_a_secret_passes_whatever_the_window(
    pair: tuple[socket.socket, Session], window: int, name: str
) -> None:
    daemon = Daemon(pair[0], window=window)
    code, _, message = daemon.ask(SECRET, wire.encode((1, name)))
    assert (code, wire.message(message)) == (0, {1: SECRETS[name]})


def test_health_is_answered_while_a_secret_waits_for_the_window(
    pair: tuple[socket.socket, Session],
) -> None:
    daemon = Daemon(pair[0], window=30)
    waiting = daemon.call(SECRET, wire.encode((1, "big")))
    for _ in range(3):
        assert daemon.ask(HEALTH) == SERVING
    assert waiting not in daemon._done


def test_a_call_that_is_reset_is_forgotten(pair: tuple[socket.socket, Session]) -> None:
    daemon = Daemon(pair[0], window=30)
    given_up = daemon.call(SECRET, wire.encode((1, "big")))
    daemon.h2.reset_stream(given_up, h2.errors.ErrorCodes.CANCEL)
    daemon.flush()
    assert daemon.ask(HEALTH) == SERVING
    assert pair[1]._server._calls == {}


def test_a_call_that_is_given_up_half_way_is_forgotten(
    pair: tuple[socket.socket, Session],
) -> None:
    daemon = Daemon(pair[0])
    half = daemon.h2.get_next_available_stream_id()
    headers = [(":method", "POST"), (":scheme", "http"), (":path", HEALTH), (":authority", "x")]
    daemon.h2.send_headers(half, headers)
    daemon.flush()
    assert daemon.ask(HEALTH) == SERVING
    assert list(pair[1]._server._calls) == [half]
    daemon.h2.reset_stream(half, h2.errors.ErrorCodes.CANCEL)
    daemon.flush()
    assert daemon.ask(HEALTH) == SERVING
    assert pair[1]._server._calls == {}


def test_many_calls_at_once_each_get_their_own_answer(daemon: Daemon) -> None:
    calls = [
        (daemon.call(SECRET, wire.encode((1, name))), value)
        for _ in range(10)
        for name, value in SECRETS.items()
    ]
    for stream, value in reversed(calls):
        assert daemon.result(stream) == (0, "", wire.encode((1, value)))


def test_a_compressed_message_is_unimplemented(daemon: Daemon) -> None:
    code, words, _ = daemon.result(daemon.call(HEALTH, raw=b"\x01\0\0\0\0"))
    assert (code, words) == (12, "a gRPC message is compressed, which was not agreed")


@pytest.mark.parametrize("raw", [b"", b"\0\0\0\0\x05ab", wire.frame(b"\x0a\x7f")])
def test_a_call_without_a_proper_message_is_invalid(daemon: Daemon, raw: bytes) -> None:
    assert daemon.result(daemon.call(SECRET, raw=raw))[0] == 3
    assert daemon.ask(HEALTH) == SERVING


def test_bytes_may_arrive_one_by_one() -> None:
    far, near = socket.socketpair()
    session = Session(SocketStream(near), SECRETS)
    session.start()
    with far:
        daemon = Daemon(far)
        stream = daemon.h2.get_next_available_stream_id()
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", HEALTH),
            (":authority", "x"),
        ]
        daemon.h2.send_headers(stream, headers)
        daemon.h2.send_data(stream, wire.frame(b""), end_stream=True)
        daemon._data[stream], daemon._headers[stream] = bytearray(), {}
        for byte in daemon.h2.data_to_send():
            far.sendall(bytes([byte]))
        assert daemon.result(stream) == SERVING
        session.close()


def test_a_goaway_ends_the_session(pair: tuple[socket.socket, Session], daemon: Daemon) -> None:
    daemon.h2.close_connection()
    daemon.flush()
    assert daemon.ended()
    _wait_for_the_end(pair[1])


def test_a_connection_that_just_ends_ends_the_session(
    pair: tuple[socket.socket, Session],
) -> None:
    pair[0].close()
    _wait_for_the_end(pair[1])


def test_what_is_no_http_2_ends_the_session(pair: tuple[socket.socket, Session]) -> None:
    far, session = pair
    far.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 5)
    _wait_for_the_end(session)


def test_closing_the_session_ends_connection_and_thread(
    pair: tuple[socket.socket, Session], daemon: Daemon
) -> None:
    daemon.ask(HEALTH)
    pair[1].close()
    assert not pair[1].is_alive()
    assert daemon.ended()


def _wait_for_the_end(session: Session) -> None:
    limit = time.monotonic() + 5
    while session.is_alive():
        assert time.monotonic() < limit
        time.sleep(0.01)


# A real daemon's bytes, recorded on engine 20.10: preface, Health, two GetSecrets.


def _calls(raw: bytes, cut: int) -> list[tuple[str, bytes]]:
    seen: list[tuple[str, bytes]] = []

    def answer(path: str, request: bytes) -> Reply:
        seen.append((path, request))
        return Services(SECRETS).answer(path, request)

    server = Server(answer)
    server.start()
    for at in range(0, len(raw), cut):
        server.receive(raw[at : at + cut])
    assert not server.ended
    return seen


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 24, 1000])
def test_a_recorded_daemon_is_understood_wherever_its_bytes_are_cut(cut: int) -> None:
    calls = _calls(RECORDED.read_bytes(), cut)
    assert {path for path, _ in calls} == {HEALTH, SECRET}
    names = [wire.text(wire.message(body)[1]) for path, body in calls if path == SECRET]
    assert sorted(names) == ["other", "token"]


def test_a_recorded_daemon_that_stops_anywhere_raises_nothing() -> None:
    raw = RECORDED.read_bytes()
    for end in range(len(raw)):
        server = Server(Services(SECRETS).answer)
        server.start()
        server.receive(raw[:end])
        assert not server.ended


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400))
def test_random_bytes_end_the_session_or_wait_and_raise_nothing(data: bytes, at: int) -> None:
    raw = RECORDED.read_bytes()
    server = Server(Services(SECRETS).answer)
    server.start()
    server.receive(raw[:at] + data)
    if not server.ended:
        server.receive(raw[at:])


@given(st.binary(max_size=60))
def test_random_requests_raise_nothing_but_the_one_error(request: bytes) -> None:
    services = Services(SECRETS)
    for path in (HEALTH, SECRET, CREDENTIALS, AUTHORITY):
        with contextlib.suppress(WireError):
            services.answer(path, request)


def test_no_secret_is_in_the_repr_of_a_reply() -> None:
    reply = Services(SECRETS).answer(SECRET, wire.encode((1, "token")))
    assert "hunter2" not in repr(reply)
