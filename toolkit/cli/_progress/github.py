"""A build in the log of GitHub Actions: each step's output a group that can be unfolded.

Hidden here: that steps run side by side while groups do not nest. One step at a time has the group,
the others' last lines wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from toolkit.builder import Event
from toolkit.cli import _github, printable
from toolkit.cli._progress import words
from toolkit.cli._progress.display import Display
from toolkit.cli._progress.plain import Plain

_WAITING_LINES: Final = 5000


class Groups(Display):
    """Groups with every line of every step, between plain lines."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._plain = Plain(lambda line: write(_github.inert(line)), verbose=False)
        self._open: str | None = None
        self._waiting: dict[str, deque[str]] = {}
        self._over: dict[str, Event] = {}

    def __call__(self, event: Event) -> None:
        from toolkit.engine.buildkit import StepCompleted, StepFailed, StepLog

        match event:
            case StepLog(name=name, line=line):
                self._log(name, line)
            case StepCompleted(name=name) | StepFailed(name=name):
                self._finished(name, event)
            case _:
                self._plain(event)

    def end(self, *, well: bool) -> None:  # noqa: ARG002 - the display's signature
        """Close the group, and give out what still waits."""
        self._close()
        for name in list(self._waiting):
            self._group(name)
            self._close()

    def _log(self, name: str, line: str) -> None:
        if self._open in {None, name}:
            self._group(name)
            self._say(line)
        else:
            waiting = self._waiting.setdefault(name, deque(maxlen=_WAITING_LINES))
            waiting.append(line)

    def _finished(self, name: str, event: Event) -> None:
        if self._open not in {None, name}:
            self._over[name] = event  # its turn comes when the open one is over
            return
        if name in self._waiting:
            self._group(name)
        self._close()
        self._plain(event)
        while self._over:
            other = next(iter(self._over))
            ended = self._over.pop(other)
            if other in self._waiting:
                self._group(other)
                self._close()
            self._plain(ended)

    def _group(self, name: str) -> None:
        if self._open != name:
            self._close()
            self._open = name
            self._write(_github.group(words.title(name)))
        for line in self._waiting.pop(name, ()):
            self._say(line)

    def _close(self) -> None:
        if self._open is not None:
            self._write(_github.END_GROUP)
            self._open = None

    def _say(self, line: str) -> None:
        self._write(_github.inert(printable(line)))
