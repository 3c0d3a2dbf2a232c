"""A program that stays: it is asked, answers, and waits to be asked again.

Hidden here: that whoever asks gives it up when its answer is cut short, for nobody could tell
afterwards which question the next word answers.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from toolkit.worker.conversation import Conversation, OnOutput
from toolkit.worker.result import Readable, Result


class Standing:
    """One such program, from its start on. For one thread at a time."""

    def __init__(
        self,
        talk: Conversation,
        *,
        understood: Callable[[], AbstractContextManager[None]],
        end: Callable[[], None],
    ) -> None:
        """`understood` turns what is no answer into an error of ours."""
        self._talk = talk
        self._understood = understood
        self._end = end

    def ask(
        self,
        source: Readable,
        on_output: OnOutput,
        *,
        is_done: Callable[[], bool],
        patience: Callable[[], float],
    ) -> Result | None:
        """Have it read the source until it `is_done`; its result where it has ended before.

        `patience` is how many seconds it may say nothing from now on. Raises ExecTimeoutError after
        them, ExecError, DiedError. After any exception, it is ended.
        """
        result = None
        try:
            with self._understood():
                result = self._talk.ask(source, on_output, is_done=is_done, patience=patience)
        except BaseException:
            self.end()
            raise
        if result is not None:
            self.end()
        return result

    def end(self) -> None:
        """End it and what it started, in its own time. Idempotent."""
        self._end()
