"""Temporary folders that belong to a process, and go with it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from toolkit.coding import scratch
from toolkit.coding.scratch import Scratch, sweep

MAKE = """
import os, sys, time
from toolkit.coding.scratch import Scratch
made = Scratch("test")
(made.folder / "file").write_text("x")
print(made.folder, flush=True)
"""


def make(then: str, folder: Path) -> tuple[Path, int]:
    """Have another process make one below the folder, and do something."""
    environment: Mapping[str, str] = {**os.environ, "TMPDIR": str(folder)}
    ended = subprocess.run(
        [sys.executable, "-c", MAKE + then], env=environment, capture_output=True, text=True
    )
    return Path(ended.stdout.split()[0]), ended.returncode


def test_nothing_is_made_before_it_is_asked_for(tmp_path: Path) -> None:
    path, _ = make("", tmp_path)
    assert path.parent == tmp_path
    script = "from toolkit.coding.scratch import Scratch; Scratch('test')"
    subprocess.run([sys.executable, "-c", script], env={**os.environ, "TMPDIR": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["", "sys.exit(3)", "raise SystemExit", "1/0"])
def test_the_end_of_the_process_removes_it(tmp_path: Path, ending: str) -> None:
    make(ending, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_fork_that_ends_leaves_it_to_its_parent(tmp_path: Path) -> None:
    ending = "pid = os.fork()\nif pid == 0: made.close(); sys.exit()\nos.waitpid(pid, 0)\n"
    _, code = make(ending + "sys.exit(5 if made.folder.exists() else 6)", tmp_path)
    assert code == 5


def test_what_a_killed_process_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    path, code = make("os.kill(os.getpid(), 9)", tmp_path)
    assert (path.exists(), code) == (True, -9)
    make("", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_what_is_proven_dead_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine's, another namespace's, a living process's, and what only looks like one."""
    mine = scratch._identity()
    living = {**mine, "pid": str(os.getppid()), "start": start_of(os.getppid())}
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with_dash = [
        living,
        {**mine, "host": "0" * 8, "pid": "999999999"},
        {**mine, "pidns": "1", "pid": "999999999"},
    ]
    for number, said in enumerate(with_dash):
        (tmp_path / ("-".join(["toolkit", "test", *said.values(), str(number)]))).mkdir()
    (tmp_path / "toolkit-test").mkdir()
    dead = "-".join(["toolkit", "test", *{**mine, "pid": "999999999"}.values(), "x"])
    target = tmp_path / "precious"
    target.mkdir()
    (tmp_path / f"{dead}1").symlink_to(target)
    (tmp_path / dead).mkdir()
    before = {path.name for path in tmp_path.iterdir()}
    sweep()
    assert before - {path.name for path in tmp_path.iterdir()} == {dead}


def start_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_another_boot_of_this_machine_is_proof(tmp_path: Path) -> None:
    mine = scratch._identity()
    old = {**mine, "boot": "0" * 8, "pid": str(os.getpid())}
    (tmp_path / "-".join(["toolkit", "test", *old.values(), "x"])).mkdir()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_this_user_can_enter_it_and_closing_twice_is_harmless() -> None:
    made = Scratch("test")
    assert made.folder.stat().st_mode & 0o777 == 0o700
    path = made.folder
    made.close()
    made.close()
    assert not path.exists()
