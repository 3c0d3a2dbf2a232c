"""The frames that client and worker exchange."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.worker import protocol
from toolkit.worker.protocol import Frame, FrameDecoder, ProtocolError, grant, report

FRAMES = st.lists(
    st.builds(
        Frame,
        st.integers(protocol.CONFIGURE, protocol.HELLO),
        st.integers(0, 2**32 - 1),
        st.binary(max_size=200),
    ),
    max_size=8,
)


@given(FRAMES, st.data())
def test_any_cut_of_the_bytes_gives_the_same_frames(
    frames: list[Frame], data: st.DataObject
) -> None:
    stream = b"".join(frame.encode() for frame in frames)
    decoder, found = FrameDecoder(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += decoder.feed(stream[:size])
        stream = stream[size:]
    decoder.close()
    assert found == frames


def test_half_a_frame_at_the_end_is_an_error() -> None:
    decoder = FrameDecoder()
    decoder.feed(Frame(protocol.EXIT, 7, b"{}").encode()[:-1])
    with pytest.raises(ProtocolError, match=r"stream ended inside a frame \(10 bytes left\)"):
        decoder.close()


@pytest.mark.parametrize("kind", [0, protocol.HELLO + 1, 255])
def test_an_unknown_kind_is_an_error(kind: int) -> None:
    with pytest.raises(ProtocolError, match=f"unknown frame kind {kind}"):
        FrameDecoder().feed(protocol.HEADER.pack(kind, 0, 0))


def test_a_length_over_the_limit_is_refused_before_its_bytes_come() -> None:
    header = protocol.HEADER.pack(protocol.STDOUT, 1, protocol.MAX_PAYLOAD + 1)
    with pytest.raises(ProtocolError, match="a frame of 1048577 bytes is over the limit"):
        FrameDecoder().feed(header)


def test_a_payload_over_the_limit_is_not_sent() -> None:
    with pytest.raises(ProtocolError, match="over the limit"):
        Frame(protocol.INPUT, 1, bytes(protocol.MAX_PAYLOAD + 1)).encode()


def test_a_path_that_is_not_utf8_survives_a_report() -> None:
    fields = {"path": "caf\udce9"}
    assert report(protocol.RUN, 1, fields).fields() == fields


@pytest.mark.parametrize(("payload", "text"), [(b"\xff", "not JSON"), (b"[]", "not a table")])
def test_a_report_that_is_no_table_is_an_error(payload: bytes, text: str) -> None:
    with pytest.raises(ProtocolError, match=text):
        Frame(protocol.EXIT, 1, payload).fields()


def test_a_grant_says_how_much() -> None:
    assert grant(3, 70_000).amount() == 70_000
    with pytest.raises(ProtocolError, match="a grant of 1 bytes of payload"):
        Frame(protocol.CREDIT, 3, b"x").amount()
