"""The client's end of the worker: programs run, from several threads at once, over one stream.

Hidden here: the frames, the credit, and the one thread that reads. A program's output is handed to
`on_output` in the thread that called `run`; when that is slow, the program waits, not our memory.
The end of the stream ends every run with a `DiedError`, at once.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from toolkit.engine.stream import ByteStream
from toolkit.engine.wire import AttachDecoder
from toolkit.errors import (
    DiedError,
    EngineError,
    ExecError,
    ExecTimeoutError,
    Hint,
    NotRunningError,
    StartError,
)
from toolkit.worker import answer as answers
from toolkit.worker import boot, protocol
from toolkit.worker.answer import Ready
from toolkit.worker.conversation import Conversation, OnOutput
from toolkit.worker.heartbeat import Heartbeat
from toolkit.worker.protocol import Frame, FrameDecoder, ProtocolError, report
from toolkit.worker.result import Cancellation, Command, Result
from toolkit.worker.standing import Standing

_LAST_WORDS: Final = 4096
ENDED_EARLY: Final = "ended before its worker answered"
_STRANGER: Final = Hint("use an image whose `python3` is a Python", check="image.contents")
_SET_UP: Final = Hint("correct what it says, or use another image", check="image.contents")
_BUSY: Final = Hint(
    "give it more time (start_timeout), or look why the engine is slow", check="engine.latency"
)
_ANOTHER: Final = "start another container"
_KILLED: Final = 137
"""The exit code of SIGKILL."""
_MOST_WAITING: Final = 4 * protocol.OUTPUT_WINDOW
"""Bytes for one run that nobody has taken yet: a worker of ours keeps to its credit."""


class _Mailbox:
    """Frames for one conversation, in bounded memory."""

    def __init__(self) -> None:
        self._frames = queue.SimpleQueue[Frame | None]()
        self._lock = threading.Lock()
        self._waiting = 0

    def put(self, frame: Frame | None) -> None:
        if frame is not None and self._count(len(frame.payload) + 1) > _MOST_WAITING:
            raise ProtocolError("it sends more than it may")
        self._frames.put(frame)

    def get(self, timeout: float | None) -> Frame | None:
        frame = self._frames.get(timeout=timeout)
        if frame is not None:
            self._count(-len(frame.payload) - 1)
        return frame

    def _count(self, amount: int) -> int:
        with self._lock:
            self._waiting += amount
            return self._waiting


@dataclass(frozen=True, slots=True)
class Setup:
    """What the worker is told before the first program; see protocol.py.

    `programs` are looked for on the code's PATH. `persist`: the end of the stream is not the end.
    `scratch`: `cwd` is memory of the container's own, to be opened to the code.
    `ttl`: seconds of silence after which it is, and after which the worker is taken for lost.
    `warm`: start the warm interpreter now; `preload`: the modules that it imports before READY.
    """

    cwd: str
    user: str | None = None
    programs: Sequence[str] = ()
    persist: bool = False
    scratch: bool = False
    ttl: float | None = None
    warm: bool = False
    preload: Sequence[str] = ()


class Channel:
    """One worker. `close` ends it, and with it the container; after that every run raises."""

    def __init__(
        self, stream: ByteStream, *, name: str, died: Callable[[str], DiedError] | None = None
    ) -> None:
        """`died` makes the error for a stream that ended, from the worker's last words."""
        self._stream = stream
        self._name = name
        self._died = died or (lambda words: DiedError(f"{name} ended: {words}", hint=_ANOTHER))
        self._numbers = itertools.count(1)
        self._mailboxes: dict[int, _Mailbox] = {0: _Mailbox()}
        self._lock = threading.Lock()
        self._over = False
        self._closed = False
        self._words = bytearray()
        self._heartbeat = Heartbeat(ping=self._ping, lost=self._lost)
        self._reader = threading.Thread(target=self._read, name=f"toolkit {name}", daemon=True)

    def open(self, setup: Setup, *, timeout: float) -> Ready:
        """Send the worker and wait until it answers. Raises StartError when it does not."""
        self._reader.start()
        fields = {
            "user": setup.user,
            "cwd": setup.cwd,
            "persist": setup.persist,
            "programs": list(setup.programs),
            "scratch": setup.scratch,
            "ttl": setup.ttl,
            "warm": setup.warm,
            "preload": list(setup.preload),
        }
        request = report(protocol.CONFIGURE, 0, fields).encode()
        deadline = time.monotonic() + timeout
        try:
            magic = answers.hello(self._first_answer(deadline, timeout))
            with contextlib.suppress(EngineError):  # the reader knows more about why
                self._stream.send(boot.source(magic) + request)
            answer = self._first_answer(deadline, timeout)
            if answer.kind == protocol.FAILED:
                raise StartError(
                    f"{self._name} cannot be set up: {answers.failure(answer)}", hint=_SET_UP
                )
            ready = answers.ready(answer)
        except ProtocolError as error:
            raise StartError(
                f"{self._name} did not answer as a worker does: {error}",
                hint=_STRANGER,
            ) from error
        self._heartbeat.start(setup.ttl)
        return ready

    def _first_answer(self, deadline: float, timeout: float) -> Frame:
        """Wait for the next word of a worker that is starting."""
        try:
            answer = self._mailboxes[0].get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise StartError(
                f"the worker in {self._name} did not answer within {timeout:g} s", hint=_BUSY
            ) from None
        if answer is None:
            raise StartError(self._why_not_started(), hint=_SET_UP)
        return answer

    def run(self, command: Command, *, on_output: OnOutput | None = None) -> Result:
        """Run a program to its end. What it does is a result; raises only for broken machinery.

        An exception in this thread, Ctrl-C too, has the program ended, and does not wait for it.
        """
        return self._perform(command, _fields(command), on_output)

    def start(self, command: Command) -> Standing:
        """Start a program that stays until it ends by itself, or is ended, or we are.

        Its input is what it is asked; `timeout` and `cancellation` are for runs.
        """
        number, mailbox = self._enter()
        try:
            talk = self._begin(
                command, {**_fields(command), "feed": True, "stands": True}, number, mailbox
            )
        except BaseException:
            self._leave(number)
            raise
        return Standing(talk, understood=self._understood, end=lambda: self._end(number))

    def write(self, path: str, data: bytes, *, mode: int = 0o644, user: str | None = None) -> None:
        """Write a file as `user`, else the code; relative means to the working directory."""
        fields = {"write": path, "mode": mode, "user": user, "merged": True, "feed": True}
        command = Command(("write", path), stdin=data)
        result = self._perform(command, fields, None)
        if result.exit_code == _KILLED:  # by other code of this user, perhaps before it had begun
            result = self._perform(command, fields, None)
        if result.exit_code:
            words = result.stdout.decode("utf-8", "replace").strip()
            words = words or f"what writes it ended with exit code {result.exit_code}"
            raise ExecError(
                f"file {path!r} cannot be written in {self._name}: {words}",
                hint="name a file in a folder that the code may write to",
            )

    def reset(self, *, timeout: float) -> None:
        """End every process in the container but the worker."""
        with self._conversation() as (number, mailbox):
            self._send(Frame(protocol.RESET, number))
            answer = self._receive(mailbox, timeout)
            if answer.kind != protocol.RESET:
                raise ExecError(
                    f"{self._name} was not reset: {answers.failure(answer)}", hint=_ANOTHER
                )

    @property
    def is_alive(self) -> bool:
        """Whether the stream has not ended."""
        return not self._over

    def close(self) -> None:
        """End the stream, and wait until nobody reads it. Idempotent."""
        self._closed = True
        self._stream.close()
        if self._reader.is_alive() and self._reader is not threading.current_thread():
            self._reader.join(timeout=5.0)

    def close_after_fork(self) -> None:
        """In a forked child: forget the worker without ending it."""
        self._over = self._closed = True
        self._lock = threading.Lock()
        self._stream.close_after_fork()

    # One run.

    def _perform(
        self, command: Command, fields: Mapping[str, object], on_output: OnOutput | None
    ) -> Result:
        with self._conversation() as (number, mailbox):
            talk = self._begin(command, fields, number, mailbox)
            cancellation = command.cancellation or Cancellation()
            try:
                cancellation.follow(lambda: self._stop(number))
                return talk.hold(on_output)
            except (DiedError, ExecError):
                raise
            except BaseException:
                self._stop(number, discard=True)
                raise
            finally:
                cancellation.follow(None)

    def _begin(
        self, command: Command, fields: Mapping[str, object], number: int, mailbox: _Mailbox
    ) -> Conversation:
        try:
            request = report(protocol.RUN, number, fields).encode()
        except ProtocolError as error:
            raise ExecError(
                f"the arguments of {command.argv[0]!r} are too long",
                hint="pass large data on standard input or in a file",
            ) from error
        self._transmit(request)
        receive = functools.partial(self._receive, mailbox)
        return Conversation(number, command, send=self._send, receive=receive)

    def _stop(self, number: int, *, discard: bool = False) -> None:
        with contextlib.suppress(EngineError, DiedError, NotRunningError):
            self._send(report(protocol.STOP, number, {"discard": True} if discard else {}))

    def _end(self, number: int) -> None:
        """End a program that has stayed; nothing more is heard of it."""
        self._stop(number, discard=True)
        self._leave(number)

    @contextlib.contextmanager
    def _conversation(self) -> Iterator[tuple[int, _Mailbox]]:
        number, mailbox = self._enter()
        try:
            with self._understood():
                yield number, mailbox
        finally:
            self._leave(number)

    def _enter(self) -> tuple[int, _Mailbox]:
        number, mailbox = next(self._numbers), _Mailbox()
        with self._lock:
            if self._over:
                raise self._not_running()
            self._mailboxes[number] = mailbox
        return number, mailbox

    def _leave(self, number: int) -> None:
        with self._lock:
            self._mailboxes.pop(number, None)

    @contextlib.contextmanager
    def _understood(self) -> Iterator[None]:
        try:
            yield
        except ProtocolError as error:
            raise ExecError(
                f"{self._name} did not answer as a worker does: {error}",
                hint=_STRANGER,
            ) from error

    def _send(self, frame: Frame) -> None:
        self._transmit(frame.encode())

    def _transmit(self, data: bytes) -> None:
        try:
            self._stream.send(data)
        except EngineError:
            raise self._death() from None

    def _receive(self, mailbox: _Mailbox, timeout: float | None) -> Frame:
        try:
            frame = mailbox.get(timeout=timeout)
        except queue.Empty:
            raise ExecTimeoutError(
                f"the worker in {self._name} said nothing for {timeout:g} s",
                hint="restart the executor; the container may be paused",
            ) from None
        if frame is None:
            raise self._death()
        return frame

    # The reader.

    def _read(self) -> None:
        engine, frames = AttachDecoder(), FrameDecoder()
        try:
            while data := self._stream.recv(1 << 18):
                self._heartbeat.heard()
                for name, chunk in engine.feed(data):
                    if name == "stderr":
                        self._words += chunk
                        del self._words[:-_LAST_WORDS]
                        continue
                    for frame in frames.feed(chunk):
                        self._deliver(frame)
        except (EngineError, ProtocolError) as error:
            self._words += str(error).encode()
        finally:
            self._heartbeat.stop()
            with self._lock:
                self._over = True
                mailboxes = list(self._mailboxes.values())
            for mailbox in mailboxes:
                mailbox.put(None)

    def _deliver(self, frame: Frame) -> None:
        with self._lock:
            mailbox = self._mailboxes.get(frame.run)
        if mailbox is not None and frame.kind != protocol.PING:  # else: a run that was given up
            mailbox.put(frame)

    def _ping(self) -> None:
        self._send(Frame(protocol.PING))

    def _lost(self, silence: float) -> None:
        self._words += f"\nnothing was heard from it for {silence:g} s".encode()
        self._stream.close()

    # How it ended.

    def _not_running(self) -> NotRunningError | DiedError:
        if self._closed:
            return NotRunningError(f"{self._name} is closed", hint=_ANOTHER)
        return self._death()

    def _death(self) -> NotRunningError | DiedError:
        if self._closed:
            return NotRunningError(
                f"{self._name} was closed while a program ran in it", hint=_ANOTHER
            )
        return self._died(self._last_words())

    def _last_words(self) -> str:
        return bytes(self._words).decode("utf-8", "replace").strip()

    def _why_not_started(self) -> str:
        words = self._last_words()
        return words or f"{self._name} {ENDED_EARLY}"


def _fields(command: Command) -> dict[str, object]:
    """What the worker is told of it."""
    return {
        "argv": command.argv,
        "cwd": command.cwd,
        "env": dict(command.environment),
        "user": command.user,
        "timeout": command.timeout,
        "merged": command.merged,
        "feed": command.stdin is not None,
        "warm": command.warm,
    }
