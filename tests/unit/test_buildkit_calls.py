"""Calls of ours, with an HTTP/2 server in the engine's place, and with bytes that are none."""

from __future__ import annotations

import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator

import h2.config
import h2.connection
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.buildkit_peers import Handler, Served, Server
from toolkit.engine.buildkit import wire
from toolkit.engine.buildkit.calls import Call, Channel, Client, Ended, Message, outcome
from toolkit.engine.stream import SocketStream

PATH = "/a.B/C"
LOST = Ended(14, "the connection was lost", lost=True)


class Caller:
    """A channel to a server whose one method is given."""

    def __init__(self, handler: Handler, *, window: int | None = None) -> None:
        near, self.far = socket.socketpair()
        self.server = Server(self.far, {PATH: handler}, window=window)
        self.channel = Channel(SocketStream(near))
        self.channel.start()

    def call(self, request: bytes | None = b"?", path: str = PATH) -> Answer:
        return Answer(self.channel, path, request)

    def ask(self, request: bytes | None = b"?", path: str = PATH) -> tuple[list[bytes], Ended]:
        return self.call(request, path).read()

    def close(self) -> None:
        self.channel.close()
        self.server.close()
        assert self.server.over.wait(5)
        assert not self.channel.is_alive()


class Answer:
    """What comes of one call."""

    def __init__(self, channel: Channel, path: str, request: bytes | None) -> None:
        self.channel = channel
        self.came: queue.SimpleQueue[Message | Ended] = queue.SimpleQueue()
        self.call = channel.call(path, self.came.put, request=request)

    def next(self) -> Message | Ended:
        return self.came.get(timeout=10)

    def read(self) -> tuple[list[bytes], Ended]:
        found = []
        while isinstance(item := self.next(), Message):
            self.channel.consumed(self.call, item)
            found.append(item.payload)
        return found, item


Start = Callable[..., Caller]


@pytest.fixture
def start() -> Iterator[Start]:
    """A function from a method to who calls it."""
    opened: list[Caller] = []

    def run(handler: Handler, *, window: int | None = None) -> Caller:
        opened.append(Caller(handler, window=window))
        return opened[-1]

    yield run
    for each in opened:
        each.close()


def test_a_message_comes_back_and_the_end_is_success(start: Start) -> None:
    def echo(call: Served) -> None:
        call.send(call.read() or b"")
        call.end()

    assert start(echo).ask(b"hello") == ([b"hello"], Ended())


def test_an_answer_of_trailers_alone_is_its_end(start: Start) -> None:
    found = start(lambda call: call.end(5, "grün\n100%", details="CAI")).ask()
    assert found == ([], Ended(5, "grün\n100%", "CAI"))


def test_an_answer_without_a_status_is_never_success(start: Start) -> None:
    def cut(call: Served) -> None:
        call.send(b"x")
        call.end(None)

    assert start(cut).ask() == ([b"x"], Ended(2, "the answer ended without a status"))


def test_an_answer_that_ends_inside_a_message_is_never_success(start: Start) -> None:
    def cut(call: Served) -> None:
        call.raw(b"\0\0\0\0\x09abc")
        call.end(0)

    assert start(cut).ask() == ([], Ended(13, "the answer ended inside a message"))


def test_a_call_that_is_reset_has_ended(start: Start) -> None:
    def reset(call: Served) -> None:
        call.send(b"x")
        call.reset()

    messages, end = start(reset).ask()
    assert (messages, end.code, end.lost) == ([b"x"], 14, False)
    assert end.words == "the engine gave the call up (HTTP/2 error 0)"


def test_an_unknown_method_is_an_end_with_its_code(start: Start) -> None:
    assert start(Served.end).ask(path="/x") == ([], Ended(12, "unknown"))


@pytest.mark.parametrize("size", [1, 3, 5, 1000])
def test_messages_are_whole_however_their_frames_are_cut(start: Start, size: int) -> None:
    sent = [os.urandom(length) for length in (0, 1, 5, 700, 0)]

    def speak(call: Served) -> None:
        call.raw(b"".join(map(wire.frame, sent)), piece=size)
        call.end()

    assert start(speak).ask() == (sent, Ended())


