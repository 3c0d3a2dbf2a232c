"""The session, with an HTTP/2 client in the daemon's place, and a recorded daemon."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import h2.errors
import h2.events
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.buildkit_peers import Daemon
from toolkit.engine.buildkit import BuildRequest, wire
from toolkit.engine.buildkit.services import Body, Reply, Services, messages
from toolkit.engine.buildkit.session import Server, Session
from toolkit.engine.stream import SocketStream
from toolkit.engine.wire import WireError

RECORDED = Path(__file__).parent.parent / "cases/wire/session-20.10.bin"
HEALTH = "/grpc.health.v1.Health/Check"
SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
CREDENTIALS = "/moby.filesync.v1.Auth/Credentials"
PULL = "/moby.upload.v1.Upload/Pull"
AUTHORITY = "/moby.filesync.v1.Auth/GetTokenAuthority"
SERVING = (0, "", wire.encode((1, 1)))
SECRETS = {"token": b"hunter2", "big": bytes(range(256)) * 2000, "empty": b""}


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, Session]]:
    """The daemon's end of a connection whose other end a session serves."""
    far, near = socket.socketpair()
    session = Session(SocketStream(near), Services(SECRETS))
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


Serve = Callable[[Services], Daemon]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A function from services to a daemon that may ask for them."""
    opened: list[Session | socket.socket] = []

    def run(services: Services, *, window: int | None = None) -> Daemon:
        far, near = socket.socketpair()
        session = Session(SocketStream(near), services)
        opened.extend((session, far))
        session.start()
        return Daemon(far, window=window)

    yield run
    for each in opened:
        each.close()
    assert [one.name for one in threading.enumerate() if one.name.startswith("buildkit-s")] == []


def _user(host: str) -> tuple[str, str] | None:
    known = {"localhost:5000": ("me", "hunter2"), "docker.io": ("", "a token")}
    return known.get(host)


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("localhost:5000", {1: b"me", 2: b"hunter2"}),
        ("registry-1.docker.io", {2: b"a token"}),
        ("elsewhere", {}),
    ],
)
def test_credentials_are_those_of_the_host(serve: Serve, host: str, said: object) -> None:
    """Docker Hub has another name in docker's configuration; a token comes without a user."""
    daemon = serve(Services({}, _user))
    code, _, message = daemon.ask(CREDENTIALS, wire.encode((1, host)))
    assert (code, wire.message(message)) == (0, said)


def test_credentials_are_looked_up_once_and_health_does_not_wait_for_them(serve: Serve) -> None:
    """A credential helper is a program that may take long."""
    asked: list[str] = []
    go = threading.Event()

    def slow(host: str) -> tuple[str, str]:
        asked.append(host)
        assert go.wait(10)
        return "me", "hunter2"

    daemon = serve(Services({}, slow))
    calls = [daemon.call(CREDENTIALS, wire.encode((1, "x"))) for _ in range(7)]
    assert daemon.ask(HEALTH) == SERVING
    assert daemon.done == {daemon.h2.highest_outbound_stream_id}
    go.set()
    assert {daemon.result(call)[0] for call in calls} == {0}
    assert asked == ["x"]


def test_credentials_that_cannot_be_read_are_an_error_without_the_helper_s_words(
    serve: Serve,
) -> None:
    def fail(_host: str) -> None:
        raise OSError("hunter2")

    result = serve(Services({}, fail)).ask(CREDENTIALS, wire.encode((1, "x")))
    assert result == (13, "the credentials for x cannot be read", b"")


class Context:
    """Parts of a context, made as they are read."""

    def __init__(self, *parts: bytes, failure: Exception | None = None) -> None:
        self._parts = parts
        self._failure = failure
        self.given = 0

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            self.given += 1
            yield part
        if self._failure is not None:
            raise self._failure


def test_the_context_is_pulled_without_an_end_of_the_request_and_again(serve: Serve) -> None:
    parts = [os.urandom(size) for size in (1, 0, 70_000, 7, 4 << 20, 3)]
    daemon = serve(Services({}, None, BuildRequest(Context(*parts))))
    assert daemon.pulled(PULL) == (0, b"".join(parts))
    assert daemon.pulled(PULL) == (0, b"".join(parts))


def test_an_empty_context_is_pulled(serve: Serve) -> None:
    assert serve(Services({}, None, BuildRequest(b""))).pulled(PULL) == (0, b"")


@pytest.mark.parametrize("window", [1, 100, 65535])
def test_the_context_passes_whatever_the_window(window: int) -> None:
    data = os.urandom(min(window * 100, 3_000_000))
    far, near = socket.socketpair()
    session = Session(SocketStream(near), Services({}, None, BuildRequest(data)))
    session.start()
    with far:
        assert Daemon(far, window=window).pulled(PULL) == (0, data)
        session.close()


