"""A folder made what another is, and that no link in it leads a write astray."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.mirror.plan import plan
from toolkit.mirror.records import Decoder, Record
from toolkit.mirror.tree import LATE, Reader, TooManyError, opened, scan
from toolkit.mirror.writing import Writer

names = st.sampled_from(["a", "b", "ö", "-c d\n"])
things = st.one_of(
    st.binary(max_size=40).map(lambda data: ("f", data)),
    st.just(("d", b"")),
    st.just(("l", b"a")),
)
trees = st.dictionaries(st.lists(names, min_size=1, max_size=3).map(tuple), things, max_size=8)
modes = st.sampled_from([0o644, 0o600, 0o755, 0o400])


@contextmanager
def root(folder: Path) -> Iterator[int]:
    descriptor = opened(folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def make(folder: Path, tree: dict[tuple[str, ...], tuple[str, bytes]], mode: int) -> None:
    for parts, (kind, data) in tree.items():
        path = folder.joinpath(*parts)
        if any(each.is_symlink() or each.is_file() for each in (path, *path.parents)):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            continue
        if kind == "d":
            path.mkdir()
        elif kind == "l":
            path.symlink_to(data.decode())
        else:
            path.write_bytes(data)
            path.chmod(mode)


def content(folder: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        seen = path.lstat()
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = path.readlink()
        elif path.is_dir():
            found[name] = stat.S_IMODE(seen.st_mode)
        else:
            found[name] = (path.read_bytes(), stat.S_IMODE(seen.st_mode), seen.st_mtime_ns)
    return found


def carry(source: Path, target: Path, before: dict[bytes, bytes]) -> list[bytes]:
    """As the mirror does, through bytes; gives what failed."""
    failed = []
    with root(source) as one, root(target) as other:
        todo = plan(before, scan(one, 1000))
        reader, writer, decoder = Reader(one), Writer(other), Decoder()
        sent = [Record(b"r", path) for path in todo.remove]
        sent += [record for path in todo.send for record in reader.records(path)]
        data = b"".join(record.encode() for record in sent)
        answers = [writer.take(record) for record in decoder.feed(data)]
        failed = [each.path for each in answers if each is not None and each.kind == b"!"]
        writer.finish()
        reader.close()
    return failed


@settings(max_examples=60, deadline=None)
@given(trees, trees, modes)
def test_one_folder_becomes_the_other(
    first: dict[tuple[str, ...], tuple[str, bytes]],
    second: dict[tuple[str, ...], tuple[str, bytes]],
    mode: int,
) -> None:
    with tempfile.TemporaryDirectory() as place:
        old, new, copy = (Path(place, name) for name in ("old", "new", "copy"))
        for folder, tree in ((old, first), (new, second), (copy, {})):
            folder.mkdir()
            make(folder, tree, mode)
        assert carry(old, copy, {}) == []
        assert content(copy) == content(old)
        with root(old) as descriptor:
            before = scan(descriptor, 1000)
        assert carry(new, copy, before) == []
        assert content(copy) == content(new)


def test_what_is_no_file_folder_or_link_is_not_seen(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    with root(tmp_path) as descriptor:
        assert list(scan(descriptor, 1000)) == [b"file"]
        reader = Reader(descriptor)
        assert list(reader.records(b"pipe")) == []
        reader.close()


def test_too_much_is_refused(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / str(number)).touch()
    with root(tmp_path) as descriptor, pytest.raises(TooManyError, match="more than 3 files"):
        scan(descriptor, 3)


def test_a_file_just_written_is_known_to_be_uncertain(tmp_path: Path) -> None:
    """It may be written again in the same tick of the clock."""
    (tmp_path / "old").touch()
    os.utime(tmp_path / "old", (1, 1))
    found: dict[bytes, bytes] = {}
    with root(tmp_path) as descriptor:
        for _ in range(100):  # the clock may tick just after it was written
            (tmp_path / "new").write_text("x")
            found = scan(descriptor, 10)
            if found[b"new"].endswith(LATE):
                break
    assert found[b"new"].endswith(LATE)
    assert not found[b"old"].endswith(LATE)


def test_a_file_written_again_is_another_or_was_uncertain(tmp_path: Path) -> None:
    """Whatever the clock does between the two."""
    for number in range(300):
        (tmp_path / "file").write_text("a")
        with root(tmp_path) as descriptor:
            before = scan(descriptor, 10)[b"file"]
            with (tmp_path / "file").open("r+") as file:
                file.write("b")
            after = scan(descriptor, 10)[b"file"]
        assert before.endswith(LATE) or before != after, number


def record(kind: bytes, path: bytes, body: bytes = b"", *, mode: int = 0o644) -> Record:
    made = Record(kind, path, body)
    made.mode, made.size = mode, len(body)
    return made


@pytest.mark.parametrize(
    "hostile",
    [
        record(b"f", b"link/stolen", b"x"),
        record(b"d", b"link/stolen"),
        record(b"l", b"link/stolen", b"x"),
        record(b"r", b"link/precious"),
    ],
    ids=lambda each: str(each.kind),
)
def test_nothing_is_done_through_a_link(tmp_path: Path, hostile: Record) -> None:
    """Also not through one that was sent just before."""
    work, outside = tmp_path / "work", tmp_path / "outside"
    work.mkdir()
    outside.mkdir()
    (outside / "precious").write_text("mine")
    with root(work) as descriptor:
        writer = Writer(descriptor)
        made = writer.take(record(b"l", b"link", bytes(outside)))
        assert made is not None
        assert made.kind == b"="
        answer = writer.take(hostile)
        writer.finish()
    assert answer is not None
    assert answer.kind == (b"=" if hostile.kind == b"r" else b"!")
    assert content(outside).keys() == {"precious"}
    assert content(work) == {"link": outside}


def test_a_link_in_a_files_place_is_replaced_not_followed(tmp_path: Path) -> None:
    work, outside = tmp_path / "work", tmp_path / "outside"
    work.mkdir()
    outside.write_text("mine")
    for name in ("file", "folder", "removed"):
        (work / name).symlink_to(outside)
    with root(work) as descriptor:
        writer = Writer(descriptor)
        for each in (record(b"f", b"file", b"new"), record(b"d", b"folder", mode=0o755)):
            answer = writer.take(each)
            assert answer is not None
            assert answer.kind == b"=", answer
        writer.take(record(b"r", b"removed"))
        writer.finish()
    assert outside.read_text() == "mine"
    assert (work / "file").read_text() == "new"
    assert not (work / "file").is_symlink()
    assert sorted(path.name for path in work.iterdir()) == ["file", "folder"]


def test_a_folder_with_more_in_it_stays(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/kept").touch()
    with root(tmp_path) as descriptor:
        writer = Writer(descriptor)
        writer.take(record(b"r", b"folder"))
        refused = writer.take(record(b"f", b"folder", b"x"))
        writer.finish()
    assert refused is not None
    assert refused.kind == b"!"
    assert list(content(tmp_path)) == ["folder", "folder/kept"]


def test_a_file_with_the_right_bytes_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"same")
    file.chmod(0o644)
    os.utime(file, ns=(0, 0))
    before = file.lstat()
    with root(tmp_path) as descriptor:
        writer = Writer(descriptor)
        writer.take(record(b"f", b"file", b"same"))
        writer.finish()
    assert (file.lstat().st_ctime_ns, file.lstat().st_ino) == (before.st_ctime_ns, before.st_ino)
    assert list(content(tmp_path)) == ["file"]


@pytest.mark.parametrize("exists", [False, True])
def test_a_file_that_was_cut_short_changes_nothing(tmp_path: Path, exists: bool) -> None:
    if exists:
        (tmp_path / "file").write_text("old")
    before = content(tmp_path)
    begun = record(b"f", b"file", b"xx")
    begun.size = 5
    for ending in (Record(b"a"), None):
        with root(tmp_path) as descriptor:
            writer = Writer(descriptor)
            assert writer.take(begun) is None
            answer = None if ending is None else writer.take(ending)
            writer.finish()
        assert content(tmp_path) == before
        assert ending is None or (answer is not None and answer.kind == b"!")


def test_nothing_is_read_through_a_link(tmp_path: Path) -> None:
    work, outside = tmp_path / "work", tmp_path / "outside"
    work.mkdir()
    outside.mkdir()
    (outside / "secret").write_text("mine")
    (work / "link").symlink_to(outside)
    with root(work) as descriptor:
        reader = Reader(descriptor)
        assert reader.stamp(b"link/secret") == b""
        assert [each.kind for each in reader.records(b"link/secret")] == [b"!"]
        assert [each.kind for each in reader.records(b"link")] == [b"l"]
        reader.close()
        assert set(scan(descriptor, 10)) == {b"link"}
