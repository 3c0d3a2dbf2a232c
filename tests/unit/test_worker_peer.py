"""The client against a peer that is no worker: whatever it says, an error of ours and no hang."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import queue
import struct
import time
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toolkit.errors import DiedError, ExecError, StartError, ToolkitError
from toolkit.worker import protocol
from toolkit.worker.channel import Channel, Setup
from toolkit.worker.protocol import HEADER, Frame, report
from toolkit.worker.result import Command, Result

READY = {
    "version": protocol.VERSION,
    "python": "3.8.0",
    "uid": 1,
    "gid": 1,
    "home": "/",
    "programs": {"sh": None},
}
EXIT = {"code": 0, "seconds": 1.0, "timed_out": False, "stopped": False, "oom_killed": False}
HANDSHAKE = report(protocol.READY, 0, READY).encode()
HELLO = Frame(protocol.HELLO, 0, importlib.util.MAGIC_NUMBER).encode()


class Peer:
    """A stream whose other end says one thing at first and after all that it hears, then ends."""

    def __init__(self, *says: bytes, first: bytes = HELLO) -> None:
        self._says = list(says)
        self._heard: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._heard.put(self.framed(first))
        if not says:
            self._heard.put(b"")

    def send(self, _data: bytes) -> None:
        if self._says:
            self._heard.put(self.framed(self._says.pop(0)))
        if not self._says:
            self._heard.put(b"")

    @staticmethod
    def framed(said: bytes) -> bytes:
        return b"\1\0\0\0" + struct.pack(">I", len(said)) + said

    def recv(self, _max_bytes: int = 65536) -> bytes:
        return self._heard.get()

    def close(self) -> None:
        self._heard.put(b"")

    shut_write = close_after_fork = close

    def fileno(self) -> int:
        return -1

    def ready(self) -> bool:
        return False


class RawPeer(Peer):
    """The same without the engine's own frames around it."""

    @staticmethod
    def framed(said: bytes) -> bytes:
        return said


def opened(peer: Peer) -> Channel:
    channel = Channel(peer, name="the peer")
    try:
        channel.open(Setup("/"), timeout=5)
    except BaseException:
        channel.close()
        raise
    return channel


def run(channel: Channel) -> Result:
    return channel.run(Command(("true",), timeout=5))


def reset(channel: Channel) -> None:
    channel.reset(timeout=5)


def write(channel: Channel) -> None:
    channel.write("a", b"data")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
names = st.sampled_from([*READY, *EXIT, "message"])
tables = st.builds(
    lambda fields, other: {**fields, **other},
    st.sampled_from([{}, READY, EXIT, {"message": "no"}]),
    st.dictionaries(names, json_values, max_size=3),
)
payloads = st.binary(max_size=20) | (tables | json_values).map(lambda it: json.dumps(it).encode())
frames = st.builds(
    lambda kind, number, payload: HEADER.pack(kind, number, len(payload)) + payload,
    st.integers(0, 15),
    st.integers(0, 2),
    payloads,
)
speech = st.lists(frames, max_size=4).map(b"".join) | st.binary(max_size=40)
NESTED = b"[" * 200_000
DEEP = HEADER.pack(protocol.READY, 0, len(NESTED)) + NESTED


@given(speech, st.sampled_from([Peer, RawPeer]))
@example(report(protocol.READY, 0, {}).encode(), Peer)
@example(DEEP, Peer)
def test_whatever_a_peer_answers_at_first_is_a_worker_or_an_error_of_ours(
    said: bytes, kind: type[Peer]
) -> None:
    with contextlib.suppress(ToolkitError):
        opened(kind(said)).close()
    with contextlib.suppress(ToolkitError):
        opened(kind(first=said)).close()


@given(speech, st.sampled_from([run, reset, write]))
def test_whatever_a_peer_says_later_is_a_result_or_an_error_of_ours(
    said: bytes, act: Callable[[Channel], object]
) -> None:
    channel = opened(Peer(HANDSHAKE, said))
    with contextlib.suppress(ToolkitError):
        act(channel)
    channel.close()


def test_one_that_does_not_begin_as_a_python_of_ours_does_not_start() -> None:
    with pytest.raises(StartError) as caught:
        opened(Peer(HANDSHAKE, first=HANDSHAKE))
    words = f"it begins with a frame of kind {protocol.READY}"
    assert str(caught.value) == f"the peer did not answer as a worker does: {words}"


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        (protocol.READY, {}, "field 'version' is no int"),
        (
            protocol.READY,
            {**READY, "version": protocol.VERSION + 1},
            "it speaks another version of the protocol",
        ),
        (protocol.READY, {**READY, "uid": True}, "field 'uid' is no int"),
        (protocol.READY, {**READY, "home": None}, "field 'home' is no str"),
        (protocol.READY, {**READY, "programs": {"sh": 1}}, "a program's path is no text"),
        (protocol.FAILED, {}, "field 'message' is no str"),
        (protocol.EXIT, EXIT, f"a frame of kind {protocol.EXIT} came where 2 was due"),
    ],
)
def test_an_image_whose_python_is_none_does_not_start(
    kind: int, fields: dict[str, object], words: str
) -> None:
    with pytest.raises(StartError) as caught:
        opened(Peer(report(kind, 0, fields).encode()))
    assert str(caught.value) == f"the peer did not answer as a worker does: {words}"


@pytest.mark.parametrize(
    "said",
    [
        report(protocol.EXIT, 1, {**EXIT, "code": "0"}),
        report(protocol.EXIT, 1, {**EXIT, "seconds": float("nan")}),
        report(protocol.FAILED, 1, {}),
        report(protocol.READY, 1, READY),
        Frame(protocol.CREDIT, 1, b"x"),
        Frame(protocol.EXIT, 1, b"\xff"),
    ],
)
@pytest.mark.parametrize("act", [run, reset, write])
def test_nonsense_in_a_run_is_broken_machinery(
    said: Frame, act: Callable[[Channel], object]
) -> None:
    channel = opened(Peer(HANDSHAKE, said.encode()))
    with pytest.raises(ExecError, match="the peer did not answer as a worker does"):
        act(channel)
    channel.close()


def test_bytes_that_are_no_frame_are_the_end_of_the_worker() -> None:
    channel = opened(Peer(HANDSHAKE, b"\xff" * 9))
    with pytest.raises(DiedError, match="unknown frame kind 255"):
        run(channel)
    channel.close()


def test_a_worker_s_own_answers_are_read() -> None:
    channel = opened(Peer(HANDSHAKE, report(protocol.EXIT, 1, EXIT).encode()))
    assert run(channel).exit_code == 0
    channel.close()


def test_a_worker_that_keeps_to_no_credit_ends_before_the_memory_does() -> None:
    """A hostile image's python says it; somebody who takes nothing must not be filled up."""
    flood = Frame(protocol.STDOUT, 1, bytes(protocol.CHUNK)).encode() * 200
    channel = opened(Peer(HANDSHAKE, flood, b""))

    def slow(_stream: str, _data: bytes) -> None:
        time.sleep(0.01)

    with pytest.raises(DiedError, match="it sends more than it may"):
        channel.run(Command(("x",)), on_output=slow)