def test_an_answer_much_larger_than_the_windows_arrives(start: Start) -> None:
    data = os.urandom(3_000_000)

    def speak(call: Served) -> None:
        call.send(data)
        call.end()

    assert start(speak).ask() == ([data], Ended())


@pytest.mark.parametrize(("window", "size"), [(1, 50), (100, 20_000), (65535, 700_000)])
def test_a_request_passes_whatever_the_window(start: Start, window: int, size: int) -> None:
    data = os.urandom(size)
    found: list[bytes | None] = []

    def hear(call: Served) -> None:
        found.append(call.read())
        call.end()

    assert start(hear, window=window).ask(data) == ([], Ended())
    assert found == [data]


def test_details_of_500_kb_arrive(start: Start) -> None:
    """More than h2 takes by itself; engines send the Dockerfile along, twice encoded."""
    details = "x" * 500_000
    caller = start(lambda call: call.end(2, "boom", details=details))
    caller.ask(path="/x")  # our settings have been acknowledged
    assert caller.ask() == ([], Ended(2, "boom", details))


def test_trailers_above_the_limit_are_a_lost_connection_and_no_more(start: Start) -> None:
    def flood(call: Served) -> None:
        call.end(2, "boom", details="x" * 3_000_000)

    assert start(flood).ask() == ([], LOST)


def test_a_compressed_message_ends_the_call(start: Start) -> None:
    words = "a gRPC message is compressed, which was not agreed"
    assert start(lambda call: call.raw(b"\x01\0\0\0\0")).ask() == ([], Ended(13, words))


def test_a_message_above_the_limit_ends_the_call_before_it_is_there(start: Start) -> None:
    found = start(lambda call: call.raw(b"\0\xff\xff\xff\xff")).ask()
    assert found == ([], Ended(13, "a gRPC message has 4294967295 bytes, more than 33554432"))


def test_calls_run_side_by_side_and_one_that_never_ends_keeps_nobody(start: Start) -> None:
    def some(call: Served) -> None:
        if (asked := call.read()) != b"never":
            call.send(asked or b"")
            call.end()

    caller = start(some)
    never = caller.call(b"never")
    assert [caller.ask(name) for name in (b"a", b"b")] == [([b"a"], Ended()), ([b"b"], Ended())]
    caller.channel.close()
    assert never.read() == ([], LOST)


@pytest.mark.parametrize("end", ["goaway", "close", "garbage"])
def test_the_end_of_the_connection_ends_every_call(start: Start, end: str) -> None:
    begun = threading.Barrier(3)

    def wait(call: Served) -> None:
        call.begin()
        begun.wait(10)

    caller = start(wait)
    calls = [caller.call(), caller.call()]
    begun.wait(10)
    if end == "goaway":
        caller.server.do(caller.server.h2.close_connection)
    elif end == "close":
        caller.server.close()
    else:
        caller.far.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert [call.read() for call in calls] == [([], LOST)] * 2
    assert caller.ask() == ([], LOST)


def test_a_call_upon_a_closed_channel_is_lost(start: Start) -> None:
    caller = start(Served.end)
    caller.channel.close()
    assert caller.ask() == ([], LOST)


def test_a_server_that_speaks_no_http_2_is_a_lost_connection() -> None:
    near, far = socket.socketpair()
    channel = Channel(SocketStream(near))
    channel.start()
    with far:
        far.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        assert Answer(channel, PATH, b"").read() == ([], LOST)
    channel.close()


def test_a_slow_listener_holds_the_engine_back(start: Start) -> None:
    """What the engine wants to say stays with it, and nothing of it is lost."""
    sent = 0
    total = 300

    def speak(call: Served) -> None:
        nonlocal sent
        for number in range(total):
            call.send(number.to_bytes(4, "big") + bytes(100_000))
            sent = number + 1
        call.end()

    caller = start(speak)
    answer = caller.call()
    before = -1
    while before != sent:
        before = sent
        time.sleep(0.3)
    assert 0 < sent < total / 2
    messages, end = answer.read()
    assert [int.from_bytes(each[:4], "big") for each in messages] == list(range(total))
    assert end == Ended()


