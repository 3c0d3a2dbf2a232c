"""The details of a failed call: where in the Dockerfile, and which vertex. Pure.

The engine says it in a trailer: base64 of protobuf of JSON, in which everything is optional. Old
engines say nothing; whatever cannot be read counts as not said, for the failure itself is known.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.engine.buildkit import wire
from toolkit.engine.buildkit.origin import Lines
from toolkit.engine.wire import WireError


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of a failure: first and last line, counted from 1, and the vertex's digest."""

    lines: Lines | None = None
    vertex: str = ""


def read(trailer: str, dockerfile: str) -> Details:
    """Read `grpc-status-details-bin`; lines are those of the file `dockerfile`."""
    lines, vertex = None, ""
    for kind, said in _said(trailer):
        if kind == "errdefs.Source+json" and lines is None:
            lines = _lines(said, dockerfile)
        elif kind == "errdefs.Vertex+json" and isinstance(said.get("digest"), str):
            vertex = vertex or said["digest"]
    return Details(lines, vertex)


def _said(trailer: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        raw = base64.b64decode(trailer + "=" * (-len(trailer) % 4))
        details = [value for number, value in wire.fields(raw) if number == 3]
    except (binascii.Error, ValueError, WireError):
        return
    for detail in details:
        try:
            parts = wire.message(detail)
            said = json.loads(wire.text(parts.get(2, b"")))
        except (ValueError, RecursionError, WireError):
            continue
        if isinstance(said, dict):
            yield wire.text(parts.get(1, b"")).rpartition("/")[2], said


def _lines(said: Mapping[str, Any], dockerfile: str) -> Lines | None:
    name = _mapping(said.get("info")).get("filename")
    if name and name != dockerfile:
        return None
    ranges = said.get("ranges")
    found = [
        (_line(each, "start"), _line(each, "end"))
        for each in (ranges if isinstance(ranges, list) else ())
        if _line(each, "start")
    ]
    if not found:
        return None
    # The end may be missing, or be before the start.
    return min(start for start, _ in found), max(max(pair) for pair in found)


def _line(of: object, which: str) -> int:
    line = _mapping(_mapping(of).get(which)).get("line")
    return line if isinstance(line, int) and line > 0 else 0


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
