"""BuildKit's StatusResponse as frozen values. Pure; the same message comes by every road."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from toolkit.engine.buildkit import wire

_NANO: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Vertex:
    """One node of the build as it stands; times are nanoseconds since the epoch, None = unset."""

    digest: str
    name: str = ""
    inputs: tuple[str, ...] = ()
    cached: bool = False
    started: int | None = None
    completed: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class VertexLog:
    """Output of a step, cut anywhere. `stream` is 1 (stdout) or 2 (stderr)."""

    vertex: str
    stream: int
    data: bytes


@dataclass(frozen=True, slots=True)
class VertexStatus:
    """One part of a step: a blob that is pulled, by its digest, or a sentence such as `naming to`.

    `current` and `total` are bytes, both 0 where nothing is counted.
    """

    vertex: str
    part: str
    current: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class VertexWarning:
    """What the engine has against the Dockerfile; `line` is 1-based, None where it names none."""

    vertex: str
    text: str
    url: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """What changed since the last one."""

    vertexes: tuple[Vertex, ...] = ()
    logs: tuple[VertexLog, ...] = ()
    statuses: tuple[VertexStatus, ...] = ()
    warnings: tuple[VertexWarning, ...] = ()


def decode(data: bytes) -> Status:
    """Read a StatusResponse; unknown fields are skipped, `WireError` for what is no message."""
    found = [(number, value) for number, value in wire.fields(data) if isinstance(value, bytes)]
    return Status(
        vertexes=tuple(_vertex(value) for number, value in found if number == 1),
        logs=tuple(_log(value) for number, value in found if number == 3),
        statuses=tuple(_part(value) for number, value in found if number == 2),
        warnings=tuple(_warning(value) for number, value in found if number == 4),
    )


def _vertex(data: bytes) -> Vertex:
    found = tuple(wire.fields(data))
    last = dict(found)
    return Vertex(
        digest=wire.text(last.get(1, b"")),
        inputs=_strings(found, 2),
        name=wire.text(last.get(3, b"")),
        cached=bool(last.get(4, 0)),
        started=_time(last.get(5)),
        completed=_time(last.get(6)),
        error=wire.text(last.get(7, b"")),
    )


def _strings(found: Iterable[tuple[int, int | bytes]], wanted: int) -> tuple[str, ...]:
    return tuple(wire.text(value) for number, value in found if number == wanted)


def _log(data: bytes) -> VertexLog:
    last = dict(wire.fields(data))
    raw = last.get(4, b"")
    return VertexLog(
        vertex=wire.text(last.get(1, b"")),
        stream=wire.signed(last.get(3, 0)),
        data=raw if isinstance(raw, bytes) else b"",
    )


def _part(data: bytes) -> VertexStatus:
    last = dict(wire.fields(data))
    return VertexStatus(
        vertex=wire.text(last.get(2, b"")),
        part=wire.text(last.get(1, b"")),
        current=max(0, wire.signed(last.get(4, 0))),
        total=max(0, wire.signed(last.get(5, 0))),
    )


def _warning(data: bytes) -> VertexWarning:
    found = tuple(wire.fields(data))
    last = dict(found)
    ranges = (wire.message(value) for number, value in found if number == 7)
    start = wire.message(next(ranges, {}).get(1, b""))
    return VertexWarning(
        vertex=wire.text(last.get(1, b"")),
        text=wire.text(last.get(3, b"")),
        url=wire.text(last.get(5, b"")),
        line=wire.signed(start.get(1, 0)) or None,
    )


def _time(value: int | bytes | None) -> int | None:
    """Integer nanoseconds; Go's zero time (seconds far below 0) is "not set"."""
    if value is None:
        return None
    parts = wire.message(value)
    seconds, nanos = wire.signed(parts.get(1, 0)), wire.signed(parts.get(2, 0))
    return seconds * _NANO + nanos if seconds > 0 else None