def test_several_messages_of_ours_go_one_after_another(start: Start) -> None:
    found: list[bytes] = []

    def hear(call: Served) -> None:
        while (message := call.read()) is not None:
            found.append(message)
        call.end()

    caller = start(hear)
    answer = caller.call(None)
    gone = threading.Semaphore(0)
    for number in range(3):
        caller.channel.send(answer.call, b"%d" % number, gone.release)
        assert gone.acquire(timeout=10)
    caller.channel.finish(answer.call)
    assert answer.read() == ([], Ended())
    assert found == [b"0", b"1", b"2"]


def test_who_waits_to_send_is_let_go_when_the_call_has_ended(start: Start) -> None:
    caller = start(lambda call: call.end(7, "no"))
    answer = caller.call(None)
    assert answer.read() == ([], Ended(7, "no"))
    gone = threading.Event()
    caller.channel.send(answer.call, b"late", gone.set)
    assert gone.wait(10)


@pytest.mark.parametrize(
    ("headers", "end"),
    [
        ({b":status": b"200", b"grpc-status": b"0"}, Ended()),
        ({b":status": b"200", b"grpc-status": b"x"}, Ended(2)),
        ({b":status": b"200", b"grpc-status": b"-1"}, Ended(2)),
        ({b":status": b"404"}, Ended(12, "the answer has the HTTP status 404")),
        ({b":status": b"503"}, Ended(14, "the answer has the HTTP status 503")),
        ({b":status": b"?"}, Ended(2, "the answer has the HTTP status ?")),
        ({}, Ended(2, "the answer has the HTTP status ")),
        ({b":status": b"404", b"grpc-status": b"5"}, Ended(5)),
        ({b":status": b"200", b"grpc-status": b"2", b"grpc-message": b"%zz%"}, Ended(2, "%zz%")),
    ],
)
def test_how_a_call_ended_is_read_from_its_headers(headers: dict[bytes, bytes], end: Ended) -> None:
    assert outcome(headers) == end


# The protocol alone: an honest server's bytes, recorded here, cut, broken off and spoilt.


def _answered() -> tuple[list[bytes], list[bytes], Ended]:
    """What a client says first, what the server answers to it, and how the call ends."""
    config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
    server = h2.connection.H2Connection(config)
    server.initiate_connection()
    client, _ = _client()
    server.receive_data(client.outgoing())
    server.send_headers(1, [(":status", "200"), ("content-type", "application/grpc")])
    server.send_data(1, wire.frame(b"one") + wire.frame(b"two")[:4])
    server.send_data(1, wire.frame(b"two")[4:])
    server.send_headers(1, [("grpc-status", "2"), ("grpc-message", "boom%21")], end_stream=True)
    return [server.data_to_send()], [b"one", b"two"], Ended(2, "boom!")


def _client() -> tuple[Client, list[Message | Ended]]:
    came: list[Message | Ended] = []
    client = Client()
    client.start()
    call = Call(PATH, [], came.append)
    client.open(call)
    client.send(call, b"?", lambda: None)
    client.finish(call)
    return client, came


[RAW], MESSAGES, END = _answered()


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 24, 1000])
def test_an_answer_is_understood_wherever_its_bytes_are_cut(cut: int) -> None:
    client, came = _client()
    client.outgoing()
    for at in range(0, len(RAW), cut):
        client.receive(RAW[at : at + cut])
        client.outgoing()
    assert came == [*map(Message, MESSAGES), END]


def test_an_answer_that_stops_anywhere_is_lost_and_never_success() -> None:
    for end in range(len(RAW)):
        client, came = _client()
        client.outgoing()
        client.receive(RAW[:end])
        client.outgoing()
        client.lost()
        assert came[-1] == LOST


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, len(RAW)))
def test_spoilt_bytes_raise_nothing_and_end_every_call(data: bytes, at: int) -> None:
    client, came = _client()
    client.outgoing()
    client.receive(RAW[:at] + data)
    client.outgoing()
    if not client.ended:
        client.receive(RAW[at:])
        client.outgoing()
    client.lost()
    assert [one for one in came if isinstance(one, Ended)] == came[-1:]
