"""What a worker reports, checked: the image's own Python says it, and that may be anything.

Hidden here: the fields of each report and their types. Pure; a report that does not hold what it
must is a ProtocolError, whatever is wrong with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from toolkit.worker import protocol
from toolkit.worker.protocol import Frame, ProtocolError

_Kind = TypeVar("_Kind", str, int, float, bool, dict[str, Any])


@dataclass(frozen=True, slots=True)
class Ready:
    """What the worker found: who the code is, and where its programs are (None: nowhere)."""

    python: str
    uid: int
    gid: int
    home: str
    programs: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exit:
    """How a run ended; see `Result`."""

    code: int
    seconds: float
    timed_out: bool
    stopped: bool
    oom_killed: bool


def hello(frame: Frame) -> bytes:
    """Read the magic number of the bytecode that it understands (PEP 3147)."""
    if frame.kind != protocol.HELLO:
        raise ProtocolError(f"it begins with a frame of kind {frame.kind}")
    return frame.payload


def ready(frame: Frame) -> Ready:
    """Read the answer to CONFIGURE."""
    fields = _fields(frame, protocol.READY)
    if _field(fields, "version", int) != protocol.VERSION:
        raise ProtocolError("it speaks another version of the protocol")
    programs = _field(fields, "programs", dict)
    if not all(path is None or isinstance(path, str) for path in programs.values()):
        raise ProtocolError("a program's path is no text")
    return Ready(
        python=_field(fields, "python", str),
        uid=_field(fields, "uid", int),
        gid=_field(fields, "gid", int),
        home=_field(fields, "home", str),
        programs=programs,
    )


def exited(frame: Frame) -> Exit:
    """Read a run's end."""
    fields = _fields(frame, protocol.EXIT)
    seconds = _field(fields, "seconds", float)
    if not math.isfinite(seconds):
        raise ProtocolError("field 'seconds' is not finite")
    return Exit(
        code=_field(fields, "code", int),
        seconds=seconds,
        timed_out=_field(fields, "timed_out", bool),
        stopped=_field(fields, "stopped", bool),
        oom_killed=_field(fields, "oom_killed", bool),
    )


def failure(frame: Frame) -> str:
    """Read why something could not be done."""
    return _field(_fields(frame, protocol.FAILED), "message", str)


def _fields(frame: Frame, kind: int) -> dict[str, Any]:
    if frame.kind != kind:
        raise ProtocolError(f"a frame of kind {frame.kind} came where {kind} was due")
    return frame.fields()


def _field(fields: Mapping[str, Any], name: str, kind: type[_Kind]) -> _Kind:
    value = fields.get(name)
    if type(value) is not kind:  # a bool is an int, too, and would pass for one
        raise ProtocolError(f"field {name!r} is no {kind.__name__}")
    return value
