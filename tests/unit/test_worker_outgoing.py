"""What the worker has to say goes in order, whole, bounded, and what belongs together together."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.worker import protocol
from toolkit.worker.outgoing import Outgoing
from toolkit.worker.protocol import Frame, FrameDecoder


class Pipe:
    """An engine that takes as much as a pipe has room for."""

    def __init__(self) -> None:
        self._read, self.write = os.pipe()
        for end in (self._read, self.write):
            os.set_blocking(end, False)
        self._decoder = FrameDecoder()

    def taken(self) -> list[Frame]:
        """The frames that have come since."""
        data = b""
        while True:
            try:
                data += os.read(self._read, 1 << 20)
            except BlockingIOError:
                return list(self._decoder.feed(data))

    def close(self) -> None:
        os.close(self._read)
        os.close(self.write)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def words(text: bytes, run: int = 1) -> Frame:
    return Frame(protocol.STDOUT, run, text)


def the_end(run: int = 1) -> Frame:
    return Frame(protocol.EXIT, run, b"{}")


def test_first_words_wait_for_the_end_that_follows(pipe: Pipe) -> None:
    out = Outgoing(pipe.write)
    out.output(words(b"hello"), 5.0, may_wait=True)
    out.write(5.0)
    assert pipe.taken() == []
    assert not out.is_wanting
    assert out.rests_until == pytest.approx(5.001)
    out.end(the_end())
    out.write(5.0005)
    assert pipe.taken() == [words(b"hello"), the_end()]
    assert out.rests_until is None


def test_they_wait_no_longer_than_a_moment(pipe: Pipe) -> None:
    out = Outgoing(pipe.write)
    out.output(words(b"hello"), 5.0, may_wait=True)
    out.write(5.002)
    assert pipe.taken() == [words(b"hello")]


@pytest.mark.parametrize(
    ("text", "may_wait"), [(b"x" * 5000, True), (b"x", False)], ids=["much", "other"]
)
def test_much_output_and_that_of_other_runs_does_not_wait(
    pipe: Pipe, text: bytes, *, may_wait: bool
) -> None:
    out = Outgoing(pipe.write)
    out.output(words(text), 5.0, may_wait=may_wait)
    assert out.is_wanting
    out.write(5.0)
    assert pipe.taken() == [words(text)]
    assert not out.is_wanting


def test_a_word_of_the_workers_goes_at_once_and_before_what_waits(pipe: Pipe) -> None:
    out = Outgoing(pipe.write)
    out.output(words(b"hello"), 5.0, may_wait=True)
    out.control(Frame(protocol.PING))
    out.write(5.0)
    assert pipe.taken() == [Frame(protocol.PING), words(b"hello")]


def test_control_overtakes_output_but_never_inside_a_frame(pipe: Pipe) -> None:
    out = Outgoing(pipe.write)
    large = [words(bytes([n]) * 100_000) for n in range(3)]
    for frame in large:
        out.output(frame, 5.0, may_wait=False)
    assert out.is_full
    out.write(5.0)  # the pipe takes a part of the first
    out.control(Frame(protocol.PING))
    seen = []
    while out.is_wanting:
        seen += pipe.taken()
        out.write(5.0)
    assert [*seen, *pipe.taken()] == [large[0], Frame(protocol.PING), *large[1:]]
    assert not out.is_full


@given(st.lists(st.tuples(st.sampled_from("coe"), st.binary(max_size=9000)), max_size=30))
def test_all_arrives_each_kind_in_its_order(said: list[tuple[str, bytes]]) -> None:
    pipe = Pipe()
    out = Outgoing(pipe.write)
    seen: list[Frame] = []
    for number, (kind, text) in enumerate(said, 1):
        if kind == "c":
            out.control(Frame(protocol.CREDIT, number, text))
        elif kind == "o":
            out.output(words(text, number), 5.0, may_wait=True)
        else:
            out.end(Frame(protocol.EXIT, number, text))
        out.write(5.0)
        seen += pipe.taken()
    out.write(6.0)
    seen += pipe.taken()
    pipe.close()
    is_control = [frame for frame in seen if frame.kind == protocol.CREDIT]
    others = [frame for frame in seen if frame.kind != protocol.CREDIT]
    assert [f.payload for f in is_control] == [text for kind, text in said if kind == "c"]
    assert [f.payload for f in others] == [text for kind, text in said if kind != "c"]
