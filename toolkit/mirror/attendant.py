"""The helper in the container, as it is wanted: there when asked, and again when it is no more.

Hidden here: how it is started, and that it lives in the code's hands. What has ended, or is held
up, before it began to answer has done nothing, and another is asked; after anything else that goes
wrong it is ended, for it may know something else than we do.
"""

from __future__ import annotations

import contextlib
import time
from types import TracebackType
from typing import Final, Self

from toolkit.container import Container
from toolkit.errors import ExecError, ExecTimeoutError
from toolkit.mirror.conversation import Talk
from toolkit.mirror.program import NO_FILE, source, ways
from toolkit.mirror.records import BrokenError
from toolkit.worker.result import Result
from toolkit.worker.standing import Standing

_SECONDS: Final = 600.0
_PATIENCE: Final = 5.0
"""Seconds in which one that waits says that it has heard."""
_LAST_WORDS: Final = 4096


class Attendant:
    """The one helper of a container. For one thread at a time, which enters it for each question.

    To leave it by an exception ends the helper: what it said may not have been noted.
    """

    def __init__(self, container: Container, *, python: str) -> None:
        self._container = container
        self._python = python
        self._helper: Standing | None = None
        self._installed = False
        self.informed = False
        """Whether the helper has told all that there is, and we have noted it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._drop()

    def ask(self, talk: Talk, *, anew: bool = False) -> Result | None:
        """Have it answer; a result is of one that has ended before it was done.

        `anew`: we know of nothing there, so that one which has just begun knows as much as we do.
        Raises ExecError, DiedError, BrokenError, and what `talk` does.
        """
        try:
            result = self._answer(talk, anew=anew)
        except BaseException:
            self._drop()
            raise
        if result is not None:
            self._drop()
        return result

    def _answer(self, talk: Talk, *, anew: bool) -> Result | None:
        if self._helper is not None:
            with contextlib.suppress(ExecTimeoutError):
                result = self._asked(self._helper, talk, _PATIENCE)
                if result is None or talk.has_begun:
                    return result
            self._drop()
        self._install()
        result = None
        for way in ways(self._python):
            argv = [*way, self._container.copied_to or ""]
            self._helper = self._container.start(argv, output_limit=_LAST_WORDS)
            self.informed = anew
            result = self._asked(self._helper, talk, _SECONDS)
            if result is None or result.exit_code != NO_FILE or talk.has_begun:
                break
        return result

    def _install(self) -> None:
        if not self._installed:
            path, text = source()
            with contextlib.suppress(ExecError):  # there is another way
                self._container.write(path, text.encode())
            self._installed = True

    def _asked(self, helper: Standing, talk: Talk, patience: float) -> Result | None:
        """Raises ExecTimeoutError for one that has done nothing yet, and may not come to it."""
        begun = time.monotonic()

        def left() -> float:
            limit = _SECONDS if talk.has_begun else patience
            return max(0.0, begun + limit - time.monotonic())

        talk.begin(informed=self.informed)
        try:
            return helper.ask(talk, talk.take, is_done=lambda: talk.is_done, patience=left)
        except ExecTimeoutError as error:
            if not talk.has_begun and patience < _SECONDS:
                raise
            raise BrokenError(f"the helper was not done within {_SECONDS:g} s") from error

    def _drop(self) -> None:
        helper, self._helper, self.informed = self._helper, None, False
        if helper is not None:
            helper.end()
