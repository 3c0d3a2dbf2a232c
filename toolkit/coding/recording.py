"""The output of one block: as much as a result may hold, and of more a log in the work dir.

Hidden here: that nothing is written to disk while the output fits, and that the log, too, ends
somewhere. It stands beside the block's file, so that the next block can search it.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from toolkit.coding.saving import OutsideError, create
from toolkit.worker.result import OUTPUT_LIMIT, Capture, Result, Stream

LOG_LIMIT: Final = 16
"""How many times the limit of a result a log may be long."""


def log_name(relative: str) -> str:
    """The name of a block's log, relative to the work dir as its file's is."""
    return f"{relative}.log"


class Recorder:
    """Takes output as it comes: `with Recorder(…) as record: run(…, on_output=record.add)`.

    `limit` is in bytes, for each stream; of more, the head and the tail are kept.
    """

    def __init__(self, work_dir: Path, relative: str, limit: int = OUTPUT_LIMIT) -> None:
        self._work_dir = work_dir
        self._relative = relative
        self._limit = limit
        self._captures: dict[Stream, Capture] = {
            "stdout": Capture(limit),
            "stderr": Capture(limit),
        }
        self._sizes = {"stdout": 0, "stderr": 0}
        self._log: BinaryIO | None = None
        self._room = LOG_LIMIT * limit
        self._overflowed = False
        self.log_file: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def add(self, stream: Stream, data: bytes) -> None:
        """Some more output."""
        self._sizes[stream] += len(data)
        if self._sizes[stream] > self._limit and not self._overflowed:
            self._open()
        self._write(data)
        self._captures[stream].add(data)

    def completed(self, result: Result) -> Result:
        """The result with what was recorded for its output."""
        return replace(
            result,
            stdout=self._captures["stdout"].value(),
            stderr=self._captures["stderr"].value(),
            truncated=any(capture.truncated for capture in self._captures.values()),
        )

    def _open(self) -> None:
        """Begin the log, with all that came before. Where it cannot be written there is none."""
        self._overflowed = True
        name = log_name(self._relative)
        with contextlib.suppress(OSError, OutsideError):
            relative, self._log = create(self._work_dir, name)
            self.log_file = str(self._work_dir / relative)
            for capture in self._captures.values():
                self._write(capture.value())

    def _write(self, data: bytes) -> None:
        if self._log is None:
            return
        try:
            self._log.write(data[: self._room])
            self._room -= len(data)
            if self._room < 0:
                self._log.write(b"\n[... the log ends here ...]\n")
                self._close()
        except OSError:  # the disk is full
            self._close()

    def _close(self) -> None:
        log, self._log = self._log, None
        if log is not None:
            with contextlib.suppress(OSError):
                log.close()
