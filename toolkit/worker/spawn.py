"""Processes with pipes of their own below a supervisor of their own: at once, or kept ready.

Runs inside the container, as part of the worker and of what it forks. Written for Python 3.8,
standard library only: see protocol.py.

Hidden here: that most of what starting a program costs are forks of Python, and how they are
spared. One that is to be a fork of Python code is made before anybody asks: a supervisor and its
child, which waits to be told what it is. For any other program only the supervisor is made and
waits, and starts it without a fork. Either watches the next when nothing of the last is left.
"""

# ruff: noqa: PTH208 - pathlib takes longer to import than a program to start
from __future__ import annotations

import contextlib
import os
import signal
import struct

from toolkit.worker.program import Program
from toolkit.worker.supervisor import NEXT, UNSTARTED, Supervisor, keep_capabilities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import Any, NoReturn

    from toolkit.worker.identity import Identity

_ORDER = b"+"
FIRST_VICTIM = b"1000"
"""oom_score_adj(5): when memory runs out, the code is killed and not the worker."""
_SETTLED = (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT)
"""Signals that a Python, or the worker, has others do with than a program expects."""
_PIPES = ("begin", "input", "output", "errors")
ENDS = (*_PIPES, "control")


class Pipes:
    """One side's ends of a program's pipes; -1 where there is none.

    `begin` is where a spare is told what it is; it closes its own end when it has heard. `control`
    is a socket, for orders to the supervisor and its reports.
    """

    __slots__ = ENDS

    def __init__(self, descriptors: Sequence[int] = ()) -> None:
        for place, name in enumerate(ENDS):
            setattr(self, name, descriptors[place] if place < len(descriptors) else -1)

    begin: int
    input: int
    output: int
    errors: int
    control: int

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


def open_pipes(owning: AbstractContextManager[None], control: int = -1) -> tuple[Pipes, Pipes]:
    """The worker's ends, and the program's. `owning`: they are the code's, to be opened by name.

    `control` is that of a supervisor that is there already.
    """
    ours, theirs = Pipes(), Pipes()
    ours.control = control
    try:
        with owning:
            for name in _PIPES:
                read, write = os.pipe2(os.O_CLOEXEC)
                inwards = name in {"begin", "input"}
                setattr(ours, name, write if inwards else read)
                setattr(theirs, name, read if inwards else write)
        if control < 0:
            ours.control, theirs.control = _pair()
        for descriptor in ours.descriptors():
            os.set_blocking(descriptor, False)
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


