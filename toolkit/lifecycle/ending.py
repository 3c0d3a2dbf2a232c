"""The end of the process, and its forks: one hook for all managers.

Hidden here: which of the ways in which a process ends runs any code, and what that code may do. At
the interpreter's end no thread can be started and other threads may hold any lock or connection, so
all is done in order, over new connections, within a time. A signal or a kill runs nothing: there
the containers end with our streams. A forked child lets go of everything and harms nothing. No
signal handler is installed unless it is asked for.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, Protocol

from toolkit.errors import NotRunningError

EXIT_SECONDS: Final = 5.0
"""For all containers of the process together."""


class Manager(Protocol):
    """What is ended with the process."""

    def hang_up(self) -> None:
        """Begin the end of everything, without waiting for any."""
        ...

    def finish(self, deadline: float) -> None:
        """End everything until then (`time.monotonic`). It never raises."""
        ...

    def forget(self) -> None:
        """Let go of everything in a forked child."""
        ...


_managers: set[Manager] = set()
# Not weak: an executor that is dropped without stop() still has its container.
_watching: list[int] = []
_over: list[int] = []
_lock = threading.Lock()


def watch(manager: Manager) -> None:
    """Have the manager's containers ended with the process, and forgotten in its forks.

    Raises NotRunningError once the process has begun to end: nobody would end what starts then.
    """
    with _lock:
        if is_ending():
            raise NotRunningError(
                "the process is ending, and starts no container any more",
                hint="start containers before the program ends, not from an atexit handler",
            )
        _managers.add(manager)
        if not _watching:
            _watching.append(os.getpid())
            atexit.register(_exit)
            os.register_at_fork(after_in_child=_forget_all)


def is_ending() -> bool:
    """Whether the exit hook has begun: a container that ends now has been ended by it."""
    return _over == [os.getpid()]


def unwatch(manager: Manager) -> None:
    """Nothing is left of the manager's."""
    _managers.discard(manager)


def install_signal_handlers(*numbers: signal.Signals) -> tuple[signal.Signals, ...]:
    """End all containers when a signal comes, before it does what it did; return which do so now.

    Without arguments SIGTERM and SIGHUP. The handler that was there is called afterwards; the
    default action ends the process as it would have. A signal that is ignored stays ignored. Off
    the main thread nothing is done, for handlers can only be installed there. Nobody needs this on
    a local engine, whose containers end with this process however it ends.
    """
    if threading.current_thread() is not threading.main_thread():
        return ()
    installed = []
    for number in numbers or (signal.SIGTERM, signal.SIGHUP):
        previous = signal.getsignal(number)
        if previous in {signal.SIG_IGN, None}:
            continue
        if not isinstance(previous, _Handler):
            signal.signal(number, _Handler(previous))
        installed.append(number)
    return tuple(installed)


class _Handler:
    def __init__(self, previous: Callable[[int, FrameType | None], Any] | int | None) -> None:
        self._previous = previous

    def __call__(self, number: int, frame: FrameType | None) -> None:
        # In a thread, for this one may hold any lock just now; and not for longer than is allowed.
        ending = threading.Thread(target=_end_all, name="toolkit ending", daemon=True)
        with contextlib.suppress(RuntimeError):  # the interpreter is ending: the hook does it
            ending.start()
            ending.join(EXIT_SECONDS)
        if callable(self._previous):
            self._previous(number, frame)
            return
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _exit() -> None:
    with _lock:
        _over[:] = [os.getpid()]
    _end_all()


def _end_all() -> None:
    if _watching != [os.getpid()]:
        return
    deadline = time.monotonic() + EXIT_SECONDS
    managers = list(_managers)
    for manager in managers:  # they end side by side
        manager.hang_up()
    for manager in managers:
        if time.monotonic() < deadline:
            manager.finish(deadline)


def _forget_all() -> None:
    global _lock  # noqa: PLW0603 - a fork may have copied it locked
    _lock = threading.Lock()
    _watching[:] = [os.getpid()]  # the hooks are inherited; they now work for this process
    for manager in list(_managers):
        manager.forget()
    _managers.clear()
