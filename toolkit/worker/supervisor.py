"""One block's supervisor: the process that adopts what the block leaves and can end all of it.

Runs inside the container, as a fork of the worker and under its uid, so that the code can neither
signal nor trace it. It is a child subreaper (prctl(2)): whatever the block forks stays below it,
also what called setsid or forked twice, and nothing else is below it. That makes "every descendant,
and nobody else's" a walk over /proc. Where the kernel refuses, those in the block's session are
still found. Written for Python 3.8, standard library only: see protocol.py.
"""

# ruff: noqa: PTH123, PTH208 - pathlib takes longer to import than a program to start
from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

GRACE = 2.0
"""Seconds between the request to end and the order."""
END, RELEASE = b"E", b"R"
NUMBER = struct.Struct("!i")
"""What is reported: the supervisor's pid and its child's, negative, then the exit code, and, from
a supervisor that has ended all that it was told to end, one number more."""

_PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 4, 36
_KILL_LIMIT = 10.0
_FREEZE_ROUNDS = 50


try:
    import ctypes

    _call_prctl: Callable[..., int] | None = ctypes.CDLL(None).prctl
    _call_setfsuid: Callable[[int], int] | None = ctypes.CDLL(None).setfsuid
except (ImportError, OSError, AttributeError):
    _call_prctl = _call_setfsuid = None


def _prctl(option: int, value: int) -> bool:
    return _call_prctl is not None and _call_prctl(option, value, 0, 0, 0) == 0


def hide() -> bool:
    """Make this process untraceable: its descriptors and memory are closed to the same uid."""
    return _prctl(_PR_SET_DUMPABLE, 0)


def show() -> bool:
    """Undo `hide`, as an exec would: for a fork that becomes the code."""
    return _prctl(_PR_SET_DUMPABLE, 1)


def take_file_uid(uid: int) -> bool:
    """Open files as this user from now on. False where that cannot be."""
    if _call_setfsuid is None:
        return False
    _call_setfsuid(uid)
    return _call_setfsuid(-1) == uid  # it tells nothing but what was before


