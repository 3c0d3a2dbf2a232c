"""Standard output that can be full.

Hidden here: where a failed write is told apart from all other errors of the system, and that what
Python still holds for it is said to nobody, so that it complains no more, not even at its end.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class OutputError(ToolkitError):
    """Standard output takes nothing more."""


class _Output(io.FileIO):
    """The descriptor of standard output, which raises OutputError, once."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:  # nobody reads any more, which is no failure to be told
            raise
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            raise OutputError(
                f"standard output cannot be written: {error.strerror}",
                hint="make room where it goes, or send it elsewhere",
            ) from error


def guard() -> None:
    """Have standard output say that it is full in our words."""
    out = sys.stdout
    if not isinstance(out, io.TextIOWrapper):
        return
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Output(out.fileno(), "w", closefd=False)),
        encoding=out.encoding,
        errors=out.errors,
        line_buffering=out.line_buffering,
        write_through=out.write_through,
    )
