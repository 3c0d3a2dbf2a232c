"""What a run can lose: its processes to the kernel when memory ends, its supervisor to the code.

Runs inside the container, as part of the worker. Written for Python 3.8, standard library only: see
protocol.py.
"""

# ruff: noqa: PTH110, PTH123 - pathlib takes longer to import than a program to start
from __future__ import annotations

import os
import time

from toolkit.worker.supervisor import below, kill, processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
"""Where the container's own cgroup is seen, version 2 and 1; both count in a line `oom_kill N`."""
_PATIENCE = 500
"""Times 2 ms: how long the dying are waited for. One in the kernel's hands may take its time."""


class OutOfMemory:
    """The kernel's count of processes that it killed in this container for want of memory."""

    def __init__(self) -> None:
        self._file = -1
        for path in _COUNTERS:
            try:
                self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue
            break

    def kills(self) -> int:
        """How many so far; 0 where the kernel does not tell."""
        if self._file < 0:
            return 0
        try:
            lines = os.pread(self._file, 4096, 0).splitlines()
        except OSError:
            return 0
        counts = [line.split()[1] for line in lines if line.startswith(b"oom_kill ")]
        return int(counts[0]) if counts else 0


def end_orphans(family: set[int], since: int, uid: int, spared: Callable[[], set[int]]) -> None:
    """End what a supervisor watched that was killed, or no longer obeys.

    `family` are the supervisor and its child. What else it watched is now a child of this process,
    unless it is still below them (`adopt_orphans` has seen to that); it is not older than the run
    (`since`, in clock ticks). Nothing is of another user than the code, or `spared`. They are gone
    when this returns: a result must not be there before that.
    """
    own = os.getpid()

    def find() -> set[int]:
        table = processes()
        adopted = {
            pid
            for pid, process in table.items()
            if process.parent == own and process.start >= since
        }
        found = (adopted | family) - spared() - {own, 1}
        found = {pid for pid in found if pid in table and _is_of(pid, uid)}
        return found.union(below(found, table))

    killed = kill(find)
    for _ in range(_PATIENCE):
        killed = {pid for pid in killed if os.path.exists(f"/proc/{pid}")}
        if not killed:
            break
        time.sleep(0.002)


def ticks() -> int:
    """The time since the boot in clock ticks, as proc(5) has it for the start of a process."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


def _is_of(pid: int, uid: int) -> bool:
    """By its status, not by the owner of its folder: that is root's for a hidden process."""
    try:
        with open(f"/proc/{pid}/status", "rb") as stream:
            lines = stream.read().splitlines()
    except OSError:
        return False
    return any(line.split()[1] == b"%d" % uid for line in lines if line.startswith(b"Uid:"))
