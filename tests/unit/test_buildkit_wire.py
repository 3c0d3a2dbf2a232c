"""Protobuf, gRPC frames and percent-coding: vectors both ways, truncations, random bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.engine.buildkit import status, wire
from toolkit.engine.wire import WireError

_MAP = "3a0b0a06746172676574120162"
_TRACE = (
    "0a260a097368613235363a61611a0b5b312f315d2052554e20782a020801320208023a04626f6f6d"
    "1a120a097368613235363a61611802220368690a"
)
VECTORS: list[tuple[str, tuple[tuple[int, str | bytes | int], ...]]] = [
    ("0a016b", ((1, "k"),)),
    ("0a0175120170", ((1, "u"), (2, "p"))),
    ("0801", ((1, 1),)),
    (_MAP, ((7, wire.encode((1, "target"), (2, "b"))),)),
    ("08011080cab5ee01", ((1, 1), (2, 500_000_000))),
    ("088092b8c398feffffff01", ((1, -62_135_596_800),)),
]


@pytest.mark.parametrize(("raw", "pairs"), VECTORS)
def test_vectors_are_encoded_to_the_byte(
    raw: str, pairs: tuple[tuple[int, str | bytes | int], ...]
) -> None:
    assert wire.encode(*pairs).hex() == raw


@pytest.mark.parametrize(("raw", "pairs"), VECTORS)
def test_vectors_are_decoded(raw: str, pairs: tuple[tuple[int, str | bytes | int], ...]) -> None:
    found = [
        (number, value if isinstance(value, bytes) else wire.signed(value))
        for number, value in wire.fields(bytes.fromhex(raw))
    ]
    assert found == [
        (number, value.encode() if isinstance(value, str) else value) for number, value in pairs
    ]


def test_a_status_response_is_read() -> None:
    found = status.decode(bytes.fromhex(_TRACE))
    assert found == status.Status(
        (
            status.Vertex(
                "sha256:aa",
                "[1/1] RUN x",
                started=1_000_000_000,
                completed=2_000_000_000,
                error="boom",
            ),
        ),
        (status.VertexLog("sha256:aa", 2, b"hi\n"),),
    )


def test_the_zero_time_of_go_is_unset() -> None:
    vertex = wire.encode((1, "d"), (5, bytes.fromhex("088092b8c398feffffff01")))
    assert status.decode(wire.encode((1, vertex))).vertexes[0].started is None


def test_fixed_width_fields_are_skipped_over() -> None:
    raw = b"\x09" + bytes(8) + b"\x15\x01\x00\x00\x00" + wire.encode((3, "x"))
    assert list(wire.fields(raw)) == [(1, 0), (2, 1), (3, b"x")]


@pytest.mark.parametrize("raw", [bytes.fromhex(raw) for raw, _ in [*VECTORS, (_TRACE, ())]])
def test_a_truncated_message_gives_a_prefix_or_the_one_error(raw: bytes) -> None:
    whole = list(wire.fields(raw))
    for end in range(len(raw)):
        try:
            found = list(wire.fields(raw[:end]))
        except WireError:
            continue
        assert found == whole[: len(found)]


@pytest.mark.parametrize(
    "raw",
    [
        b"\x0b",
        b"\x0c",
        b"\x0e",
        b"\x0f",
        b"\x00",
        b"\x08" + b"\xff" * 10 + b"\x01",
        b"\x08" + b"\xff" * 9 + b"\x7f",
        b"\x0a\xff\xff\xff\xff\x0fx",
    ],
)
def test_what_protobuf_forbids_is_the_one_error(raw: bytes) -> None:
    with pytest.raises(WireError):
        list(wire.fields(raw))


@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_but_the_one_error(data: bytes) -> None:
    for read in (lambda raw: list(wire.fields(raw)), status.decode, wire.message):
        try:
            read(data)
        except WireError:
            continue


_PAIRS = st.lists(
    st.tuples(st.integers(1, 1000), st.binary(max_size=40) | st.integers(-(1 << 63), (1 << 63) - 1))
)


@given(_PAIRS)
def test_what_is_encoded_is_decoded(pairs: list[tuple[int, bytes | int]]) -> None:
    found = [
        (number, value if isinstance(value, bytes) else wire.signed(value))
        for number, value in wire.fields(wire.encode(*pairs))
    ]
    assert found == pairs


@given(st.lists(st.binary(max_size=60), max_size=6), st.integers(1, 20))
def test_any_cut_of_framed_messages_gives_the_same_messages(
    messages: list[bytes], size: int
) -> None:
    raw = b"".join(map(wire.frame, messages))
    decoder = wire.FrameDecoder(100)
    found = [one for at in range(0, len(raw), size) for one in decoder.feed(raw[at : at + size])]
    assert found == messages


def test_the_framed_health_answer_is_the_vector() -> None:
    assert wire.frame(wire.encode((1, 1))) == bytes.fromhex("00000000020801")


def test_a_compressed_or_huge_message_is_refused() -> None:
    with pytest.raises(WireError, match="compressed"):
        list(wire.FrameDecoder(10).feed(b"\x01\0\0\0\0"))
    with pytest.raises(WireError, match="more than 10"):
        list(wire.FrameDecoder(10).feed(b"\0\0\0\0\x0b"))


@given(st.text())
def test_grpc_messages_survive_percent_coding(words: str) -> None:
    clean = words.encode("utf-8", "replace").decode()
    coded = wire.percent_encode(words)
    assert wire.percent_decode(coded) == clean
    assert all(0x20 <= ord(character) < 0x7F for character in coded)


def test_printable_text_is_left_as_it_is() -> None:
    assert wire.percent_encode('secret "x" <y> 100%\n') == 'secret "x" <y> 100%25%0A'


def test_parts_and_warnings_are_decoded() -> None:
    """VertexStatus and VertexWarning as engines 23 and later send them."""
    part = wire.encode((1, "sha256:1"), (2, "d"), (3, "downloading"), (4, 5), (5, 10))
    endless = wire.encode((1, "x"), (4, (1 << 64) - 1))  # -1, as some exporters count
    ranges = [wire.encode((1, wire.encode((1, line), (2, 4)))) for line in (7, 9)]
    warning = wire.encode(
        (1, "d"), (2, 1), (3, b"short"), (5, "https://u"), *((7, r) for r in ranges)
    )
    bare = wire.encode((1, "d"), (3, b"bare"))
    found = status.decode(wire.encode((2, part), (2, endless), (4, warning), (4, bare)))
    assert found == status.Status(
        statuses=(
            status.VertexStatus("d", "sha256:1", 5, 10),
            status.VertexStatus("", "x", 0, 0),
        ),
        warnings=(
            status.VertexWarning("d", "short", "https://u", 7),
            status.VertexWarning("d", "bare"),
        ),
    )