def hatch(
    theirs: Pipes,
    *,
    foreign: Sequence[int] | None = None,
    is_fit: Callable[[], bool] | None = None,
    starter: Starter | None = None,
) -> int:
    """Make a supervisor and its child, who get these pipes; they are closed here.

    Returns -1 here, and in the child the descriptor where it will be told what it is. `foreign` are
    the descriptors that neither may have; None is all others. `is_fit`: the supervisor may be told
    to make another child when this one has ended, and does while this is true; each returns here.
    `starter`: there is no child before there is a program, which this starts; none returns. Raises
    OSError when there is no process left.
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
        for descriptor in _others(theirs.descriptors()) if foreign is None else foreign:
            os.close(descriptor)
        if starter is not None:
            _stand_by(theirs, starter)
        return _bear(theirs, is_fit)
    except BaseException:  # noqa: BLE001 - as above
        os._exit(126)


def _bear(theirs: Pipes, is_fit: Callable[[], bool] | None) -> int:
    """In the supervisor: stay, and return in the children."""
    control = theirs.control
    supervisor = Supervisor(control, control, stays=is_fit is not None)
    while not supervisor.fork():
        theirs.control = -1
        theirs.close()
        supervisor.watch()
        theirs = _receive_next(control)
        if is_fit is None or not is_fit():
            os._exit(0)
    _take(theirs)
    return theirs.begin


def _take(theirs: Pipes) -> None:
    """In a child: have these streams as its own."""
    for place, name in enumerate(("input", "output", "errors")):
        os.dup2(getattr(theirs, name), place)
        theirs.drop(name)


class Starter:
    """How a supervisor starts what it is told, without a fork of Python where that can be.

    Such a fork costs more than most programs do: in copying the tables of its memory, and in all
    that both write afterwards. posix_spawn(3) copies nothing.
    """

    def __init__(self, who: Identity, env: Mapping[str, str]) -> None:
        """For the process that supervisors are forked from, which is made fit for it.

        `env` are the variables that every program has.
        """
        self._who = who
        self._env = env
        self._patience = _patience()
        self._can_launch = _can_launch() and (who.is_own() or keep_capabilities())
        who.assume_groups()
        os.chdir("/")

    def start(self, theirs: Pipes, supervisor: Supervisor) -> None:
        """Wait for the program, and start it. Returns in the supervisor only."""
        supervisor.introduce()
        yield_to_others(FIRST_VICTIM)  # before the change of user: the file belongs to root
        program = Program.read(theirs.begin, self._env)
        theirs.drop("begin")  # before it runs: if this is lost from here on, it is not run again
        try:
            if self._can_launch and not program.path:
                child = self._launch(program, theirs, supervisor)
            elif supervisor.fork():
                self._become(program, theirs)
            else:
                child = supervisor.child
        except OSError:
            child = -UNSTARTED
        yield_to_others(self._patience)
        if child < 0:
            supervisor.miss(-child)

    def _launch(self, program: Program, theirs: Pipes, supervisor: Supervisor) -> int:
        streams = (theirs.input, theirs.output, theirs.errors)
        with self._who.lending():
            child = program.launch(streams, {*supervisor.defaults, *_SETTLED})
        if child > 0:
            supervisor.adopt(child)
        with contextlib.suppress(OSError):  # it runs already: nothing may say that it does not
            os.chdir("/")
        return child

    def _become(self, program: Program, theirs: Pipes) -> NoReturn:
        try:
            _take(theirs)
            settle(FIRST_VICTIM)
            self._who.assume()
            program.connect()
            program.start()
        finally:
            os._exit(126)


def _stand_by(theirs: Pipes, starter: Starter) -> NoReturn:
    """In the supervisor: stay."""
    control = theirs.control
    supervisor = Supervisor(control, control, stays=True)
    while True:
        starter.start(theirs, supervisor)
        theirs.control = -1
        theirs.close()
        supervisor.watch()
        theirs = _receive_next(control)


def order(channel: Any, theirs: Pipes) -> None:  # noqa: ANN401 - _socket has no types
    """Have another spare made, for these pipes. Raises OSError when nobody is there."""
    import _socket

    ends = [descriptor for descriptor in theirs.descriptors() if descriptor >= 0]
    packed = struct.pack("%di" % len(ends), *ends)  # noqa: UP031 - 3.8 can do both
    channel.sendmsg([_ORDER], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)])


def order_next(control: int, theirs: Pipes) -> None:
    """The same, from a supervisor that is alone."""
    os.write(control, NEXT)
    channel = _socket_of(control)
    try:
        order(channel, theirs)
    finally:
        channel.detach()


def receive(channel: Any) -> Pipes:  # noqa: ANN401 - as above
    """Wait for the ends of the next spare's pipes. Ends with the worker."""
    import _socket

    words, ancillary, _, _ = channel.recvmsg(len(_ORDER), 512, _socket.MSG_CMSG_CLOEXEC)
    if not words:
        os._exit(0)
    return Pipes(memoryview(ancillary[0][2]).cast("i").tolist())


def _receive_next(control: int) -> Pipes:
    channel = _socket_of(control)
    theirs = receive(channel)
    channel.detach()
    return theirs


def _socket_of(control: int) -> Any:  # noqa: ANN401 - as above
    import _socket

    return _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, control)


def _pair() -> tuple[int, int]:
    """A socket for both ends of `control`, which no program inherits."""
    import _socket

    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    return ours.detach(), theirs.detach()


def settle(victim: bytes) -> None:
    """In a child, before it is anybody else: signals as after an exec, a session of its own.

    `victim`: its oom_score_adj(5). Written before the change of user: in a hidden process the file
    belongs to root.
    """
    for number in _SETTLED:
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    yield_to_others(victim)


def yield_to_others(victim: bytes) -> None:
    """Say how early the kernel is to kill this process when memory runs out."""
    with contextlib.suppress(OSError):
        file = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(file, victim)
        os.close(file)


def _patience() -> bytes:
    """What `yield_to_others` was told last, or whoever started this process."""
    try:
        file = os.open("/proc/self/oom_score_adj", os.O_RDONLY | os.O_CLOEXEC)
        value = os.read(file, 16)
        os.close(file)
    except OSError:
        return b"0"
    return value


def _can_launch() -> bool:
    """Whether this Python can start a program in a session of its own."""
    try:
        os.posix_spawn(os.devnull + "/none", ["none"], {}, setsid=True)
    except (NotImplementedError, AttributeError):
        return False
    except OSError:
        return True
    return True


def _others(known: Iterable[int]) -> list[int]:
    """Every open descriptor but these and the standard ones."""
    last = max(int(name) for name in os.listdir("/proc/self/fd"))
    found = []
    for descriptor in set(range(3, last + 1)) - set(known):
        with contextlib.suppress(OSError):  # a gap, or the listing's own
            os.fstat(descriptor)
            found.append(descriptor)
    return found
