"""A folder is read without what tools left in it, and no link leads out of it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from toolkit.context import pack
from toolkit.deps import tree
from toolkit.deps.tree import read_tree
from toolkit.errors import SpecError


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def paths(root: Path) -> list[str]:
    return [file.path for file in read_tree(root, "local/0/pkg")]


def test_a_folder_is_read_sorted_and_without_leftovers(tmp_path: Path) -> None:
    make(tmp_path, "pyproject.toml", "pkg/b.py", "pkg/a.py", "build/__init__.py")
    make(tmp_path, "pkg/__pycache__/a.pyc", "old.pyc", ".git/config", ".venv/bin/python")
    make(tmp_path, "pkg.egg-info/PKG-INFO", ".mypy_cache/x", "build/lib/pkg/a.py", "dist/p-1.whl")
    assert paths(tmp_path) == [
        "local/0/pkg/build/__init__.py",
        "local/0/pkg/pkg/a.py",
        "local/0/pkg/pkg/b.py",
        "local/0/pkg/pyproject.toml",
    ]


def test_times_owners_umask_and_leftovers_of_a_checkout_make_no_difference(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for root, mode, time in ((one, 0o600, 1), (two, 0o664, 10**9)):
        make(root, "a.py", "sub/b.py")
        (root / "a.py").chmod(mode)
        os.utime(root / "a.py", (time, time))
        (root / "run.sh").write_bytes(b"")
        (root / "run.sh").chmod(mode | 0o100)
    make(two, "__pycache__/a.pyc")
    assert bytes(pack(read_tree(one, "p"))) == bytes(pack(read_tree(two, "p")))


def test_the_right_to_execute_is_kept(tmp_path: Path) -> None:
    make(tmp_path, "run", "text")
    (tmp_path / "run").chmod(0o744)
    assert [(file.path, file.mode) for file in read_tree(tmp_path, "p")] == [
        ("p/run", 0o755),
        ("p/text", 0o644),
    ]


def test_a_dockerignore_is_honoured(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "data/big", "data/small", "notes.md")
    (tmp_path / ".dockerignore").write_text("# what is not needed\ndata\n!data/small\n*.md\n")
    assert [path.removeprefix("local/0/pkg/") for path in paths(tmp_path)] == [
        ".dockerignore",
        "a.py",
        "data/small",
    ]


def test_a_link_inside_the_folder_becomes_what_it_points_to(tmp_path: Path) -> None:
    make(tmp_path, "src/a.py")
    (tmp_path / "b.py").symlink_to("src/a.py")
    (tmp_path / "lib").symlink_to("src")
    assert [(file.path, file.read()) for file in read_tree(tmp_path, "p")] == [
        ("p/b.py", b"src/a.py"),
        ("p/lib/a.py", b"src/a.py"),
        ("p/src/a.py", b"src/a.py"),
    ]


def test_a_link_to_the_folder_itself_can_be_the_way_to_it(tmp_path: Path) -> None:
    make(tmp_path / "real", "a.py")
    (tmp_path / "way").symlink_to("real")
    assert [file.path for file in read_tree(tmp_path / "way", "p")] == ["p/a.py"]


def test_a_dockerignore_takes_away_a_link_that_could_not_be_followed(tmp_path: Path) -> None:
    """As the hint of the refusal says."""
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / ".dockerignore").write_text("link\n.dockerignore")
    assert [path.removeprefix("local/0/pkg/") for path in paths(tmp_path)] == [".dockerignore"]


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("/etc/passwd", "the link leaves the folder"),
        ("../secret", "the link leaves the folder"),
        ("nowhere", "the link points nowhere"),
        ("link", "the link points nowhere"),
        (".", "the link points into its own parents"),
    ],
)
def test_a_link_that_cannot_be_followed_is_refused(
    tmp_path: Path, target: str, problem: str
) -> None:
    (tmp_path / "secret").write_text("s")
    root = tmp_path / "pkg"
    root.mkdir()
    (root / "link").symlink_to(target)
    with pytest.raises(SpecError) as caught:
        read_tree(root, "p")
    assert str(caught.value) == f"{root}/link: {problem}"


def test_a_link_may_lead_as_far_as_the_caller_says(tmp_path: Path) -> None:
    """In a repository of many packages, one licence is linked into each."""
    make(tmp_path, "repo/LICENSE", "repo/pkg/a.py", "secret")
    root = tmp_path / "repo" / "pkg"
    (root / "LICENSE").symlink_to("../LICENSE")
    files = read_tree(root, "p", within=tmp_path / "repo")
    assert [(file.path, file.read()) for file in files] == [
        ("p/LICENSE", b"repo/LICENSE"),
        ("p/a.py", b"repo/pkg/a.py"),
    ]
    (root / "secret").symlink_to("../../secret")
    with pytest.raises(SpecError):
        read_tree(root, "p", within=tmp_path / "repo")


def test_what_is_neither_file_nor_folder_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        with pytest.raises(SpecError) as caught:
            read_tree(tmp_path, "p")
    assert str(caught.value) == f"{tmp_path}/s: neither a file nor a folder"


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        read_tree(tmp_path / "gone", "p")
    assert str(caught.value) == f"{tmp_path}/gone: No such file or directory"


def test_a_folder_that_is_far_too_large_is_refused(tmp_path: Path) -> None:
    """A sparse file has the size without the bytes, so nothing large is written."""
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(tree.MAX_TREE_BYTES + 1)
    with pytest.raises(SpecError) as caught:
        read_tree(tmp_path, "p")
    assert str(caught.value) == f"{tmp_path}: the folder has more than 1024 MiB of files"
