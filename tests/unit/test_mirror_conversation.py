"""What a helper that lies could say, and that it changes nothing that it should not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.mirror.conversation import Received
from toolkit.mirror.records import MOST_BYTES, MOST_ENTRIES, BrokenError, Record
from toolkit.mirror.tree import Reader, TooManyError, opened, scan

FILE = b"f 644 1 1 1 1"


def record(kind: bytes, path: bytes = b"", body: bytes = b"", *, size: int = 0) -> bytes:
    made = Record(kind, path, body)
    made.mode, made.size = 0o644, size
    return made.encode()


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "work").mkdir()
    (tmp_path / "work/mine").write_text("x")
    descriptor = opened(tmp_path / "work")
    yield descriptor
    os.close(descriptor)


def heard(
    root: int, data: bytes, *, there: dict[bytes, bytes] | None = None, informed: bool = False
) -> Received:
    """All of it at once; whatever was written is finished."""
    reader = Reader(root)
    received = Received(root, {b"mine": reader.stamp(b"mine")}, there or {})
    received.begin(informed=informed)
    reader.close()
    try:
        received.take("stdout", record(b"h") + data)
    finally:
        received.close()
    return received


LISTED = record(b"=", b"new", FILE) + record(b".")


@pytest.mark.parametrize(
    "data",
    [
        LISTED + record(b"f", b"other", b"x", size=1),
        LISTED + record(b"f", b"new", b"x", size=1) + record(b"f", b"new", b"x", size=1),
        LISTED + record(b"r", b"mine"),
        LISTED + record(b"=", b"new", FILE),
        LISTED + record(b"h"),
        LISTED + record(b"t"),
        record(b"h"),
        record(b".") + record(b"f", b"new", b"x", size=1),
        record(b".") + record(b"."),
        record(b"r", b"mine") + record(b"."),
        record(b"f", b"mine", b"x", size=1) + record(b"."),
        record(b"=", b"new", b"c 1 3") + record(b"."),
    ],
)
def test_what_was_not_asked_for_is_refused(root: int, data: bytes) -> None:
    with pytest.raises(BrokenError):
        heard(root, data)
    assert set(scan(root, 10)) <= {b"mine", b"new"}


def test_a_file_longer_than_may_be_is_refused_before_it_comes(root: int) -> None:
    told = record(b"=", b"new", b"f 644 %d 1 1 1" % (MOST_BYTES + 1)) + record(b".")
    with pytest.raises(TooManyError, match=r"^more than 1024 MiB are new$"):
        heard(root, told)
    with pytest.raises(TooManyError, match=r"^more than 1024 MiB are new$"):
        heard(root, LISTED + record(b"f", b"new", b"x", size=MOST_BYTES + 1))
    assert set(scan(root, 10)) == {b"mine"}


def test_files_that_are_longer_together_than_may_be_are_refused(root: int) -> None:
    """Though each was told to be small, and has as many bytes as it then said: holes, mostly."""
    names, half = (b"one", b"two"), MOST_BYTES // 2 + 1
    told = b"".join(record(b"=", name, FILE) for name in names) + record(b".")
    first = record(b"f", b"one", b"x", size=half) + record(b"a")
    with pytest.raises(TooManyError, match=r"^more than 1024 MiB are new$"):
        heard(root, told + first + record(b"f", b"two", b"x", size=half))
    assert set(scan(root, 10)) == {b"mine"}


def test_more_entries_than_may_be_are_refused_before_anything_is_made(root: int) -> None:
    many = b"".join(record(b"=", b"%d" % each, FILE) for each in range(MOST_ENTRIES + 1))
    with pytest.raises(BrokenError, match=r"^a listing of more than 100000 files and folders$"):
        heard(root, many + record(b"."))
    assert set(scan(root, 10)) == {b"mine"}


def test_a_listing_without_end_is_refused_while_it_comes(root: int) -> None:
    """By its length, and by the bytes of its paths."""
    long = record(b"=", b"n" * 4000, b"l " + b"t" * 4000)
    for data in (long * 9000, record(b"=", b"n", FILE) * (2 * MOST_ENTRIES + 1)):
        with pytest.raises(TooManyError, match=r"^there are more than 100000 files and folders$"):
            heard(root, data)


def test_a_listing_that_does_not_end_removes_nothing(root: int) -> None:
    known = {b"mine": FILE}
    assert heard(root, record(b"=", b"new", FILE), there=known).found is None
    assert set(scan(root, 10)) == {b"mine"}
    heard(root, record(b"."), there=known)
    assert set(scan(root, 10)) == set()


def test_what_is_told_to_be_gone_was_there_and_is_told_once(root: int) -> None:
    """Of one who was told before, and so says what is another since."""
    gone, known = record(b"r", b"mine"), {b"mine": FILE}
    for lie in (record(b"r", b"other"), gone + gone, gone + record(b"=", b"mine", FILE)):
        with pytest.raises(BrokenError):
            heard(root, lie + record(b"."), there=known, informed=True)
    with pytest.raises(BrokenError):
        heard(root, gone + record(b"."), there=known)
    assert set(scan(root, 10)) == {b"mine"}
    received = heard(
        root, gone + record(b"=", b"new", FILE) + record(b"."), there=known, informed=True
    )
    assert received.found == {b"new": FILE}
    assert set(scan(root, 10)) == set()


def test_nothing_told_is_nothing_new_to_who_knows_and_nothing_there_to_who_does_not(
    root: int,
) -> None:
    received = heard(root, record(b"."), there={b"mine": FILE}, informed=True)
    assert (received.is_done, received.found) == (True, None)
    assert set(scan(root, 10)) == {b"mine"}
    received = heard(root, record(b"."), there={b"mine": FILE})
    assert (received.is_done, received.found) == (True, {})
    assert set(scan(root, 10)) == set()


def test_who_does_not_greet_is_not_heard(root: int) -> None:
    received = Received(root, {}, {})
    received.begin(informed=False)
    with pytest.raises(BrokenError, match="was not asked for"):
        received.take("stdout", LISTED)
    received.close()


def test_what_has_not_come_is_known(root: int) -> None:
    two = record(b"=", b"one", FILE) + record(b"=", b"two", FILE) + record(b".")
    received = heard(root, two + record(b"f", b"one", b"x", size=1))
    assert received.missing == (b"two",)


def test_nothing_that_was_never_there_is_removed(root: int) -> None:
    heard(root, record(b"."), there={})
    assert set(scan(root, 10)) == {b"mine"}


def test_a_link_that_was_told_to_be_a_file_stays_if_it_leads_out(root: int) -> None:
    heard(root, LISTED + record(b"l", b"new", b"/etc/passwd") + record(b"."))
    assert set(scan(root, 10)) == {b"mine"}
