"""What the other side of a mirrored folder may say, and what it may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.mirror.records import CHUNK, HEADER, BrokenError, Decoder, Record

names = st.binary(min_size=1, max_size=20).filter(
    lambda name: name not in {b".", b".."} and not set(name) & {0, 47}
)


def file(path: bytes, body: bytes, size: int) -> bytes:
    record = Record(b"f", path, body)
    record.mode, record.size, record.time = 0o640, size, -5
    return record.encode()


@given(st.lists(names, min_size=1, max_size=5), st.binary(max_size=500), st.integers(1, 7))
def test_records_survive_however_they_are_cut(parts: list[bytes], body: bytes, piece: int) -> None:
    path = b"/".join(parts)
    data = file(path, body, len(body) + 3) + Record(b"p", b"", b"abc").encode()
    data += Record(b".").encode()
    decoder, found = Decoder(), []
    for start in range(0, len(data), piece):
        found += decoder.feed(data[start : start + piece])
    assert [(each.kind, each.path, each.body) for each in found] == [
        (b"f", path, body),
        (b"p", b"", b"abc"),
        (b".", b"", b""),
    ]
    assert (found[0].mode, found[0].size, found[0].time) == (0o640, len(body) + 3, -5)


@pytest.mark.parametrize(
    "path",
    [
        *(b"/etc/passwd", b"..", b"../x", b"a/../../x", b"a/./b", b"a//b", b"a/", b"", b"a\0b"),
        *(b"a/" * 100 + b"a", b"a" * 4097),
    ],
    ids=lambda path: path[:20].decode(),
)
@pytest.mark.parametrize("kind", [b"d", b"l", b"r", b"=", b"?"])
def test_a_path_that_leads_out_is_refused(path: bytes, kind: bytes) -> None:
    with pytest.raises(BrokenError):
        Decoder().feed(Record(kind, path, b"x").encode())


def test_rights_beyond_the_plain_ones_are_not_heard() -> None:
    data = HEADER.pack(b"f", 1, 0, 0o104755, 0, 0) + b"a"
    assert Decoder().feed(data)[0].mode == 0o755


def test_what_is_no_record_is_refused() -> None:
    for data in (HEADER.pack(b"c", 1, 0, 0, 0, 0), HEADER.pack(b"p", 0, CHUNK + 1, 0, 0, 0)):
        with pytest.raises(BrokenError, match=r"^a record of kind"):
            Decoder().feed(data)


@pytest.mark.parametrize(
    "data",
    [
        file(b"a", b"four", 3),
        file(b"a", b"", 3) + Record(b"p", b"", b"four").encode(),
        file(b"a", b"", 3) + Record(b"p", b"", b"").encode(),
        file(b"a", b"", 3) + file(b"b", b"", 0),
        file(b"a", b"", 3) + Record(b".").encode(),
        file(b"a", b"", 0) + Record(b"p", b"", b"x").encode(),
        file(b"a", b"", 0) + Record(b"a").encode(),
        Record(b"p", b"", b"x").encode(),
    ],
)
def test_a_file_with_other_bytes_than_were_said_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenError):
        Decoder().feed(data)


def test_a_file_can_be_given_up() -> None:
    data = file(b"a", b"x", 3) + Record(b"a").encode() + file(b"b", b"", 0)
    assert [each.kind for each in Decoder().feed(data)] == [b"f", b"a", b"f"]


@given(st.binary(max_size=200))
def test_noise_is_records_or_refused(data: bytes) -> None:
    decoder = Decoder()
    try:
        decoder.feed(data)
    except BrokenError as error:
        assert str(error)  # noqa: PT017 - no exception is as good
