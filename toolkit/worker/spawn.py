"""Processes with pipes of their own below a supervisor of their own: at once, or kept ready.

Runs inside the container, as part of the worker and of what it forks. Written for Python 3.8,
standard library only: see protocol.py.

Hidden here: that most of what starting a program costs is two forks, which can be done before
anybody asks: a spare is a supervisor and its child, which waits to be told what it is.
"""

# ruff: noqa: PTH208 - pathlib takes longer to import than a program to start
from __future__ import annotations

import contextlib
import os
import signal

from toolkit.worker.supervisor import supervise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from typing import Any

    from toolkit.worker.identity import Identity
    from toolkit.worker.program import Program

FIRST_VICTIM = b"1000"
"""oom_score_adj(5): when memory runs out, the code is killed and not the worker."""
ENDS = ("begin", "input", "output", "errors", "orders", "reports")


class Pipes:
    """One side's ends of a program's pipes; -1 where there is none.

    `begin` is where a spare is told what it is; it closes its own end when it has heard.
    """

    __slots__ = ENDS

    def __init__(self, descriptors: Sequence[int] = (-1,) * len(ENDS)) -> None:
        for name, descriptor in zip(ENDS, descriptors):  # noqa: B905 - Python 3.8
            setattr(self, name, descriptor)

    begin: int
    input: int
    output: int
    errors: int
    orders: int
    reports: int

    def descriptors(self) -> list[int]:
        """All of them, in the order of ENDS."""
        return [getattr(self, name) for name in ENDS]

    def close(self) -> None:
        """Let go of all."""
        for name in ENDS:
            self.drop(name)

    def drop(self, name: str) -> None:
        """Let go of one."""
        if getattr(self, name) >= 0:
            os.close(getattr(self, name))
            setattr(self, name, -1)


def open_pipes(owning: AbstractContextManager[None]) -> tuple[Pipes, Pipes]:
    """The worker's ends, and the program's. `owning`: they are the code's, to be opened by name."""
    ours, theirs = Pipes(), Pipes()
    try:
        with owning:
            for name in ENDS:
                read, write = os.pipe2(os.O_CLOEXEC)
                inwards = name in {"begin", "input", "orders"}
                setattr(ours, name, write if inwards else read)
                setattr(theirs, name, read if inwards else write)
                os.set_blocking(getattr(ours, name), False)
    except OSError:
        ours.close()
        theirs.close()
        raise
    return ours, theirs


def spawn(program: Program, who: Identity) -> Pipes:
    """Start a program and return at once.

    Raises OSError when the container has no process or descriptor left.
    """
    ours, theirs = open_pipes(who.owning())
    try:
        begin = hatch(theirs)
    except OSError:
        ours.close()
        raise
    if begin >= 0:
        try:
            os.close(begin)
            settle(FIRST_VICTIM)
            who.assume()
            program.connect()
            program.start()
        finally:
            os._exit(126)
    ours.drop("begin")
    choose(ours, program)
    return ours


def choose(pipes: Pipes, program: Program) -> None:
    """Keep the ends that this program has a use for."""
    if program.merged:
        pipes.drop("errors")
    if not program.feed:
        pipes.drop("input")


def hatch(theirs: Pipes, *, foreign: Sequence[int] | None = None) -> int:
    """Make a supervisor and its child, who get these pipes; they are closed here.

    Returns -1 here, and in the child the descriptor where it will be told what it is. `foreign` are
    the descriptors that neither may have; None is all others. Raises OSError when there is no
    process left.
    """
    try:
        pid = os.fork()
    except OSError:
        theirs.close()
        raise
    if pid:
        theirs.close()
        return -1
    try:  # whatever goes wrong from here on, this must not go on as what it was forked from
        for place, name in enumerate(("input", "output", "errors")):
            os.dup2(getattr(theirs, name), place)
            theirs.drop(name)
        for descriptor in _others(theirs.descriptors()) if foreign is None else foreign:
            os.close(descriptor)
        supervise(theirs.orders, theirs.reports, spare=theirs.begin)
    except BaseException:  # noqa: BLE001 - as above
        os._exit(126)
    return theirs.begin


def receive(channel: Any) -> Pipes:  # noqa: ANN401 - _socket has no types
    """In a nursery: wait for the ends of the next pair's pipes. Ends with the worker."""
    import _socket

    words, ancillary, _, _ = channel.recvmsg(64, 512, _socket.MSG_CMSG_CLOEXEC)
    if not words:
        os._exit(0)
    return Pipes(memoryview(ancillary[0][2]).cast("i").tolist())


def settle(victim: bytes) -> None:
    """In a child, before it is anybody else: signals as after an exec, a session of its own.

    `victim`: its oom_score_adj(5). Written before the change of user: in a hidden process the file
    belongs to root.
    """
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    yield_to_others(victim)


def yield_to_others(victim: bytes) -> None:
    """Say how early the kernel is to kill this process when memory runs out."""
    with contextlib.suppress(OSError):
        file = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(file, victim)
        os.close(file)


def _others(known: Iterable[int]) -> list[int]:
    """Every open descriptor but these and the standard ones."""
    last = max(int(name) for name in os.listdir("/proc/self/fd"))
    found = []
    for descriptor in set(range(3, last + 1)) - set(known):
        with contextlib.suppress(OSError):  # a gap, or the listing's own
            os.fstat(descriptor)
            found.append(descriptor)
    return found
