"""A report as lines for people. Pure: which terminal reads them is the caller's business."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from toolkit.doctor.check import Check, Result, Status
from toolkit.doctor.report import Report, redact

Paint = Callable[[Status, str], str]

UNICODE: Final[Mapping[Status, str]] = {
    "ok": "✓",
    "warn": "!",
    "fail": "✗",
    "skip": "-",
    "crash": "☠",
}
ASCII: Final[Mapping[Status, str]] = {
    "ok": "[ok]",
    "warn": "[warn]",
    "fail": "[FAIL]",
    "skip": "[skip]",
    "crash": "[CRASH]",
}


def _unpainted(_status: Status, text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Manner:
    """How lines are written: with which glyphs and colours, and whether all is told."""

    verbose: bool = False
    glyphs: Mapping[Status, str] = field(default_factory=lambda: ASCII)
    paint: Paint = _unpainted


def lines(report: Report, manner: Manner) -> Iterator[str]:
    """Give the report: a line a check, reasons and fixes under problems, counters, commands."""
    yield _surroundings(report)
    for result in report.results:
        if manner.verbose or result.status != "ok" or result.finding.problem is not None:
            yield from map(redact, _result(result, manner))
    counted = ", ".join(f"{number} {name}" for name, number in report.counters.items() if number)
    yield f"{len(report.results)} checks: {counted}"
    yield from map(redact, _first(report))
    if report.commands:
        yield "All commands, to be pasted:"
        yield from (f"    {command}" for command in report.commands)


def _surroundings(report: Report) -> str:
    known = report.environment
    engine = f"{known['engine']}, API {known['api']}" if known.get("engine") else _silence(report)
    origin = f" ({known['origin']})" if known.get("origin") else ""
    return redact(f"{known.get('endpoint') or 'no endpoint'}{origin}: {engine}")


def _first(report: Report) -> Iterator[str]:
    """What to do before all else: prerequisites come first, so the first failure is the one."""
    for status in ("fail", "warn"):
        for result in report.results:
            if result.status == status and result.finding.fix is not None:
                yield f"first: {result.finding.fix.text} ({result.check.id})"
                return


def _silence(report: Report) -> str:
    """Say why the engine's version is not known; perhaps no check has asked for it."""
    good = {result.check.id for result in report.results if result.status in {"ok", "warn"}}
    return "it answers" if "endpoint.reach" in good else "no engine"


def _result(result: Result, manner: Manner) -> Iterator[str]:
    finding, glyph = result.finding, manner.glyphs[result.status]
    mark = manner.paint(result.status, glyph)
    yield f"{mark} {result.check.id} ({result.check.title}): {finding.summary}"
    if result.status in {"warn", "fail", "crash"} or finding.problem is not None:
        if finding.why.rstrip(".") != finding.summary:
            yield f"    why: {finding.why}"
        if finding.fix is not None:
            yield f"    fix: {finding.fix.text}"
            yield from (f"         {command}" for command in finding.fix.commands)
    if manner.verbose:
        yield from (f"    {key}: {value}" for key, value in finding.data.items())


def listing(checks: tuple[Check, ...]) -> Iterator[str]:
    """Give the checks themselves, a line each."""
    width = max(len(check.id) for check in checks)
    for check in checks:
        needs = f" (needs {', '.join(check.needs)})" if check.needs else ""
        needs += " (only with --deep)" if check.deep else ""
        needs += " (more with --deep)" if check.deeper is not None and not check.deep else ""
        yield f"{check.id:{width}}  {check.level:5}  {check.title}{needs}"
