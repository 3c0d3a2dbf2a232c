"""A block's file: never through a link, never outside the work dir."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from toolkit.coding.saving import OutsideError, save


def test_a_file_is_written_and_its_folders_made(tmp_path: Path) -> None:
    assert save(tmp_path, "a/b/c.py", "x = 'ä'\n") == "a/b/c.py"
    assert (tmp_path / "a/b/c.py").read_bytes() == "x = 'ä'\n".encode()


def test_a_shorter_text_replaces_a_longer_one(tmp_path: Path) -> None:
    save(tmp_path, "a.py", "long text")
    save(tmp_path, "a.py", "short")
    assert (tmp_path / "a.py").read_text() == "short"


def test_dots_inside_and_an_absolute_path_inside_are_fine(tmp_path: Path) -> None:
    assert save(tmp_path, "a/../b.py", "") == "b.py"
    assert save(tmp_path, f"{tmp_path}/c.py", "") == "c.py"


def test_a_relative_work_dir_is_this_processs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("coding").mkdir()
    assert save(Path("coding"), "a.py", "x") == "a.py"
    assert save(Path("coding"), f"{tmp_path}/coding/b.py", "x") == "b.py"
    assert sorted(path.name for path in Path("coding").iterdir()) == ["a.py", "b.py"]


@pytest.mark.parametrize(
    "name", ["../a.py", "/etc/a.py", "a/../../b.py", ".", "", "..", "a/", "a\0b", "/"]
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    with pytest.raises(OutsideError):
        save(work_dir, name, "x")
    assert [path.name for path in tmp_path.rglob("*")] == ["work"]


def test_a_neighbour_whose_name_begins_alike_is_outside(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with pytest.raises(OutsideError):
        save(tmp_path / "work", f"{tmp_path}/work2/a.py", "x")


def test_a_link_out_of_the_work_dir_is_not_followed(tmp_path: Path) -> None:
    """Code of an earlier block may have planted it, under an automatic name too."""
    work_dir, victim = tmp_path / "work", tmp_path / "victim"
    work_dir.mkdir()
    victim.write_text("precious")
    (work_dir / "a.py").symlink_to(victim)
    (work_dir / "out").symlink_to(tmp_path)
    for name in ("a.py", "out/victim"):
        with pytest.raises(OutsideError):
            save(work_dir, name, "x")
    assert victim.read_text() == "precious"


def test_a_folder_and_a_pipe_are_no_files(tmp_path: Path) -> None:
    """A pipe that nobody reads would otherwise hold the caller for ever."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe", "pipe/a.py"):
        with pytest.raises(OutsideError):
            save(tmp_path, name, "x")


def test_a_name_that_is_too_long_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too long"):
        save(tmp_path, "x" * 300, "x")
