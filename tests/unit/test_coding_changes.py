"""Which files a block is told to have made."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from toolkit.coding import CodeBlock, languages
from toolkit.coding.changes import Stamp, Watch, media_type
from toolkit.coding.execution import Manners, Workspace
from toolkit.coding.results import BlockResult, FileChange


class Block:
    """A block whose program is a function of this test."""

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir
        self._workspace = Workspace(work_dir, Manners())

    def __call__(self, *acts: object) -> list[dict[str, int]]:
        """The files of each block, with their sizes."""
        pending = list(acts)

        def run(_language: str, _relative: str) -> BlockResult:
            act = pending.pop(0)
            assert callable(act)
            act()
            return BlockResult(0, "")

        blocks = [CodeBlock(f"echo {number}", "sh") for number, _ in enumerate(acts)]
        result = self._workspace.execute(blocks, languages.POLICY, run)
        return [
            {os.path.relpath(file.path, self.work_dir): file.size for file in block.files}
            for block in result.blocks
        ]


@pytest.fixture
def block(tmp_path: Path) -> Block:
    return Block(tmp_path)


def test_new_and_changed_files_are_told_and_nothing_else(block: Block, tmp_path: Path) -> None:
    (tmp_path / "old").write_text("x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/changed").write_text("x")

    def act() -> None:
        (tmp_path / "new").write_text("abc")
        (tmp_path / "sub/changed").write_text("xy")
        (tmp_path / "empty folder").mkdir()
        (tmp_path / "a/b").mkdir(parents=True)
        (tmp_path / "a/b/c").write_text("")

    assert block(act) == [{"new": 3, "sub/changed": 2, "a/b/c": 0}]


def test_a_value_has_path_size_and_media_type(tmp_path: Path) -> None:
    def run(_language: str, _relative: str) -> BlockResult:
        (tmp_path / "plot.png").write_bytes(b"12")
        return BlockResult(0, "")

    workspace = Workspace(tmp_path, Manners())
    result = workspace.execute([CodeBlock("x", "sh")], languages.POLICY, run)
    assert result.blocks[0].files == (FileChange(str(tmp_path / "plot.png"), 2, "image/png"),)


def test_each_block_has_its_own_even_without_a_pause(block: Block, tmp_path: Path) -> None:
    """Many files a tick of the clock: none is told twice, and none is lost."""
    path = tmp_path / "same"
    acts = [lambda: path.write_text("x") for _ in range(50)]
    assert block(*acts) == [{"same": 1}] * 50
    others = [lambda n=n: (tmp_path / f"f{n}").write_text("x") for n in range(50)]
    assert block(*others) == [{f"f{n}": 1} for n in range(50)]
    assert block(lambda: None) == [{}]


def test_what_the_caller_does_just_before_is_not_the_blocks(block: Block, tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"mine{number}").write_text("x")
        assert block(lambda: None) == [{}]


def test_times_that_a_program_sets_do_not_hide_a_file(block: Block, tmp_path: Path) -> None:
    """As `cp -p` and `tar` do; nor does a file from elsewhere that was moved here."""
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.write_text("x")

    def act() -> None:
        (tmp_path / "copied").write_text("x")
        os.utime(tmp_path / "copied", (0, 0))
        elsewhere.rename(tmp_path / "moved")

    assert block(act) == [{"copied": 1, "moved": 1}]


def test_a_clock_of_ours_that_is_wrong_makes_no_difference(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 4e9)
    monkeypatch.setattr(time, "time_ns", lambda: 4_000_000_000 * 10**9)
    (tmp_path / "old").write_text("x")
    assert block(lambda: (tmp_path / "new").write_text("x")) == [{"new": 1}]


def test_links_are_not_followed_and_not_told(block: Block, tmp_path: Path) -> None:
    secret = tmp_path.parent / f"{tmp_path.name}-secret"
    secret.mkdir()

    def act() -> None:
        (secret / "file").write_text("x")
        (tmp_path / "folder").symlink_to(secret)
        (tmp_path / "file").symlink_to(secret / "file")
        (tmp_path / "loop").symlink_to(tmp_path)
        os.mkfifo(tmp_path / "pipe")

    assert block(act) == [{}]


def test_a_work_dir_that_is_a_link_is_searched(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    block = Block(tmp_path / "link")
    assert block(lambda: (tmp_path / "real/x").write_text("x")) == [{"x": 1}]


def test_a_tree_too_deep_for_descriptors_ends_nothing(block: Block, tmp_path: Path) -> None:
    def act() -> None:
        folder = os.open(tmp_path, os.O_RDONLY)
        for _ in range(3000):
            os.mkdir("d", dir_fd=folder)
            inner = os.open("d", os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = inner
        os.close(folder)
        (tmp_path / "z").write_text("x")

    try:
        assert block(act) == [{"z": 1}]
    finally:  # too deep for Python's own way, too
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)


def test_bytecode_is_nobodys_file(block: Block, tmp_path: Path) -> None:
    def act() -> None:
        (tmp_path / "__pycache__").mkdir()
        (tmp_path / "__pycache__/a.pyc").write_text("x")

    assert block(act) == [{}]


def test_on_a_coarse_clock_what_bears_the_blocks_own_time_is_its_own_unless_it_is_known(
    tmp_path: Path,
) -> None:
    """Some file systems count in seconds."""
    watch = Watch(tmp_path)
    for name in ("known", "new"):
        (tmp_path / name).write_text("x")
    known = (tmp_path / "known").stat().st_ctime_ns
    new = (tmp_path / "new").stat().st_ctime_ns
    assert [Path(file.path).name for file in watch.end(Stamp(new, {"known": known}), ())] == ["new"]
    os.utime(tmp_path / "known")
    changed = watch.end(Stamp(new, {"known": known}), {"new"})
    assert [Path(file.path).name for file in changed] == ["known"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.png", "image/png"),
        ("A.CSV", "text/csv"),
        ("a.json", "application/json"),
        ("a.md", "text/markdown"),
        ("a.parquet", "application/vnd.apache.parquet"),
        ("Makefile", "application/octet-stream"),
        ("a.tar.gz", "application/x-tar"),
    ],
)
def test_a_media_type_is_told_by_the_ending(name: str, expected: str) -> None:
    assert media_type(name) == expected
