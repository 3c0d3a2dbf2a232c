"""A program to be run in a container, and what came of it: two values."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, TypedDict

Stream = Literal["stdout", "stderr"]

OUTPUT_LIMIT: Final = 16 << 20
"""Bytes of each output stream that a result holds; of more, the head and the tail are kept."""


class Readable(Protocol):
    """Input that is made while the program runs, as a raw stream in non-blocking mode has it."""

    def read(self, size: int, /) -> bytes | None:
        """So many bytes at most; nothing at the end; None: not yet, ask after more output."""


class CommandOptions(TypedDict, total=False):
    """What `run` takes beside the arguments; see `Command`."""

    stdin: bytes | Readable | None
    timeout: float | None
    environment: Mapping[str, str]
    cwd: str | None
    user: str | None
    merged: bool
    output_limit: int
    warm: bool
    cancellation: Cancellation | None


class Cancellation:
    """A way to end a run from another thread, or from an event loop; for one run.

    To cancel before the run begins, after it has ended, or twice, is harmless.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = False
        self._act: Callable[[], None] | None = None

    def cancel(self) -> None:
        """End every process of the run. Returns at once; the run then gives its result."""
        with self._lock:
            self._asked = True
            act = self._act
        if act is not None:
            act()

    def follow(self, act: Callable[[], None] | None) -> None:
        """For the one who runs: what to do when asked; None when the run is over."""
        with self._lock:
            self._act = act
            due = self._asked and act is not None
        if due and act is not None:
            act()


@dataclass(frozen=True, slots=True)
class Command:
    """One program: its arguments, and the world that it sees.

    `stdin`: its input, or what it is read from; None is an empty one. `timeout`: seconds, after
    which the program and all that it started are ended. `environment` is added to the container's.
    `cwd`: None is the container's working directory. `user`: `uid[:gid]` or a name in the image;
    None is the container's. `merged`: standard error goes into standard output, in true order.
    `warm`: `argv` is `python FILE [ARGUMENTS]`, and may run in a fork of the container's warm
    interpreter, which makes no difference but in speed.
    """

    argv: tuple[str, ...]
    stdin: bytes | Readable | None = None
    timeout: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    user: str | None = None
    merged: bool = False
    output_limit: int = OUTPUT_LIMIT
    warm: bool = False
    cancellation: Cancellation | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How a program ended.

    `exit_code` is the program's own, 128 + n after signal n, or 124 with `timed_out` when the limit
    ended it. `seconds` is how long it ran. `truncated`: the middle of an output is missing.
    `cancelled`: it was ended by its `Cancellation`. `oom_killed`: the kernel killed its
    program, or, where nothing ran beside it, any of its processes, because the container's memory
    had run out.
    """

    argv: tuple[str, ...]
    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool
    truncated: bool = False
    cancelled: bool = False
    oom_killed: bool = False


class Capture:
    """The head and the tail of a stream, in bounded memory."""

    def __init__(self, limit: int) -> None:
        self._head = bytearray()
        self._head_limit = limit - limit // 2
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._tail_limit = limit // 2
        self._dropped = False

    def add(self, data: bytes) -> None:
        room = self._head_limit - len(self._head)
        self._head += data[:room]
        rest = data[room:]
        if rest:
            self._tail.append(rest)
            self._tail_size += len(rest)
        # Whole pieces go while what is left still fills the limit: no copying per piece.
        while self._tail and self._tail_size - len(self._tail[0]) >= self._tail_limit:
            self._tail_size -= len(self._tail.popleft())
            self._dropped = True

    @property
    def truncated(self) -> bool:
        return self._dropped or self._tail_size > self._tail_limit

    def value(self) -> bytes:
        """The stream; where it was too long, with a line in the middle that says so."""
        tail = b"".join(self._tail)
        if not self.truncated:
            return bytes(self._head) + tail
        kept = tail[len(tail) - self._tail_limit :]
        return bytes(self._head) + b"\n[... output truncated ...]\n" + kept
