"""The program: `toolkit`, and `python -m toolkit`."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
import warnings
from types import FrameType
from typing import Final

INTERRUPTED: Final = 130
_PATIENCE: Final = 3.0
"""Seconds for which Ctrl-C is not heard again: the tidying up takes less."""


def main() -> None:
    """Run the command line."""
    # A command lives for moments and makes no cycles worth collecting; scanning all that the
    # imports made, again and again, takes a twentieth of its time.
    gc.set_threshold(100_000)
    # docker-py warns of a credential helper that is missing; the error tells all of it.
    warnings.filterwarnings("ignore", module=r"docker\.credentials")
    _open_closed_streams()
    _interrupt_once()
    try:
        from toolkit.cli import _output
        from toolkit.cli import main as command

        _output.guard()
        command()
    except KeyboardInterrupt:  # before there was a command to be interrupted
        sys.exit(INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the interpreter's end is nobody's business


def _open_closed_streams() -> None:
    """Let what was closed, as by `2>&-`, lead nowhere: else a socket would become stderr."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            # The lowest number that is free is the one that was closed.
            opened = os.open(os.devnull, os.O_RDONLY if mode == "r" else os.O_WRONLY)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def _interrupt_once() -> None:
    """Let Ctrl-C end the work, and let no impatient second one end what tidies up after it."""
    heard = -_PATIENCE

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal heard
        now = time.monotonic()
        if now - heard >= _PATIENCE:
            heard = now
            raise KeyboardInterrupt

    # A shell's background job has it ignored, and so it stays.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)


if __name__ == "__main__":
    main()
