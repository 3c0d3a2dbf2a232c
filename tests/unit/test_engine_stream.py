"""A connection as bytes: read, sent, half-closed, closed under a waiting thread; plain and TLS."""

from __future__ import annotations

import os
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from toolkit.engine.stream import SocketStream
from toolkit.errors import EngineUnreachableError

PEM = Path(__file__).parent.parent / "cases/wire/localhost.pem"
Pair = tuple[SocketStream, SocketStream]


def _tls(near: socket.socket, far: socket.socket) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
    client = ssl.create_default_context(cafile=str(PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(PEM)
    with ThreadPoolExecutor(1) as pool:
        accepted = pool.submit(server.wrap_socket, far, server_side=True)
        return client.wrap_socket(near, server_hostname="localhost"), accepted.result(10)


@pytest.fixture(params=["plain", "tls"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two ends of one connection, over a plain socket and over TLS."""
    near, far = socket.socketpair()
    if request.param == "tls":
        near, far = _tls(near, far)
    ends = SocketStream(near), SocketStream(far)
    yield ends
    for end in ends:
        end.close()


def _in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _send_all(stream: SocketStream, *parts: bytes) -> None:
    for part in parts:
        stream.send(part)
    stream.close()


def _echo(stream: SocketStream) -> None:
    for part in iter(stream.recv, b""):
        stream.send(part)


def _all(stream: SocketStream) -> bytes:
    return b"".join(iter(stream.recv, b""))


def test_bytes_arrive_as_they_were_sent(pair: Pair) -> None:
    near, far = pair
    near.send(b"hello")
    assert far.recv() == b"hello"


def test_much_more_than_the_buffers_hold_is_sent_whole(pair: Pair) -> None:
    near, far = pair
    data = os.urandom(3_000_000)
    sender = _in_thread(lambda: _send_all(near, data))
    assert _all(far) == data
    sender.join(10)


def test_both_directions_are_used_at_once_from_two_threads(pair: Pair) -> None:
    """One thread receives while another one sends on the same end, TLS included."""
    near, far = pair
    data = os.urandom(2_000_000)
    echo = _in_thread(lambda: _echo(far))
    sender = _in_thread(lambda: near.send(data))
    received = bytearray()
    while len(received) < len(data):
        received += near.recv()
    assert bytes(received) == data
    sender.join(10)
    near.close()
    echo.join(10)
    assert not echo.is_alive()


def test_what_two_threads_send_is_not_mixed(pair: Pair) -> None:
    near, far = pair
    threads = [_in_thread(partial(near.send, byte * 1_000_000)) for byte in (b"a", b"b")]
    received = b""
    while len(received) < 2_000_000:
        received += far.recv()
    for thread in threads:
        thread.join(10)
    assert received in {b"a" * 1_000_000 + b"b" * 1_000_000, b"b" * 1_000_000 + b"a" * 1_000_000}


def test_after_shut_write_the_peer_sees_the_end_and_can_still_answer(pair: Pair) -> None:
    near, far = pair
    near.send(b"question")
    near.shut_write()
    assert _all(far) == b"question"
    far.send(b"answer")
    assert near.recv() == b"answer"


def test_close_wakes_a_thread_that_waits_in_recv(pair: Pair) -> None:
    near, _ = pair
    found: list[bytes] = []
    thread = _in_thread(lambda: found.append(near.recv()))
    thread.join(0.1)
    assert thread.is_alive()
    near.close()
    thread.join(10)
    assert found == [b""]


def test_close_wakes_a_thread_that_waits_in_send(pair: Pair) -> None:
    near, _ = pair
    failures: list[BaseException] = []

    def send() -> None:
        try:
            near.send(bytes(50_000_000))
        except EngineUnreachableError as error:
            failures.append(error)

    thread = _in_thread(send)
    thread.join(0.2)
    assert thread.is_alive()
    near.close()
    thread.join(10)
    assert len(failures) == 1


def test_the_peer_sees_the_end_of_a_closed_stream_at_once(pair: Pair) -> None:
    near, far = pair
    near.close()
    assert far.recv() == b""


def test_a_closed_stream_gives_the_end_and_refuses_to_send(pair: Pair) -> None:
    near, _ = pair
    near.close()
    near.close()
    near.shut_write()
    assert (near.recv(), near.fileno()) == (b"", -1)
    with pytest.raises(EngineUnreachableError, match="is closed"):
        near.send(b"x")


def test_sending_to_a_peer_that_is_gone_is_our_error(pair: Pair) -> None:
    near, far = pair
    far.close()
    with pytest.raises(EngineUnreachableError, match="was lost while sending"):
        near.send(bytes(50_000_000))


def test_nothing_stays_hidden_behind_the_descriptor(pair: Pair) -> None:
    """A selector on `fileno` and a `recv` for each readiness see every byte, TLS included."""
    near, far = pair
    sender = _in_thread(lambda: far.send(bytes(200_000) + b"end"))
    poll = select.poll()
    poll.register(near.fileno(), select.POLLIN)
    received = b""
    while not received.endswith(b"end"):
        assert poll.poll(10_000)
        received += near.recv()
    sender.join(10)
    assert len(received) == 200_003


def test_bytes_that_were_read_ahead_come_first() -> None:
    left, right = socket.socketpair()
    stream = SocketStream(left, early=b"early")
    with right:
        right.sendall(b"later")
        assert [stream.recv(3), stream.recv(3), stream.recv()] == [b"ear", b"ly", b"later"]
        stream.close()


def test_a_stream_is_released_once_and_only_when_nobody_is_inside() -> None:
    left, right = socket.socketpair()
    released: list[int] = []
    stream = SocketStream(left, release=lambda: released.append(1))
    with right:
        thread = _in_thread(stream.recv)
        thread.join(0.05)
        stream.close()
        thread.join(10)
        stream.close()
        assert released == [1]
        assert left.fileno() == -1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_drops_the_descriptor_and_leaves_the_connection_alone(pair: Pair) -> None:
    near, far = pair
    child = os.fork()
    if not child:
        near.close_after_fork()
        os._exit(0 if near.fileno() == -1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    near.send(b"still here")
    assert far.recv() == b"still here"
