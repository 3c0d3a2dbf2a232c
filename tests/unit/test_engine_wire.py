"""The engine's streams, cut anywhere."""

from __future__ import annotations

import json
import struct
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.engine.wire import AttachDecoder, JsonDecoder, WireError, error_words

_CHUNKS = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=50)), max_size=8)
_NAMES = {1: "stdout", 2: "stderr"}


def _framed(chunks: list[tuple[int, bytes]]) -> bytes:
    return b"".join(struct.pack(">BxxxI", kind, len(data)) + data for kind, data in chunks)


def _joined(chunks: list[tuple[Any, bytes]]) -> list[tuple[Any, bytes]]:
    """Neighbours of one stream together: where a frame ends means nothing."""
    grouped = groupby((one for one in chunks if one[1]), key=lambda one: one[0])
    return [(name, b"".join(data for _, data in group)) for name, group in grouped]


@given(_CHUNKS, st.integers(1, 20))
def test_any_cut_of_an_attach_stream_gives_the_same_output(
    chunks: list[tuple[int, bytes]], size: int
) -> None:
    decoder = AttachDecoder()
    raw = _framed(chunks)
    found = [one for at in range(0, len(raw), size) for one in decoder.feed(raw[at : at + size])]
    decoder.close()
    assert _joined(found) == _joined([(_NAMES[kind], data) for kind, data in chunks])


def test_output_is_given_out_before_its_frame_is_whole() -> None:
    decoder = AttachDecoder()
    assert list(decoder.feed(_framed([(1, b"hello")])[:10])) == [("stdout", b"he")]


@pytest.mark.parametrize("cut", [3, 8, 10])
def test_an_attach_stream_that_ends_inside_a_frame_is_an_error(cut: int) -> None:
    decoder = AttachDecoder()
    list(decoder.feed(_framed([(2, b"hello")])[:cut]))
    with pytest.raises(WireError, match="ended inside a frame"):
        decoder.close()


def test_a_frame_of_an_unknown_stream_is_an_error() -> None:
    with pytest.raises(WireError, match="unknown kind 7"):
        list(AttachDecoder().feed(b"\x07\0\0\0\0\0\0\0"))


@given(st.binary(max_size=200))
def test_random_bytes_on_an_attach_stream_raise_nothing_else(data: bytes) -> None:
    decoder = AttachDecoder()
    try:
        list(decoder.feed(data))
        decoder.close()
    except WireError:
        pass


_OBJECTS = st.lists(
    st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.integers(), max_size=3),
    max_size=5,
)


@given(_OBJECTS, st.sampled_from(["", "\n", "\r\n"]), st.integers(1, 30), st.booleans())
def test_any_cut_of_a_json_stream_gives_the_same_objects(
    objects: list[dict[str, Any]], separator: str, size: int, ascii_only: bool
) -> None:
    raw = separator.join(json.dumps(one, ensure_ascii=ascii_only) for one in objects).encode(
        "utf-8", "surrogatepass"
    )
    decoder = JsonDecoder()
    found = [one for at in range(0, len(raw), size) for one in decoder.feed(raw[at : at + size])]
    decoder.close()
    assert found == objects


def test_a_json_stream_that_ends_inside_an_object_is_an_error() -> None:
    decoder = JsonDecoder()
    assert list(decoder.feed(b'{"a": 1}\r\n{"b": {}')) == [{"a": 1}]
    with pytest.raises(WireError, match="ended inside an object"):
        decoder.close()


def test_what_is_no_json_object_is_an_error() -> None:
    with pytest.raises(WireError, match="where JSON was due"):
        list(JsonDecoder().feed(b"<html>"))


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"status": "Pulling"}, ""),
        ({"error": "", "errorDetail": None}, ""),
        ({"error": "short"}, "short"),
        ({"error": "short", "errorDetail": {"code": 1, "message": "long"}}, "long"),
        ({"errorDetail": {}}, "the engine does not say why"),
        ({"errorDetail": "odd"}, "the engine does not say why"),
    ],
)
def test_a_failure_without_a_word_is_one_all_the_same(item: dict[str, Any], words: str) -> None:
    assert error_words(item) == words


@given(st.binary(max_size=200))
def test_random_bytes_on_a_json_stream_raise_nothing_else(data: bytes) -> None:
    decoder = JsonDecoder()
    try:
        list(decoder.feed(data))
        list(decoder.feed(b"{" + data))
        decoder.close()
    except WireError:
        pass