def adopt_orphans() -> bool:
    """Have what is left of any descendant become a child of this process, and of no other's."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def supervise(orders: int, reports: int, *, spare: int = -1) -> None:
    """Stay, as the supervisor, and return only in a child, which is to become the program.

    The program's own input and output are descriptors 0 to 2 already; of the supervisor's
    descriptors and signal handlers the child has none. `spare` is a descriptor for the child alone.
    """
    adopt_orphans()
    wake, woken = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _signum, _frame: None)
    child = os.fork()
    if child == 0:
        # Before it can be told what it is: it may be code that kills its supervisor at once.
        os.write(reports, introduction(os.getppid(), os.getpid()))
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in (wake, woken, orders, reports):
            os.close(descriptor)
        return
    for number in range(1, signal.SIGSYS + 1):  # under one uid, the code may send any
        if number not in {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
            signal.signal(number, signal.SIG_IGN)
    empty = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for descriptor in range(3):  # the block's pipes must end with the block
        os.dup2(empty, descriptor, inheritable=False)
    if spare >= 0:
        os.close(spare)
    try:
        _Supervisor(child, wake, orders, reports).obey()
    finally:
        os._exit(0)  # a supervisor that breaks must not go on as if it were the program


def introduction(supervisor: int, child: int) -> bytes:
    """What is reported first; a child that is killed at once may not come to it."""
    return NUMBER.pack(-supervisor) + NUMBER.pack(-child)


def understand(reports: bytes) -> tuple[int, int, int | None, bool]:
    """The supervisor's pid and its child's, 0 where not reported, the exit code, and the farewell.

    The last is whether it has ended all that it was told to end.
    """
    numbers = [number for (number,) in NUMBER.iter_unpack(reports[: len(reports) // 4 * 4])]
    pids = [-number for number in numbers if number < 0] + [0, 0]
    codes = [number for number in numbers if number >= 0]
    return pids[0], pids[1], codes[0] if codes else None, len(codes) > 1


class _Supervisor:
    def __init__(self, child: int, wake: int, orders: int, reports: int) -> None:
        self._child = child
        self._wake = wake
        self._orders = orders
        self._reports = reports
        self._reported = False
        self._poll = select.poll()
        self._poll.register(wake, select.POLLIN)

    def obey(self) -> None:
        self._poll.register(self._orders, select.POLLIN)
        signal.raise_signal(signal.SIGCHLD)  # a rehearsal: the memory that it touches is then ours
        while True:
            self._reap()
            for descriptor, _event in self._poll.poll():
                if descriptor == self._orders:
                    self._order(os.read(self._orders, 1))
                else:
                    os.read(self._wake, 4096)

    def _order(self, order: bytes) -> None:
        if order == RELEASE:  # what the block left running is the container's from now on
            os._exit(0)
        self._poll.unregister(self._orders)
        if order == END:
            self._end(signal.SIGTERM, GRACE)
        self._end(signal.SIGKILL, _KILL_LIMIT)  # also when the worker is gone
        self._report(128 + signal.SIGKILL)
        os.write(self._reports, NUMBER.pack(0))  # the farewell
        os._exit(0)

    def _end(self, number: int, limit: float) -> None:
        """Signal every descendant until none is left, or the limit has passed."""
        deadline = time.monotonic() + limit
        asked: set[int] = set()
        while (self._reap() or self._descendants()) and time.monotonic() < deadline:
            if number == signal.SIGKILL:
                kill(self._descendants)
            else:
                self._ask_to_end(asked)
            if self._poll.poll(20):
                os.read(self._wake, 4096)

    def _ask_to_end(self, asked: set[int]) -> None:
        """Ask each once: first all; then what was forked meanwhile by one that has ended of it.

        What one forks that lives on is its own affair: it may be clearing up.
        """
        for pid in self._orphans() if asked else self._descendants():
            if pid not in asked:  # a shell that outlives its program says "Terminated"
                asked.add(pid)
                _signal(pid, signal.SIGTERM)
                _signal(pid, signal.SIGCONT)  # a stopped process would not hear it

    def _reap(self) -> bool:
        """Collect the dead. False when there is no child left, dead or alive."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._child:
                self._report(exit_code(status))

    def _report(self, code: int) -> None:
        if not self._reported:
            self._reported = True
            os.write(self._reports, NUMBER.pack(code))

    def _orphans(self) -> list[int]:
        """Those that have nobody else any more, and the block's own first process."""
        return [pid for pid, process in processes().items() if process.parent == os.getpid()]

    def _descendants(self) -> list[int]:
        """All of them, the parents before their children."""
        table = processes()
        found = below({os.getpid()}, table)
        # Where the kernel knows no subreaper, those of the block's own session are still found.
        known = set(found)
        found += [
            pid
            for pid, process in table.items()
            if process.session == self._child and pid not in known
        ]
        return found


class Process:
    """A living process, as proc(5) tells of it; `start` is in clock ticks since the boot."""

    __slots__ = ("parent", "session", "start")

    def __init__(self, stat: bytes) -> None:
        fields = stat[stat.rindex(b")") + 2 :].split(None, 20)
        self.parent, self.session, self.start = int(fields[1]), int(fields[3]), int(fields[19])


def processes() -> dict[int, Process]:
    """Every living process that this one can see."""
    table: dict[int, Process] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/" + name + "/stat", "rb") as stream:
                    stat = stream.read()
            except OSError:  # it ended while we looked
                continue
            if stat[stat.rindex(b")") + 2 :][:1] not in {b"Z", b"X"}:
                table[int(name)] = Process(stat)
    return table


def below(family: set[int], table: dict[int, Process]) -> list[int]:
    """All descendants of these, the parents before their children."""
    found: list[int] = []
    while family:
        family = {pid for pid, process in table.items() if process.parent in family}
        found += family
    return found


def kill(find: Callable[[], Iterable[int]]) -> set[int]:
    """Freeze, look again until nothing new appears, then kill: a fork bomb cannot outrun it.

    Gives those that were killed; they may still be dying.
    """
    frozen: set[int] = set()
    for _ in range(_FREEZE_ROUNDS):
        new = set(find()) - frozen
        if not new:
            break
        for pid in new:
            _signal(pid, signal.SIGSTOP)
        frozen |= new
    for pid in frozen:
        _signal(pid, signal.SIGKILL)
    return frozen


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):  # gone, or never ours to signal
        os.kill(pid, number)


def exit_code(status: int) -> int:
    """The shell's way to say how a process ended: 128 + n for a signal."""
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)
