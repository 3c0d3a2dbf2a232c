"""A build for programs: one JSON document a line, for every event and for how it failed.

ASCII only, so that whatever a step prints is inert and one document stays one line.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from toolkit.builder import Event
from toolkit.cli._progress.display import Display
from toolkit.errors import ToolkitError

VERSION: Final = 1

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Documents(Display):
    """One document an event: `{"version": 1, "event": "step-completed", …}`."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._shapes: dict[type, tuple[str, tuple[str, ...]]] = {}

    def __call__(self, event: Event) -> None:
        shape = self._shapes.get(type(event))
        if shape is None:  # a log has a million lines
            shape = self._shapes[type(event)] = _shape(type(event))
        kind, names = shape
        self._write(document(kind, {name: getattr(event, name) for name in names}))


def document(event: str, fields: Mapping[str, object]) -> str:
    """One line."""
    return json.dumps({"version": VERSION, "event": event, **fields}, default=_plain)


def failure(error: ToolkitError | KeyboardInterrupt) -> str:
    """The last document of a command that did not do what it was asked for."""
    if isinstance(error, KeyboardInterrupt):
        return document("interrupted", {})
    told = ("step", "reason", "log", "lines", "problems")
    known = {name: getattr(error, name) for name in told if getattr(error, name, None)}
    what = {
        "error": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "check": error.hint.check,
        "exit_code": error.exit_code,
    }
    return document("failed", what | known)


def _shape(event: type[Any]) -> tuple[str, tuple[str, ...]]:
    """What a kind of event is called, `StepCompleted` → `step-completed`, and what it holds."""
    name = _HUMP.sub("-", event.__name__.removesuffix("Event")).lower()
    return name, tuple(each.name for each in dataclasses.fields(event))


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)
