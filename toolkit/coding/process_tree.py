"""One program on this machine, and the end of it together with all that it started.

Hidden here: the supervisor below which it runs (`supervised`), as in a container, and, where a
platform has none of what that needs, the process group, which a program can leave. Standard input
is empty. What outlives the program itself is left alone, unless it was ended.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Final

from toolkit.errors import ExecError
from toolkit.worker.result import Capture, Command, Result, Stream
from toolkit.worker.supervisor import END, GRACE, RELEASE, Account

OnOutput = Callable[[Stream, bytes], None]

_CHUNK: Final = 1 << 16
_TIMED_OUT: Final = 124
_LOST: Final = 128 + signal.SIGKILL
_PATIENCE: Final = GRACE + 13.0
"""Seconds after which a supervisor that was told to end the program is taken for lost."""
_PIPEFUL: Final = 16
"""Reads that empty a pipe, however large one may make it."""
_KIND: Final = "tree" if sys.platform == "linux" else "group"


def run(command: Command, *, on_output: OnOutput | None = None) -> Result:
    """Run a program to its end, with no other environment than the command's.

    What it does is a result; raises ExecError when nothing could be started. An exception in this
    thread, Ctrl-C too, ends the program and all that it started before it goes on.
    """
    tree = _Tree(command, on_output)
    try:
        tree.start()
        if command.cancellation is not None:
            command.cancellation.follow(tree.cancel)
        return tree.result()
    finally:
        if command.cancellation is not None:
            command.cancellation.follow(None)
        tree.close()


class _Tree:
    """A program, its supervisor, and the pipes to both."""

    def __init__(self, command: Command, on_output: OnOutput | None) -> None:
        self._command = command
        self._on_output = on_output
        self._captures: dict[Stream, Capture] = {
            "stdout": Capture(command.output_limit),
            "stderr": Capture(command.output_limit),
        }
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._deadline = None if command.timeout is None else self._started + command.timeout
        self._code: int | None = None
        self._heard = b""
        self._timed_out = self._cancelled = self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._process: subprocess.Popen[bytes] | None = None
        self._orders = self._reports = -1
        self._outputs: dict[int, Stream] = {}

    def start(self) -> None:
        """Start it, below its supervisor."""
        self._process, self._orders, self._reports = _start(self._command)
        for stream in ("stdout", "stderr"):
            pipe = getattr(self._process, stream)
            if pipe is not None:
                self._outputs[pipe.fileno()] = stream
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe, selectors.EVENT_READ)
        self._selector.register(self._reports, selectors.EVENT_READ)

    def cancel(self) -> None:
        """End everything; from any thread."""
        with self._lock:
            self._cancelled = self._cancelled or not self._stopping
            self._stop()

    def result(self) -> Result:
        """Pass its output on until it has ended."""
        while not self._is_over():
            for key, _ in self._selector.select(self._patience()):
                if key.fd == self._reports:
                    self._hear()
                else:
                    self._read(key.fd)
            self._expire()
        code = _LOST if self._code is None else self._code
        return Result(
            argv=self._command.argv,
            exit_code=_TIMED_OUT if self._timed_out else code,
            stdout=self._captures["stdout"].value(),
            stderr=self._captures["stderr"].value(),
            seconds=time.monotonic() - self._started,
            timed_out=self._timed_out,
            truncated=any(capture.truncated for capture in self._captures.values()),
            cancelled=self._cancelled,
        )

    def close(self) -> None:
        """Let go. What has not ended by now is killed: a supervisor without orders does that."""
        with self._lock:
            if self._code is not None and not self._stopping:
                self._order(RELEASE)
            self._close_orders()
        self._selector.close()
        if self._process is None:
            return
        os.close(self._reports)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:  # the program has stopped it
            self._process.kill()
            self._process.wait()

    def _is_over(self) -> bool:
        is_quiet = not self._outputs and self._code is not None
        return is_quiet and not (self._stopping and self._orders >= 0)

    def _patience(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _expire(self) -> None:
        """Act on the limit."""
        if self._deadline is None or time.monotonic() < self._deadline:
            return
        self._deadline = None
        with self._lock:
            if not self._stopping:  # also when the program has ended, and others hold its output
                self._timed_out = True
                self._stop()
                return
        self._let_go()

    def _let_go(self) -> None:
        """The supervisor is gone, or does not obey: take what is in the pipes."""
        self._code = _LOST if self._code is None else self._code
        for descriptor in list(self._outputs):
            for _ in range(_PIPEFUL):
                if not self._read(descriptor):
                    break
            self._drop(descriptor)
        with self._lock:
            if self._stopping:
                self._close_orders()

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._deadline = time.monotonic() + _PATIENCE
            self._order(END)

    def _order(self, order: bytes) -> None:
        if self._orders >= 0:
            with contextlib.suppress(OSError):  # it is gone: then its reports end now
                os.write(self._orders, order)

    def _close_orders(self) -> None:
        if self._orders >= 0:
            os.close(self._orders)
            self._orders = -1

    def _hear(self) -> None:
        """The supervisor reports its pid, the exit code, or its own end."""
        data = os.read(self._reports, 64)
        self._heard += data
        account = Account(self._heard)
        if self._code is None:
            self._code = account.code
        if not data:
            self._selector.unregister(self._reports)
            if self._code is None and account.child:
                _end_group(account.child)
            self._let_go()

    def _read(self, descriptor: int) -> bool:
        """Whether there was some output."""
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._drop(descriptor)
            return False
        stream = self._outputs[descriptor]
        self._captures[stream].add(data)
        if self._on_output is not None:
            self._on_output(stream, data)
        return True

    def _drop(self, descriptor: int) -> None:
        if self._outputs.pop(descriptor, None) is not None:
            self._selector.unregister(descriptor)


def _end_group(child: int) -> None:
    """End what is left of a program that killed its supervisor, as far as it can be known."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getsid(child) == child:
            os.killpg(child, signal.SIGKILL)


def _start(command: Command) -> tuple[subprocess.Popen[bytes], int, int]:
    """The supervisor, and our ends of the pipes for orders and reports."""
    theirs, orders = os.pipe()
    reports, told = os.pipe()
    try:
        folder = str(resources.files("toolkit.worker"))
        script = str(Path(__file__).with_name("supervised.py"))
        start = [sys.executable, "-I", "-S", script, _KIND, folder]
        start.append(command.environment.get("LC_CTYPE", ""))
        process = subprocess.Popen(
            [*start, str(theirs), str(told), *command.argv],
            cwd=command.cwd,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if command.merged else subprocess.PIPE,
            bufsize=0,
            pass_fds=(theirs, told),
            start_new_session=True,  # the terminal's Ctrl-C is the application's
        )
    except OSError as error:
        os.close(orders)
        os.close(reports)
        raise ExecError(
            f"program {command.argv[0]!r} could not be started: {error.strerror}",
            hint="look whether the work dir exists, and how many processes there are",
        ) from error
    finally:
        os.close(theirs)
        os.close(told)
    return process, orders, reports
