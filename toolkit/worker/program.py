"""A program to be run: its arguments, and the world that it sees.

Runs inside the container, as part of the worker and of what it forks. Written for Python 3.8,
standard library only: see protocol.py.

Hidden here: that a process becomes it or starts it beside itself, and that what cannot be run is
found, and said, alike in both.
"""

# ruff: noqa: PTH103, PTH116, PTH120 - pathlib takes longer to import than a program to start
from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import NoReturn

LONGEST = 1 << 15
"""Bytes of a told program: a pipe that nobody has read yet takes them at once."""
_UNFIT = 126
"""The exit code of what is there and cannot be run."""
_LENGTH = struct.Struct("!I")
_COPY = 1 << 16
_REQUESTS = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM),
    *(signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2),
)
"""Signals by which programs are asked to end, or to do something."""


class Program:
    """What is to be run: a program by its arguments, or (`path`) standard input into a file.

    `feed`: it has an input. `merged`: one pipe for both outputs.
    """

    __slots__ = ("argv", "cwd", "env", "feed", "merged", "mode", "path")

    def __init__(self, argv: Sequence[str], cwd: str, env: Mapping[str, str]) -> None:
        self.argv = list(argv)
        self.cwd = cwd
        self.env = env
        self.path = ""
        self.mode = 0o644
        self.feed = self.merged = False

    def tell(self, env: Mapping[str, str]) -> bytes:
        """The program as bytes, with these variables. Raises ValueError for a NUL in a text."""
        head = [self.cwd, self.path, str(self.mode), "f" * self.feed, "m" * self.merged]
        variables = [f"{key}={text}" for key, text in env.items()]
        texts = [os.fsencode(text) for text in [*head, str(len(self.argv)), *self.argv, *variables]]
        if any(b"\0" in text for text in texts):
            raise ValueError("an argument or a variable contains a NUL")
        body = b"\0".join(texts)
        return _LENGTH.pack(len(body)) + body

    @classmethod
    def hear(cls, descriptor: int) -> Program:
        """Wait until one is told there. Ends the process when nobody is left to tell.

        What other code of this uid has asked everybody to do meanwhile is not for who comes now; it
        must not be told just as it ends of that.
        """
        before = [(number, signal.signal(number, signal.SIG_IGN)) for number in _REQUESTS]
        program = cls.read(descriptor, {})
        for number, handler in before:
            signal.signal(number, handler)
        return program

    @classmethod
    def read(cls, descriptor: int, env: Mapping[str, str]) -> Program:
        """The same, for a process that hears no signal; it has these variables, too."""
        data = b""
        while len(data) < _LENGTH.size or len(data) < _LENGTH.size + _LENGTH.unpack_from(data)[0]:
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                os._exit(0)
            data += piece
        texts = [os.fsdecode(text) for text in data[_LENGTH.size :].split(b"\0")]
        cwd, path, mode, feed, merged, count = texts[:6]
        last = 6 + int(count)
        own = dict(text.partition("=")[::2] for text in texts[last:])
        program = cls(texts[6:last], cwd, {**env, **own})
        program.path, program.mode = path, int(mode)
        program.feed, program.merged = bool(feed), bool(merged)
        return program

    def connect(self) -> None:
        """For a child that has pipes for everything: keep those that are wanted."""
        if self.merged:
            os.dup2(1, 2)
        if not self.feed:
            empty = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            os.dup2(empty, 0)
            os.close(empty)

    def start(self) -> NoReturn:
        """Become the program. For a child that is the right user already; does not return."""
        code = _UNFIT
        try:
            os.chdir(self.cwd)
            if self.path:
                _store(self.path, self.mode)
                code = 0
            else:
                self._anywhere(lambda path: os.execve(path, self.argv, self.env))  # noqa: S606
        except OSError as error:
            code = self._complain(2, error)
        finally:
            os._exit(code)

    def launch(self, streams: Sequence[int], defaults: Iterable[int]) -> int:
        """Start it beside this process, which lends it a user and is then in its folder; its pid.

        `streams` are its input, output and errors; `defaults` the signals that it has as after a
        boot. What cannot be the program is an exit code, negative, and has been said on its errors.
        Raises OSError when no process is left.
        """
        places: list[tuple[object, ...]] = [
            (os.POSIX_SPAWN_DUP2, stream, place) for place, stream in enumerate(streams)
        ]
        if not self.feed:
            places[0] = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        if self.merged:
            places[2] = (os.POSIX_SPAWN_DUP2, 1, 2)

        def run(path: str) -> int:
            return os.posix_spawn(
                path,
                self.argv,
                self.env,
                file_actions=places,
                setsid=True,
                setsigmask=(),
                setsigdef=defaults,
            )

        try:
            os.chdir(self.cwd)
            return self._anywhere(run)
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.ENOMEM}:
                raise
            return -self._complain(streams[1 if self.merged else 2], error)
        except ValueError:  # a name that is empty
            return -_UNFIT

    def _anywhere(self, run: Callable[[str], int]) -> int:
        """Find the program on its own PATH. Not os.execvpe, which imports modules on its way."""
        name = self.argv[0]
        folders = [""] if "/" in name else self.env.get("PATH", os.defpath).split(":")
        missed: OSError = FileNotFoundError(errno.ENOENT, "not found")
        for folder in folders:
            path = folder + "/" + name if folder else name
            try:
                if folder:
                    os.stat(path)  # cheaper than to try
                return run(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except PermissionError as error:  # perhaps a folder of that name; look further
                missed = error
        raise missed

    def _complain(self, errors: int, error: OSError) -> int:
        """Say there why it is not run; the exit code."""
        subject = self.cwd if error.filename == self.cwd else self.path or self.argv[0]
        with contextlib.suppress(OSError):
            os.write(errors, os.fsencode(f"{subject}: {error.strerror}\n"))
        return 127 if error.errno == errno.ENOENT else _UNFIT


def _store(path: str, mode: int) -> None:
    """Standard input into a file; its folder is made where it is missing."""
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
    target = os.open(path, flags, mode)
    if not stat.S_ISREG(os.fstat(target).st_mode):  # a pipe that nobody reads, a device
        raise OSError(errno.EINVAL, "it is no file")
    os.ftruncate(target, 0)
    while True:
        data = os.read(0, _COPY)
        if not data:
            break
        while data:
            data = data[os.write(target, data) :]
    os.close(target)