def test_a_context_is_read_only_as_fast_as_it_is_sent_and_health_is_answered(
    serve: Serve,
) -> None:
    """The engine may be slow: the rest of the context stays where it is."""
    context = Context(*[bytes(1 << 20)] * 100)
    daemon = serve(Services({}, None, BuildRequest(context)))
    stream = daemon.begin(PULL)
    # As engines do: the connection's window is given back at once, the stream's as it is read.
    daemon.h2.increment_flow_control_window(1 << 20)
    calls = [daemon.call(HEALTH) for _ in range(3)]
    while not {*calls} <= daemon.done:
        for event in daemon.h2.receive_data(daemon.socket.recv(65536)):
            if not isinstance(event, h2.events.DataReceived) or event.stream_id != stream:
                daemon._take(event)
    before = -1
    while before != context.given:
        before = context.given
        time.sleep(0.1)
    assert 0 < context.given < 10
    daemon.h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
    daemon.flush()
    _wait_until(lambda: "buildkit-context" not in {one.name for one in threading.enumerate()})


def test_a_context_that_takes_long_does_not_keep_health_waiting(serve: Serve) -> None:
    go = threading.Event()

    def slow() -> Iterator[bytes]:
        yield bytes(100_000)
        assert go.wait(10)
        yield b"end"

    daemon = serve(Services({}, None, BuildRequest(slow())))
    stream = daemon.begin(PULL)
    assert daemon.ask(HEALTH) == SERVING
    go.set()
    assert daemon.result(stream)[0] == 0
    assert daemon.data[stream].endswith(b"end")


def test_a_context_that_cannot_be_read_fails_the_call_and_is_remembered(serve: Serve) -> None:
    failure = OSError("no such file")
    services = Services({}, None, BuildRequest(Context(b"x", failure=failure)))
    assert serve(services).pulled(PULL)[0] == 13
    assert services.failure is failure


@given(st.lists(st.binary(max_size=50)), st.integers(1, 20), st.integers(1, 20))
def test_messages_hold_what_the_parts_held(parts: list[bytes], smallest: int, largest: int) -> None:
    """However the limits are; none is empty, none too large."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toolkit.engine.buildkit.services._SMALLEST", smallest)
        patch.setattr("toolkit.engine.buildkit.services._LARGEST", max(largest, smallest))
        found = list(messages(parts))
    assert b"".join(found) == b"".join(parts)
    assert all(0 < len(each) <= max(largest, smallest) for each in found)


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
    assert waiting not in daemon.done


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


def test_a_call_that_ends_and_is_reset_at_once_ends_nothing_else(daemon: Daemon) -> None:
    """Begun before, ended and given up within the same bytes: its stream is gone for h2."""
    stream = daemon.begin(HEALTH)
    assert daemon.ask(HEALTH) == SERVING
    daemon.h2.send_data(stream, wire.frame(b""), end_stream=True)
    daemon.h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
    daemon.flush()
    assert daemon.ask(HEALTH) == SERVING


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
    session = Session(SocketStream(near), Services(SECRETS))
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
        daemon.data[stream], daemon.headers[stream] = bytearray(), {}
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
    _wait_until(lambda: not session.is_alive())


def _wait_until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.01)


# A real daemon's bytes, recorded on engine 20.10: preface, Health, two GetSecrets.


class Seen(Services):
    """The services, and what was asked of them."""

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        super().__init__(secrets)
        self.seen: list[tuple[str, bytes]] = []

    def answer(self, path: str, request: bytes) -> Reply | Body:
        self.seen.append((path, request))
        return super().answer(path, request)


def _calls(raw: bytes, cut: int) -> list[tuple[str, bytes]]:
    services = Seen(SECRETS)
    server = Server(services)
    server.start()
    for at in range(0, len(raw), cut):
        server.receive(raw[at : at + cut])
        server.outgoing()
    assert not server.ended
    return services.seen


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 24, 1000])
def test_a_recorded_daemon_is_understood_wherever_its_bytes_are_cut(cut: int) -> None:
    calls = _calls(RECORDED.read_bytes(), cut)
    assert {path for path, _ in calls} == {HEALTH, SECRET}
    names = [wire.text(wire.message(body)[1]) for path, body in calls if path == SECRET]
    assert sorted(names) == ["other", "token"]


def test_a_recorded_daemon_that_stops_anywhere_raises_nothing() -> None:
    raw = RECORDED.read_bytes()
    for end in range(len(raw)):
        server = Server(Services(SECRETS))
        server.start()
        server.receive(raw[:end])
        server.outgoing()
        assert not server.ended


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400))
def test_random_bytes_end_the_session_or_wait_and_raise_nothing(data: bytes, at: int) -> None:
    raw = RECORDED.read_bytes()
    server = Server(Services(SECRETS))
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
    services.close()


def test_no_secret_is_in_the_repr_of_a_reply() -> None:
    reply = Services(SECRETS).answer(SECRET, wire.encode((1, "token")))
    assert "hunter2" not in repr(reply)
