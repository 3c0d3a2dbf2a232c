"""One run in the worker: its pipes, its credit, its limit, and how it ended.

Runs inside the container, as part of the worker. Written for Python 3.8, standard library only: see
protocol.py.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import time
from collections import deque

from toolkit.worker import protocol
from toolkit.worker.nursery import PATIENCE
from toolkit.worker.program import LONGEST
from toolkit.worker.protocol import Frame, grant, report
from toolkit.worker.spawn import Pipes
from toolkit.worker.supervisor import END, GRACE, RELEASE, Account

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from toolkit.worker.nursery import Nursery
    from toolkit.worker.outgoing import Outgoing

_ENDED = 143
"""The exit code of what was ended before it began, as by SIGTERM."""
_YOUTH = 0.01
"""Seconds from its beginning in which the words of a run are its first."""
_LOST = 137
"""The exit code of SIGKILL, and where nobody can tell it: the supervisor itself was killed."""
_AFTERMATH = 10.0
"""Seconds for which output is waited for whose writer outlives the program."""
_PATIENCE = GRACE + 13.0
"""Seconds after which a supervisor that was told to end the run is taken for lost."""


class Run:
    """A program that was started, until its end has been told."""

    def __init__(
        self,
        number: int,
        timeout: float | None,
        out: Outgoing,
        *,
        feed: bool,
    ) -> None:
        """It is to be given pipes; until then it can only be stopped. `feed`: it has an input."""
        self.number = number
        self._takes_input = feed
        self._out = out
        self._pipes = Pipes()
        self._outputs: dict[int, int] = {}
        self._input: deque[bytes] = deque()
        self._credit = protocol.OUTPUT_WINDOW
        self._started = time.monotonic()
        self.deadline = None if timeout is None else self._started + timeout
        self._again: Callable[[], None] | None = None
        self.begins_by: float | None = None
        """When it must have begun, while it has not."""
        self._unheard = False
        self._code: int | None = None
        self._supervised = self._obeyed = self._forsaken = self._alone = False
        self._stopping = False
        self._timed_out = False
        self._discard = False
        self._lingering = False
        self._waiting: dict[int, int] = {}
        self._reports = b""
        self.supervisor = self.child = 0
        self.leftovers: list[int] = []
        self.since = self.oom_kills = 0
        self.kind: Nursery | None = None
        self.rested = -1
        """The control of its supervisor when it is over, where that can watch another."""
        self.stands = False
        """Whether it is a helper of the client's that stays while others run."""
        self.is_brief = False
        """Whether its end is likely to follow its first words at once."""

    def adopt(self, pipes: Pipes, again: Callable[[], None] | None = None) -> None:
        """What it runs in. `again` starts it once more: for one that was lost before it began."""
        self._pipes, self._again = pipes, again
        self._outputs = {
            descriptor: kind
            for descriptor, kind in (
                (pipes.output, protocol.STDOUT),
                (pipes.errors, protocol.STDERR),
            )
            if descriptor >= 0
        }
        self.supervisor = self.child = 0
        self._supervised, self._unheard = True, False
        self.begins_by = time.monotonic() + PATIENCE if pipes.begin >= 0 else None

    @property
    def is_lost(self) -> bool:
        """Whether the supervisor has gone without a word, and may have left what it watched.

        What it watched is the container's once the program has ended, but not when all was to end.
        """
        return self._forsaken and self.supervisor > 0 and (self._stopping or self._code == _LOST)

    @property
    def was_killed(self) -> bool:
        """Whether its program ended by SIGKILL, as the kernel ends what takes the last memory."""
        return self._code == _LOST

    # What the client asks for.

    def feed(self, data: bytes) -> None:
        """More input; nothing means its end."""
        if self._takes_input:
            self._input.append(data)

    def grant(self, amount: int) -> None:
        self._credit += amount

    def stop(self, fields: Mapping[str, object]) -> None:
        """End the program and all that it started."""
        self._discard = self._discard or bool(fields.get("discard"))
        self._end()

    # What the loop asks for.

    def places(
        self, places: dict[int, tuple[int, Callable[[int], None]]], *, can_read: bool
    ) -> None:
        """Add the descriptors on which something can be done now."""
        if self._pipes.begin >= 0:
            places[self._pipes.begin] = (0, self._close_begin)
        if self._supervised:
            places[self._pipes.control] = (select.POLLIN, self._hear)
        if self._pipes.input >= 0 and self.begins_by is None and self.child:
            # Without input to pass on the pipe is still watched: its reader may close it.
            places[self._pipes.input] = (select.POLLOUT if self._input else 0, self._pass_on)
        if self._discard or (can_read and self._credit > 0):
            for descriptor in self._outputs:
                places[descriptor] = (select.POLLIN, self._reader(descriptor))

    def expire(self, now: float) -> None:
        """Act on the limit, and let go of pipes that outlive the program."""
        if self.deadline is not None and now >= self.deadline:
            self.deadline = None
            if self._stopping:
                self._forget_supervisor()
            elif self._code is None:
                self._timed_out = True
                self._end()
            else:
                self._lingering = True
        if self.is_lingering():
            for descriptor in list(self._outputs):
                self._read(descriptor)

    def is_lingering(self) -> bool:
        """Whether only what is in the pipes already is still wanted, and can be taken now."""
        return self._lingering and bool(self._outputs) and (self._discard or self._credit > 0)

    def is_over(self) -> bool:
        """Whether the end is known and all output was passed on."""
        return (
            self._code is not None
            and not self._outputs
            and not (self._stopping and self._supervised)
        )

    def last_words(self, *, oom_killed: bool) -> Frame:
        """Let everything go and say how it ended."""
        if self._supervised and self._alone:
            self.rested, self._pipes.control = self._pipes.control, -1
        elif self._supervised:
            with contextlib.suppress(OSError):
                os.write(self._pipes.control, RELEASE)
            self._forget_supervisor()
        self._close_input()
        self._pipes.drop("begin")
        seconds = time.monotonic() - self._started
        code = protocol.EXIT_TIMED_OUT if self._timed_out else self._code
        return report(
            protocol.EXIT,
            self.number,
            {
                "code": code,
                "seconds": seconds,
                "timed_out": self._timed_out,
                "stopped": self._stopping and not self._timed_out,
                "oom_killed": oom_killed,
            },
        )

    # The rest.

    def _end(self) -> None:
        """End all of it, also what outlives the program and holds its output."""
        if self._stopping:
            return
        if not self._supervised:
            if self._code is None:  # nobody has begun it
                self._stopping, self._code = True, _ENDED
            return
        self._stopping = True
        self.deadline = time.monotonic() + _PATIENCE
        with contextlib.suppress(OSError):  # gone? then its reports end now
            os.write(self._pipes.control, END)
        self._wake()

    def _wake(self) -> None:
        """Let the supervisor go on: under one uid, the code may have stopped it."""
        if self.supervisor > 1:
            with contextlib.suppress(OSError):
                os.kill(self.supervisor, signal.SIGCONT)

    def _hear(self, _event: int) -> None:
        """The supervisor reports the exit code, or its own end."""
        try:
            data = os.read(self._pipes.control, 64)
        except BlockingIOError:
            return
        except ConnectionResetError:  # it has gone, and an order with it
            data = b""
        self._reports += data
        account = Account(self._reports)
        self.supervisor, self.child, code = account.supervisor, account.child, account.code
        self._alone, self._obeyed = account.is_alone, account.has_ended_all
        self._note_begin()
        if account.is_unstarted:
            self.begin_again()
            return
        is_over = code is not None or not data
        if is_over and (self._unheard or (not data and self.begins_by is not None)):
            self.begin_again()
            return
        if code is not None and self._code is None:
            self._code = code
            if not self._stopping:
                until = time.monotonic() + _AFTERMATH
                self.deadline = until if self.deadline is None else min(until, self.deadline)
        if not data:
            self._forget_supervisor()

    def take_back(self, owning: AbstractContextManager[None]) -> bool:
        """Whether it had not heard what it is by now, and never will; else it is late, not lost.

        Either who is told reads all of it, or this does. `owning`: as for `open_pipes`.
        """
        self.begins_by = None
        if self._pipes.begin < 0:
            return self._unheard
        try:
            with owning:
                path = f"/proc/self/fd/{self._pipes.begin}"
                pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return _unread(self._pipes.begin) > 0
        try:
            return bool(os.read(pipe, LONGEST))
        except BlockingIOError:
            return False
        finally:
            os.close(pipe)

    def begin_again(self) -> None:
        """It was lost: nothing of it has run, and nothing of its input was passed on."""
        self._let_go()
        again, self._again = self._again, None
        if self._stopping:  # nothing of it is wanted any more
            self._code = _ENDED
        elif again is None:
            self._code = _LOST
        else:
            again()

    def give_up(self) -> None:
        """One of its pipes is not what it should be: its end cannot be known any more."""
        self._let_go()
        self._code, self._forsaken = _LOST, True

    def owns(self, descriptor: int) -> bool:
        return descriptor in self._pipes.descriptors()

    def _let_go(self) -> None:
        self._pipes.close()
        self._supervised, self._outputs, self._reports, self.begins_by = False, {}, b"", None

    def _close_begin(self, _event: int) -> None:
        """Nobody reads there any more: it has heard, or is no more, as the reports will tell."""
        self._unheard = _unread(self._pipes.begin) > 0  # it was killed just before it was told
        self._pipes.drop("begin")
        self._note_begin()

    def _note_begin(self) -> None:
        if self._pipes.begin < 0 and self.supervisor and not self._unheard:
            self.begins_by = None

    def _forget_supervisor(self) -> None:
        if self._supervised:
            self._supervised, self._forsaken = False, not self._obeyed
            self._pipes.drop("control")
        if self._code is None:
            self._code = _LOST
        self._lingering = True

    def _reader(self, descriptor: int) -> Callable[[int], None]:
        return lambda _event: self._read(descriptor)

    def _read(self, descriptor: int) -> None:
        limit = protocol.CHUNK if self._discard else min(protocol.CHUNK, max(self._credit, 0))
        if descriptor not in self._outputs or not limit:
            return
        if not self._lingering:
            with contextlib.suppress(BlockingIOError):
                self._forward(descriptor, os.read(descriptor, limit))
            return
        # What is in the pipe now and no more, for its writer outlives the run and may never pause.
        waiting = self._waiting.get(descriptor)
        waiting = _bytes_in(descriptor) if waiting is None else waiting
        try:
            data = os.read(descriptor, min(limit, waiting)) if waiting else None
        except BlockingIOError:
            data = None
        if data is None:
            self._part_with(descriptor)
            self.leftovers.append(descriptor)
            return
        self._waiting[descriptor] = waiting - len(data)
        self._forward(descriptor, data)

    def _part_with(self, descriptor: int) -> None:
        """An output that is no longer this run's to close."""
        name = "output" if self._outputs.pop(descriptor) == protocol.STDOUT else "errors"
        setattr(self._pipes, name, -1)

    def _forward(self, descriptor: int, data: bytes) -> None:
        if not data:
            self._part_with(descriptor)
            os.close(descriptor)
            if not self._outputs and self._code is None:
                self._wake()
        elif not self._discard:
            self._credit -= len(data)
            now = time.monotonic()
            frame = Frame(self._outputs[descriptor], self.number, data)
            self._out.output(frame, now, may_wait=self.is_brief and now - self._started < _YOUTH)

    def _pass_on(self, event: int) -> None:
        """Write input into the program's pipe; grant the client as much again."""
        if event & (select.POLLERR | select.POLLNVAL):  # nobody reads it any more
            self._close_input()
            return
        while self._input and self._pipes.input >= 0:
            data = self._input[0]
            if not data:
                self._close_input()
                return
            try:
                sent = os.write(self._pipes.input, data)
            except BlockingIOError:
                return
            except BrokenPipeError:
                self._close_input()
                return
            self._input[0] = data[sent:]
            if not self._input[0]:
                self._input.popleft()
            self._out.control(grant(self.number, sent))

    def _close_input(self) -> None:
        self._pipes.drop("input")
        self._takes_input = False
        self._input.clear()


def _bytes_in(pipe: int) -> int:
    """How much can be read from a pipe now; one more where nothing can, to notice its end."""
    return _unread(pipe) or 1


def _unread(pipe: int) -> int:
    """How much is in a pipe, of which this may be either end."""
    import fcntl
    import termios

    answer: int = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]
    return answer
