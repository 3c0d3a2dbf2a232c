"""What of a daemon is found: processes, leftovers, control groups."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from toolkit.setup import machine


def process(proc: Path, pid: int, name: str, state: str = "S") -> None:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "comm").write_text(f"{name}\n")
    (folder / "stat").write_text(f"{pid} ({name}) {state} 1 1")


@pytest.fixture
def pid_file(tmp_path: Path) -> Path:
    file = tmp_path / "docker.pid"
    file.write_text("42\n")
    return file


def test_a_running_dockerd_is_found_by_its_pid_file(tmp_path: Path, pid_file: Path) -> None:
    process(tmp_path / "proc", 42, "dockerd")
    assert machine.daemon(pid_file, tmp_path / "proc") == 42


@pytest.mark.parametrize(("name", "state"), [("bash", "S"), ("dockerd", "Z")])
def test_a_stranger_or_a_zombie_is_no_daemon(
    tmp_path: Path, pid_file: Path, name: str, state: str
) -> None:
    process(tmp_path / "proc", 42, name, state)
    assert machine.daemon(pid_file, tmp_path / "proc") is None


def test_no_pid_file_is_no_daemon(tmp_path: Path) -> None:
    assert machine.daemon(tmp_path / "none.pid") is None


@pytest.mark.parametrize(("name", "state"), [("bash", "S"), ("bash", "Z"), ("dockerd", "Z")])
def test_a_pid_file_of_a_stranger_or_of_a_dead_that_nobody_collected_is_a_leftover(
    tmp_path: Path, pid_file: Path, name: str, state: str
) -> None:
    """The daemon takes either for another one that runs."""
    process(tmp_path / "proc", 42, name, state)
    files = (pid_file, tmp_path / "none.pid")
    found = list(machine.leftovers(files, tmp_path / "none.sock", tmp_path / "proc"))
    assert found == [str(pid_file)]


def test_a_pid_file_of_no_process_is_left_to_the_daemon(tmp_path: Path, pid_file: Path) -> None:
    process(tmp_path / "proc", 43, "bash")
    files = (pid_file, tmp_path / "none.pid")
    assert not list(machine.leftovers(files, tmp_path / "none.sock", tmp_path / "proc"))


def test_a_containerd_socket_where_nobody_listens_is_a_leftover(tmp_path: Path) -> None:
    path = tmp_path / "containerd.sock"
    files = (tmp_path / "a.pid", tmp_path / "b.pid")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert not list(machine.leftovers(files, path))
    assert list(machine.leftovers(files, path)) == [str(path)]


def test_this_process_is_alive_and_one_that_never_was_is_not() -> None:
    assert machine.is_alive(os.getpid())
    assert not machine.is_alive(2**22 + 1)


@pytest.mark.parametrize(
    ("made", "mounted"), [("cgroup.controllers", True), ("devices/", True), ("x", False)]
)
def test_control_groups_of_either_version_count_as_mounted(
    tmp_path: Path, made: str, mounted: bool
) -> None:
    path = tmp_path / made
    path.mkdir() if made.endswith("/") else path.touch()
    assert machine.cgroups_mounted(tmp_path) is mounted
