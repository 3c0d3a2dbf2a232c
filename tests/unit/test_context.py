"""A context is its files, and nothing else."""

from __future__ import annotations

import io
import os
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.context import ContextFile, pack
from toolkit.errors import SpecError

FILES = (
    ContextFile("Dockerfile", b"FROM scratch\n"),
    ContextFile("bin/run", b"#!/bin/sh\n", 0o755),
    ContextFile("bin/sub/x", b""),
)


def members(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
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
    assert pack(FILES) == pack(reversed(FILES))


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
