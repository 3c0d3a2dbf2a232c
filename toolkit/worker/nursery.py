"""Where spares come from: processes that fork ahead of what will be asked, seen from the worker.

Runs inside the container, as part of the worker. Written for Python 3.8, standard library only: see
protocol.py.

Hidden here: that there are two of them. One is a fork of the worker, for programs of every kind;
the other a Python of the image under the code's uid, for Python code (see warm.py), which the code
may kill, stop or lie through at any time. So nothing depends on either: what nobody begins is
started in the ordinary way, and who somebody is says the kernel.
"""

# ruff: noqa: ANN401, PTH208 - _socket has no types; pathlib takes longer to import than a start
from __future__ import annotations

import contextlib
import os
import signal
import struct
import time

from toolkit.worker.program import LONGEST, Program
from toolkit.worker.spawn import (
    Pipes,
    Starter,
    hatch,
    open_pipes,
    order,
    order_next,
    receive,
    settle,
)
from toolkit.worker.supervisor import RELEASE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn

    from toolkit.worker.identity import Identity

PATIENCE = 2.0
"""Seconds within which a spare must have begun what it was told."""
READY = b"ready"
_STOCK = 2
"""Spares that are kept: with one more than is used, the next can wait until nobody is waiting."""
_CHILDHOOD = 1.0
ENDED = "it ended without a word"
_LATE_VICTIM = b"500"
"""The oom_score_adj(5) of a Python that is kept: after the blocks, before the worker."""
_ATTEMPTS = 3
"""Ends in a row, each within a second of the start, after which no more is tried."""
_CREDENTIALS = struct.Struct("iII")
_BOOT = (
    "import os,sys\n"
    "if sys.path[:1]==['']:del sys.path[0]\n"
    "import marshal\n"
    "from _frozen_importlib_external import MAGIC_NUMBER\n"
    "magic,code,text=marshal.loads(os.read(3,1<<20))\n"
    "code,parts=marshal.loads(code if magic==MAGIC_NUMBER else text)\n"
    "exec(code,{'__name__':'toolkit-warm','parts':parts,'argument':None})"
)


