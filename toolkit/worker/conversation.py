"""One run, seen from the thread that waits for it: output taken, input given, credit kept.

Hidden here: who may send how much, and how patient one is with a worker that says nothing.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Final

from toolkit.errors import ExecError
from toolkit.worker import answer as answers
from toolkit.worker import protocol
from toolkit.worker.protocol import Frame, grant
from toolkit.worker.result import Capture, Command, Readable, Result, Stream

OnOutput = Callable[[Stream, bytes], None]

_STREAMS: Final[dict[int, Stream]] = {protocol.STDOUT: "stdout", protocol.STDERR: "stderr"}
_GRANT: Final = protocol.OUTPUT_WINDOW // 4
_PIECE: Final = protocol.INPUT_WINDOW // 4
_SILENCE: Final = 60.0
"""Seconds past a run's limit after which a worker that says nothing is taken for broken."""


class Conversation:
    """One run, seen from the thread that waits for it."""

    def __init__(
        self,
        number: int,
        command: Command,
        *,
        send: Callable[[Frame], None],
        receive: Callable[[float | None], Frame],
    ) -> None:
        """`receive` waits so many seconds for the next frame of this run."""
        self._number = number
        self._send = send
        self._receive = receive
        self._command = command
        given = command.stdin
        self._input = io.BytesIO(given) if isinstance(given, bytes | bytearray) else given
        self._credit = protocol.INPUT_WINDOW
        self._owed = 0

    def hold(self, on_output: OnOutput | None) -> Result:
        """Go on until the program has ended."""
        timeout = self._command.timeout
        patience = None if timeout is None else timeout + _SILENCE
        captures = self._captures()
        while True:
            if end := self._next(on_output, captures, patience):
                return self._result(end, captures)

    def ask(
        self,
        source: Readable,
        on_output: OnOutput,
        *,
        is_done: Callable[[], bool],
        patience: Callable[[], float],
    ) -> Result | None:
        """Go on until it `is_done`, with this input; the result where the program ended before.

        `source` never ends: nothing is for now, too. `patience` is how many seconds it may say
        nothing from now on.
        """
        self._input = source
        captures = self._captures()
        while not is_done():
            if end := self._next(on_output, captures, patience()):
                return self._result(end, captures)
        self._input = None
        return None

    def _captures(self) -> dict[str, Capture]:
        limit = self._command.output_limit
        return {"stdout": Capture(limit), "stderr": Capture(limit)}

    def _next(
        self,
        on_output: OnOutput | None,
        captures: Mapping[str, Capture],
        patience: float | None,
    ) -> Frame | None:
        """Send and hear what there is next; the frame with which the run ends."""
        self._feed()
        frame = self._receive(patience)
        if frame.kind in _STREAMS:
            name = _STREAMS[frame.kind]
            captures[name].add(frame.payload)
            if on_output is not None:
                on_output(name, frame.payload)
            self._repay(len(frame.payload))
        elif frame.kind == protocol.CREDIT:
            self._credit += frame.amount()
        else:
            return frame
        return None

    def _result(self, frame: Frame, captures: Mapping[str, Capture]) -> Result:
        if frame.kind == protocol.FAILED:
            words = answers.failure(frame)
            raise ExecError(
                f"{self._command.argv[0]!r} could not be started: {words}",
                hint="end processes of the container, or raise its limits",
            )
        end = answers.exited(frame)
        return Result(
            argv=self._command.argv,
            exit_code=end.code,
            stdout=captures["stdout"].value(),
            stderr=captures["stderr"].value(),
            seconds=end.seconds,
            timed_out=end.timed_out,
            truncated=any(capture.truncated for capture in captures.values()),
            cancelled=end.stopped,
            oom_killed=end.oom_killed,
        )

    def _feed(self) -> None:
        """Send as much input as the worker has room for, and is there, then its end.

        Never a small piece because there is little room just now: that would be granted again as
        little room, and so on to the end of the input.
        """
        while self._input is not None and self._credit >= _PIECE:
            piece = self._input.read(_PIECE)
            if piece is None:
                return
            if not piece:
                self._input = None
                self._send(Frame(protocol.INPUT_END, self._number))
                return
            self._credit -= len(piece)
            self._send(Frame(protocol.INPUT, self._number, piece))

    def _repay(self, amount: int) -> None:
        self._owed += amount
        if self._owed >= _GRANT:
            self._send(grant(self._number, self._owed))
            self._owed = 0
