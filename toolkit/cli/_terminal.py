"""Our terminal, lent to a program in a container.

Hidden here: raw mode and its end whatever happens, the size and its changes, and that a read of the
keyboard cannot be interrupted, so that it is a thread's that the process does not wait for.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from typing import Final, Self

from toolkit.engine.stream import ByteStream
from toolkit.errors import EngineError

_TRIES: Final = 10
_PAUSE: Final = 0.03
"""Seconds between two tries to tell the size to a program that has only just been started."""


class Terminal:
    """Standard input and output, which are one terminal."""

    @classmethod
    def of_this_process(cls) -> Self | None:
        """Give the terminal, or None where input or output is something else."""
        return cls() if sys.stdin.isatty() and sys.stdout.isatty() else None

    @staticmethod
    def environment() -> tuple[str, ...]:
        """What a program must know of it."""
        kind = os.environ.get("TERM")
        return (f"TERM={kind}",) if kind else ()

    @staticmethod
    def feed(stream: ByteStream) -> None:
        """Send standard input to the stream, from now on and to its end."""
        threading.Thread(target=_feed, args=(stream,), name="toolkit input", daemon=True).start()

    def relay(self, stream: ByteStream, *, resized: Callable[[int, int], None]) -> None:
        """Pass everything on, both ways, until the stream ends."""
        with self._raw(), self._sized(resized):
            self.feed(stream)
            while data := stream.recv():
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()

    @staticmethod
    @contextlib.contextmanager
    def _raw() -> Iterator[None]:
        """Every key is the program's, Ctrl-C too."""
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
        try:
            tty.setraw(descriptor, termios.TCSADRAIN)  # what was typed ahead is not lost
            yield
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

    @staticmethod
    @contextlib.contextmanager
    def _sized(resized: Callable[[int, int], None]) -> Iterator[None]:
        def tell(*_: object) -> bool:
            # Of the terminal itself: $COLUMNS, where it is set, does not follow it.
            size = os.get_terminal_size(sys.stdout.fileno())
            try:
                resized(size.columns, size.lines)
            except EngineError:  # it may have ended just now
                return False
            return True

        before = signal.signal(signal.SIGWINCH, tell)
        try:
            for _ in range(_TRIES):  # the engine refuses one that is only being started
                if tell():
                    break
                time.sleep(_PAUSE)
            yield
        finally:
            signal.signal(signal.SIGWINCH, before)


def _feed(stream: ByteStream) -> None:
    with contextlib.suppress(EngineError, OSError):
        while data := os.read(sys.stdin.fileno(), 1 << 16):
            stream.send(data)
        stream.shut_write()
