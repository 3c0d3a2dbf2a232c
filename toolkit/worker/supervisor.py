"""A block's supervisor: the process that adopts what the block leaves and can end all of it.

Runs inside the container, as a fork of the worker and under its uid, so that the code can neither
signal nor trace it. It is a child subreaper (prctl(2)): whatever the block forks stays below it,
also what called setsid or forked twice, and nothing else is below it. That makes "every descendant,
and nobody else's" a walk over /proc. Where the kernel refuses, those in the block's session are
still found. One that has nothing left to watch may watch the next block: a fork of Python costs
more than most blocks do. Written for Python 3.8, standard library only: see protocol.py.
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
    from typing import Any

GRACE = 2.0
"""Seconds between the request to end and the order."""
END, RELEASE, NEXT = b"E", b"R", b"N"
NUMBER = struct.Struct("!i")
"""What is reported: the supervisor's pid and its child's, negative, then the exit code, and, from
a supervisor that has ended all that it was told to end, one number more."""
_ALONE = 1 << 8
"""Added to the exit code by one that has nothing left to watch, and can watch another."""
UNSTARTED = 1 << 9
"""Instead of an exit code: it was told what to start, and no process was left for it."""

_PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 4, 36
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_FIXED = {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}
_KILL_LIMIT = 10.0
_FREEZE_ROUNDS = 50


try:
    import ctypes

    _call_prctl: Callable[..., int] | None = ctypes.CDLL(None).prctl
except (ImportError, OSError, AttributeError):
    _call_prctl = None


def _prctl(option: int, value: int) -> bool:
    return _call_prctl is not None and _call_prctl(option, value, 0, 0, 0) == 0


def hide() -> bool:
    """Make this process untraceable: its descriptors and memory are closed to the same uid."""
    return _prctl(_PR_SET_DUMPABLE, 0)


def show() -> bool:
    """Undo `hide`, as an exec would: for a fork that becomes the code."""
    return _prctl(_PR_SET_DUMPABLE, 1)


def keep_capabilities() -> bool:
    """Hand none on to what is executed as another user: the ambient ones would outlive that."""
    return _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)


def adopt_orphans() -> bool:
    """Have what is left of any descendant become a child of this process, and of no other's."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def supervise(orders: int, reports: int) -> None:
    """Stay, as the supervisor, and return only in a child, which is to become the program.

    The program's own input and output are descriptors 0 to 2 already; of the supervisor's
    descriptors and signal handlers the child has none.
    """
    supervisor = Supervisor(orders, reports)
    if not supervisor.fork():
        supervisor.watch()


def introduction(supervisor: int, child: int) -> bytes:
    """What is reported first; a child that is killed at once may not come to it."""
    return NUMBER.pack(-supervisor) + NUMBER.pack(-child)


class Account:
    """What the reports of one program say so far.

    The supervisor's pid and its child's are 0 where they are not reported yet, and the exit code
    is None. `is_alone`: nothing is left, and it waits for the next. `has_ended_all`: what it was
    told to end. `is_unstarted`: it could not begin.
    """

    __slots__ = ("child", "code", "has_ended_all", "is_alone", "is_unstarted", "supervisor")

    def __init__(self, reports: bytes) -> None:
        numbers = [number for (number,) in NUMBER.iter_unpack(reports[: len(reports) // 4 * 4])]
        pids = [-number for number in numbers if number < 0] or [0]
        codes = [number for number in numbers if number >= 0]
        self.supervisor = pids[0]
        self.child = next((pid for pid in pids if pid != self.supervisor), 0)
        self.is_unstarted = bool(codes) and codes[0] >= UNSTARTED
        self.code = codes[0] % _ALONE if codes else None
        self.is_alone = len(codes) == 1 and codes[0] >= _ALONE
        self.has_ended_all = len(codes) > 1


class Supervisor:
    """What this process is from now on: it watches one program after another.

    `stays`: it may be told to watch another, where the kernel lets it know that nothing is left.
    """

    def __init__(self, orders: int, reports: int, *, stays: bool = False) -> None:
        self._stays = stays
        self._orders = orders
        self._reports = reports
        self.child = 0
        self._reported = False
        self._is_apart = False
        self._wake = self._woken = -1
        self._handlers: list[tuple[int, Any]] = []
        self.defaults: list[int] = []
        """The signals that this process hears otherwise than what it watches is to."""
        self._poll = select.poll()

    def _settle(self) -> None:
        """Before a child: hear of children and of orders, and of no other signal."""
        self._reported = False
        if self._handlers:
            return
        self._stays = adopt_orphans() and self._stays
        self._wake, self._woken = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        self._handlers.append((signal.SIGCHLD, signal.SIG_DFL))
        signal.signal(signal.SIGCHLD, lambda _signum, _frame: None)
        for number in range(1, signal.SIGSYS + 1):  # under one uid, the code may send any
            handler = signal.getsignal(number)
            if number not in _FIXED and handler is not None:  # None is not Python's to set again
                self._handlers.append((number, handler))
                signal.signal(number, signal.SIG_IGN)
        self.defaults += [n for n, handler in self._handlers if handler != signal.SIG_IGN]
        self._poll.register(self._wake, select.POLLIN)
        self._poll.register(self._orders, select.POLLIN)

    def introduce(self) -> None:
        """Report this process, before what it will start: that may be code that ends it at once."""
        self._settle()
        os.write(self._reports, NUMBER.pack(-os.getpid()))

    def adopt(self, child: int) -> None:
        """Watch one that was started and not forked."""
        self.child = child
        os.write(self._reports, NUMBER.pack(-child))

    def miss(self, code: int) -> None:
        """Report an end without a beginning: there is no such program, or (UNSTARTED) no room."""
        self.child = -1
        self._report(code + _ALONE)

    def fork(self) -> bool:
        """Whether this is the child, which is to become the program."""
        self._settle()
        self.child = os.fork()
        if self.child:
            return False
        # Before it can be told what it is: it may be code that kills its supervisor at once.
        os.write(self._reports, introduction(os.getppid(), os.getpid()))
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers:
            signal.signal(number, handler)
        for descriptor in {self._wake, self._woken, self._orders, self._reports}:
            os.close(descriptor)
        return True

    def watch(self) -> None:
        """Watch the child, and return when another is to be watched. Any other end is for good."""
        is_next = False
        try:
            if not self._is_apart:
                self._part()
            while not is_next:
                self._reap()
                for descriptor, _event in self._poll.poll():
                    if descriptor == self._orders:
                        is_next = self._order(os.read(self._orders, 1))
                    else:
                        os.read(self._wake, 4096)
        finally:
            if not is_next:  # a supervisor that breaks must not go on as if it were the program
                os._exit(0)

    def _part(self) -> None:
        """Let go of what it has of its parent, whose pipes must not be kept open by it."""
        self._is_apart = True
        empty = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for descriptor in range(3):
            os.dup2(empty, descriptor, inheritable=False)
        os.close(empty)
        signal.raise_signal(signal.SIGCHLD)  # a rehearsal: the memory it touches is then ours

    def _order(self, order: bytes) -> bool:
        """Whether another is to be watched."""
        if order == NEXT:
            return True
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
        code, is_left, pid, status = -1, True, 1, 0
        while pid:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                is_left, pid = False, 0
            if pid == self.child:
                code = exit_code(status)
        if code >= 0:
            self._report(code if is_left or not self._stays else code + _ALONE)
        return is_left

    def _report(self, code: int) -> None:
        if not self._reported:
            self._reported = True
            with contextlib.suppress(OSError):  # nobody is left to hear it, but all must end
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
            if process.session == self.child and pid not in known
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
