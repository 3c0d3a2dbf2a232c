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
class Status:
    """What changed since the last one."""

    vertexes: tuple[Vertex, ...] = ()
    logs: tuple[VertexLog, ...] = ()


def decode(data: bytes) -> Status:
    """Read a StatusResponse; unknown fields are skipped, `WireError` for what is no message."""
    vertexes: list[Vertex] = []
    logs: list[VertexLog] = []
    for number, value in wire.fields(data):
        if not isinstance(value, bytes):
            continue
        if number == 1:
            vertexes.append(_vertex(value))
        elif number == 3:
            logs.append(_log(value))
    return Status(tuple(vertexes), tuple(logs))


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


def _time(value: int | bytes | None) -> int | None:
    """Integer nanoseconds; Go's zero time (seconds far below 0) is "not set"."""
    if value is None:
        return None
    parts = wire.message(value)
    seconds, nanos = wire.signed(parts.get(1, 0)), wire.signed(parts.get(2, 0))
    return seconds * _NANO + nanos if seconds > 0 else None