class Nursery:
    """Keeps spares ready, made by a process of its own that is started when it is needed.

    The worker makes the pipes and hands the other ends over; it takes no descriptor from anybody.
    """

    def __init__(self, who: Identity, launch: Callable[[Any], NoReturn], *, heralds: bool) -> None:
        """`launch` is called in the fork, with its end of the channel. `heralds`: it says READY."""
        self._who = who
        self._launch = launch
        self._heralds = heralds
        self._socket: Any = None
        self._ready = False
        self._started = 0.0
        self._failures = 0
        self._spares: list[Pipes] = []
        self._resting: list[Pipes] = []
        self.pid = 0
        self.on_ready: Callable[[str], None] = lambda _reason: None
        """Told when it is ready, with "", or else why it cannot be."""

    def start(self, *messages: bytes) -> None:
        """Begin to start it, unless there is one, and order a spare, unless there are enough."""
        if self._socket is not None:
            self._order()
            return
        if self._failures >= _ATTEMPTS:
            return
        import _socket

        try:
            ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        except OSError as error:
            self._fail(error)
            return
        try:
            ours.settimeout(0)
            ours.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
            for message in messages:
                ours.send(message)
            pid = os.fork()
        except OSError as error:  # at the limit of processes, too, the worker itself must go on
            ours.close()
            theirs.close()
            self._fail(error)
            return
        if pid == 0:
            self._launch(theirs)
        theirs.close()
        self._socket, self.pid = ours, pid
        self._ready, self._started = not self._heralds, time.monotonic()
        self._order()

    def forgive(self) -> None:
        """Try again, whatever has happened: the container has been reset."""
        self._failures = 0

    def _fail(self, error: OSError) -> None:
        self._failures += 1
        self.on_ready(error.strerror or repr(error))

    def tell(self, words: bytes) -> Pipes | None:
        """A spare that has been told what it is, which may still be on its way.

        None where it would be waited for for long, or has gone.
        """
        if not self._ready or not self._spares or len(words) > LONGEST:
            return None
        spare = self._spares.pop(0)
        with contextlib.suppress(OSError):
            if os.write(spare.begin, words) == len(words):
                return spare
        spare.close()
        return None

    def refill(self) -> None:
        """Order a spare where there is none: for who comes before there was time for it."""
        if self._ready and not self._spares:
            self._order()

    @property
    def is_short(self) -> bool:
        """Whether it lives, and more is to be ordered when there is nothing else to do."""
        return self._socket is not None and len(self._spares) < _STOCK

    def places(self, places: dict[int, tuple[int, Callable[[int], None]]], readable: int) -> None:
        """Add the descriptors on which something may be heard; `readable` as poll(2) has it."""
        if self._socket is not None:
            places[self._socket.fileno()] = (readable, self._hear)
        for kept in (self._spares, self._resting):
            for each in kept:
                places[each.control] = (0, self._spoiled(kept, each))

    def owns(self, descriptor: int) -> bool:
        return self._socket is not None and descriptor == self._socket.fileno()

    def end(self) -> None:
        """Kill it and forget it: it does not answer, or is no longer what it was."""
        if self._socket is not None:
            if self.pid > 1:
                with contextlib.suppress(OSError):
                    os.kill(self.pid, signal.SIGKILL)
            self._forget("")

    def keep(self, control: int) -> None:
        """Take a supervisor that made one of its spares and is alone: it can make the next."""
        if control < 0:
            return
        if self._socket is not None and len(self._spares) + len(self._resting) < _STOCK:
            resting = Pipes()
            resting.control = control
            self._resting.append(resting)
            return
        with contextlib.suppress(OSError):  # it has just been killed
            os.write(control, RELEASE)
        os.close(control)

    def _order(self) -> None:
        if not self.is_short:
            return
        control = self._resting.pop().control if self._resting else -1
        try:
            ours, theirs = open_pipes(self._who.owning(), control)
        except OSError:  # no descriptor is left; the next program is started in the ordinary way
            return
        try:
            if control >= 0:
                order_next(control, theirs)
            else:
                order(self._socket, theirs)
            self._spares.append(ours)
        except OSError:  # its end is heard in a moment
            ours.close()
        theirs.close()

    def _hear(self, _event: int) -> None:
        import _socket

        try:
            words, ancillary = self._recv()
        except BlockingIOError:
            return
        except OSError:
            words, ancillary = b"", []
        pid = 0
        for _, kind, data in ancillary:
            if kind == _socket.SCM_CREDENTIALS and len(data) == _CREDENTIALS.size:
                pid = _CREDENTIALS.unpack(data)[0]
            elif kind == _socket.SCM_RIGHTS:
                for descriptor in memoryview(data).cast("i"):
                    os.close(descriptor)
        if words == READY and pid and not self._ready:
            self.pid, self._ready = pid, True
            self.on_ready("")
        else:
            self._forget(words.decode("utf-8", "replace"))

    def _recv(self) -> Any:
        import _socket

        try:
            return self._socket.recvmsg(4096, 512, _socket.MSG_CMSG_CLOEXEC)[:2]
        except ConnectionResetError:  # it left an order unread; its last words are still here
            return self._socket.recvmsg(4096, 512, _socket.MSG_CMSG_CLOEXEC)[:2]

    def _spoiled(self, kept: list[Pipes], each: Pipes) -> Callable[[int], None]:
        """Its supervisor has gone: another is ordered when one is asked for.

        Not at once: where no process is left, that would go on without a pause.
        """

        def forget(_event: int) -> None:
            if each in kept:  # else it was taken in this very moment
                kept.remove(each)
                each.close()

        return forget

    def _forget(self, reason: str) -> None:
        self._socket.close()
        self._socket, self._ready, self.pid = None, False, 0
        for each in (*self._spares, *self._resting):
            each.close()
        self._spares.clear()
        self._resting.clear()
        lived = time.monotonic() - self._started
        self._failures = 1 if lived > _CHILDHOOD else self._failures + 1
        self.on_ready(reason or ENDED)


def programs(who: Identity, env: Mapping[str, str]) -> Nursery:
    """For programs of any kind: a fork of the worker, out of the code's reach.

    `env` are the variables that every one has.
    """

    def launch(channel: Any) -> NoReturn:
        try:
            ours = _alone(channel)
            starter = Starter(who, env)
            while True:
                theirs = receive(ours)
                with contextlib.suppress(OSError):  # no process is left, as the pipes' end tells
                    hatch(theirs, foreign=[3], starter=starter)
        finally:
            os._exit(0)

    return Nursery(who, launch, heralds=False)


def python(who: Identity, path: str, env: Mapping[str, str]) -> Nursery:
    """For Python code: the image's own, under the code's uid. It is sent its source first."""

    def launch(channel: Any) -> NoReturn:
        try:
            os.set_inheritable(_alone(channel).detach(), True)  # noqa: FBT003 - it takes no keyword
            settle(_LATE_VICTIM)
            who.assume()
            Program([path, "-c", _BOOT], "/", env).start()
        finally:
            os._exit(126)

    return Nursery(who, launch, heralds=True)


def _alone(channel: Any) -> Any:
    """In a fork of the worker: the channel as descriptor 3, and nothing else of the worker's."""
    import _socket

    empty = os.open(os.devnull, os.O_RDWR)
    place = os.dup(channel.detach()) if channel.fileno() == 3 else channel.detach()
    for standard in range(3):
        os.dup2(empty, standard)
    os.dup2(place, 3, inheritable=False)
    os.closerange(4, 1 + max(int(name) for name in os.listdir("/proc/self/fd")))
    return _socket.socket(fileno=3)
