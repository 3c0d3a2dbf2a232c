"""What of a Docker daemon is found on this machine: its processes, its files, its groups.

Hidden here: how /proc tells a living process from a dead one or a stranger that has its number by
now, and which files of a dead daemon keep a new one from starting (moby: pidfile, libcontainerd's
supervisor, and the look-up of the system's containerd by the mere existence of its socket).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_DAEMON_PID: Final = Path("/var/run/docker.pid")
_CONTAINERD_PID: Final = Path("/var/run/docker/containerd/containerd.pid")
_CONTAINERD_SOCKET: Final = Path("/run/containerd/containerd.sock")


def is_alive(pid: int, proc: Path = Path("/proc")) -> bool:
    """Whether a process runs; one that is dead and not yet collected does not."""
    try:
        text = (proc / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in {"Z", "X"}


def daemon(pid_file: Path = _DAEMON_PID, proc: Path = Path("/proc")) -> int | None:
    """Find the process id of the running dockerd, None where none runs."""
    pid = _number(pid_file)
    return pid if pid is not None and _is_program(pid, "dockerd", proc) else None


def leftovers(
    pid_files: tuple[Path, ...] = (_DAEMON_PID, _CONTAINERD_PID),
    containerd_socket: Path = _CONTAINERD_SOCKET,
    proc: Path = Path("/proc"),
) -> Iterator[str]:
    """Find files of dead daemons that would keep a new one from starting."""
    for file, program in zip(pid_files, ("dockerd", "containerd"), strict=True):
        pid = _number(file)
        # A number of nobody is overwritten by the daemon. A stranger's makes it believe that it
        # runs, and so does its own where nobody has collected the dead, as in a container.
        if pid is not None and _exists(pid, proc) and not _is_program(pid, program, proc):
            yield str(file)
    if _is_refused(containerd_socket):
        yield str(containerd_socket)


def cgroups_mounted(root: Path = Path("/sys/fs/cgroup")) -> bool:
    """Whether control groups, of either version, are mounted where daemons look for them."""
    return (root / "cgroup.controllers").exists() or (root / "devices").is_dir()


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _exists(pid: int, proc: Path) -> bool:
    return (proc / str(pid)).exists()


def _is_program(pid: int, program: str, proc: Path) -> bool:
    try:
        name = (proc / str(pid) / "comm").read_text().strip()
    except OSError:
        return False
    return name == program and is_alive(pid, proc)


def _is_refused(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2.0)
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return path.is_socket()
        except OSError:
            return False
    return False
