"""A context is its files, and nothing else."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections import deque
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.context import CHUNK, ContextFile, DiskFile, Tar, pack
from toolkit.errors import SpecError

FILES = (
    ContextFile("Dockerfile", b"FROM scratch\n"),
    ContextFile("bin/run", b"#!/bin/sh\n", 0o755),
    ContextFile("bin/sub/x", b""),
)


def members(packed: Tar) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(bytes(packed))) as tar:
        return tar.getmembers()


def test_a_context_holds_its_files_and_their_folders_in_order() -> None:
    assert [(member.name, member.mode, member.isdir()) for member in members(pack(FILES))] == [
        ("Dockerfile", 0o644, False),
        ("bin", 0o755, True),
        ("bin/run", 0o755, False),
        ("bin/sub", 0o755, True),
        ("bin/sub/x", 0o644, False),
    ]


def test_nothing_but_the_files_is_in_the_tar() -> None:
    for member in members(pack(FILES)):
        assert (member.mtime, member.uid, member.gid) == (0, 0, 0)
        assert (member.uname, member.gname, member.pax_headers) == ("", "", {})


def test_the_order_of_the_files_makes_no_difference() -> None:
    assert bytes(pack(FILES)) == bytes(pack(reversed(FILES)))


@pytest.mark.parametrize(
    ("mode", "kept"), [(0o600, 0o644), (0o664, 0o644), (0o700, 0o755), (0o4777, 0o755)]
)
def test_a_mode_is_one_of_two(mode: int, kept: int) -> None:
    assert ContextFile("a", b"", mode).mode == kept


def test_long_and_foreign_names_arrive() -> None:
    names = sorted([f"{'d' * 90}/{'é' * 90}", "x" * 200, "a b", "ünï"])
    arrived = members(pack(ContextFile(name, name.encode()) for name in names))
    assert [member.name for member in arrived if member.isfile()] == names


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/etc/passwd", "is absolute"),
        ("", "has an empty component, '.' or '..'"),
        ("a//b", "has an empty component, '.' or '..'"),
        ("a/", "has an empty component, '.' or '..'"),
        ("./a", "has an empty component, '.' or '..'"),
        ("a/../../b", "has an empty component, '.' or '..'"),
        ("a\0b", "holds a NUL"),
        ("a\udcff", "cannot be written in UTF-8"),
    ],
)
def test_a_path_that_is_not_plain_is_refused(path: str, problem: str) -> None:
    with pytest.raises(SpecError) as caught:
        ContextFile(path, b"")
    assert str(caught.value) == f"path {path!r} in the build context {problem}"


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (("a", "a"), "build context has 'a' twice"),
        (("a", "a/b"), "build context has 'a' both as a file and as a folder"),
    ],
)
def test_paths_that_clash_are_refused(paths: tuple[str, ...], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        pack(ContextFile(path, b"") for path in paths)
    assert str(caught.value) == message


@given(st.text(max_size=12))
def test_no_path_escapes_the_place_where_the_tar_is_unpacked(path: str) -> None:
    try:
        data = pack([ContextFile(path, b"x")])
    except SpecError:
        return
    for member in members(data):
        name = os.path.normpath(member.name)
        assert name[0] != "/"
        assert name.split("/")[0] != ".."


# In pieces.


def by_tarfile(files: list[ContextFile]) -> bytes:
    """The tar as the standard library writes it, all at once."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in sorted(files, key=lambda file: file.path):
            header = tarfile.TarInfo(file.path)
            header.size, header.mode = file.size, file.mode
            tar.addfile(header, io.BytesIO(file.read()))
    return buffer.getvalue()


@given(
    st.dictionaries(
        st.text(
            st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=120
        ).filter(lambda name: name not in (".", "..")),
        st.binary(max_size=1500),
        max_size=24,
    )
)
def test_the_pieces_are_the_tar_that_the_standard_library_writes(files: dict[str, bytes]) -> None:
    context = [ContextFile(path, content) for path, content in files.items()]
    packed = pack(context)
    assert bytes(packed) == by_tarfile(context)
    assert all(packed)


@pytest.mark.parametrize("size", [0, 1, 512, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
def test_a_file_on_disk_is_packed_as_its_bytes_would_be(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    place = tmp_path / "big"
    place.write_bytes(content)
    on_disk = ContextFile("a/big", DiskFile.read(place), 0o755)
    in_memory = ContextFile("a/big", content, 0o755)
    assert (on_disk.size, on_disk.sha256) == (size, hashlib.sha256(content).hexdigest())
    assert (in_memory.size, in_memory.sha256) == (on_disk.size, on_disk.sha256)
    packed = pack([on_disk, *FILES])
    for _ in range(2):
        assert bytes(packed) == bytes(pack([in_memory, *FILES]))


def test_no_more_than_a_little_of_a_large_file_is_held(tmp_path: Path) -> None:
    place = tmp_path / "big"
    with place.open("wb") as file:
        file.truncate(40 * CHUNK)
    packed = pack([ContextFile("big", DiskFile.read(place))])
    assert max(map(len, packed)) <= 2 * CHUNK


@pytest.mark.parametrize("size", [1, CHUNK, 3 * CHUNK + 7])
@pytest.mark.parametrize("change", ["other", "longer", "shorter", "gone"])
def test_a_file_that_changed_is_never_packed_whole(tmp_path: Path, change: str, size: int) -> None:
    """An error comes before the last of its bytes, so no engine is given a whole tar of it."""
    place = tmp_path / "big"
    place.write_bytes(b"x" * size)
    packed = pack([ContextFile("big", DiskFile.read(place))])
    changed = {"other": b"x" * (size - 1) + b"y", "longer": b"x" * (size + 1)}
    if change == "gone":
        place.unlink()
    else:
        place.write_bytes(changed.get(change, b"x" * (size - 1)))
    sent: deque[bytes] = deque()
    with pytest.raises(SpecError) as caught:
        sent.extend(packed)
    assert sum(map(len, sent)) < 512 + size
    assert str(caught.value) == f"the file {str(place)!r} changed while the image was built"
    assert caught.value.hint == "build again when nothing writes to it any more"
