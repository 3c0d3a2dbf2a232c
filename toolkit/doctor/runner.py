"""Runs checks: in order, behind their prerequisites, each within its time, none able to crash all.

A check's thread is given up when its time is over; it is a daemon, so that a socket which never
answers cannot keep the program from ending.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Final

from toolkit.doctor.catalogue import CHECKS
from toolkit.doctor.check import Check, Finding, Fix, Result, Status
from toolkit.doctor.question import Question
from toolkit.doctor.report import Report, describe
from toolkit.doctor.world import World
from toolkit.errors import SpecError, ToolkitError

_PASSED: Final = frozenset({"ok", "warn"})


def diagnose(
    question: Question,
    *,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    checks: Sequence[Check] = CHECKS,
) -> Report:
    """Make the checks and report. It raises SpecError for an unknown id, and for nothing else.

    `only` are ids and groups; the prerequisites of a chosen check are made as well, for without
    them its silence would look like health. `skip` are ids and groups that are left out.
    """
    _refuse_unknown([*only, *skip], checks)
    chosen = _chosen(
        [each for each in checks if question.deep or not each.deep or each.id in only], only, skip
    )
    world = World(question)
    results: dict[str, Result] = {}
    for check in chosen:
        results[check.id] = _made(check, world, results, by_name=check.id in only)
    world.close()
    return Report(describe(world), tuple(results.values()))


def _refuse_unknown(names: Iterable[str], checks: Sequence[Check]) -> None:
    known = {check.id for check in checks} | {check.group for check in checks}
    for name in names:
        if name not in known:
            raise SpecError(
                f"there is no check and no group {name!r}", hint="list them with --list"
            )


def _chosen(checks: Sequence[Check], only: Sequence[str], skip: Sequence[str]) -> list[Check]:
    wanted = {check.id for check in checks if not only or {check.id, check.group} & set(only)}
    for check in reversed(checks):  # prerequisites stand above what needs them
        if check.id in wanted:
            wanted.update(check.needs)
    left_out = set(skip)
    return [
        check for check in checks if check.id in wanted and not {check.id, check.group} & left_out
    ]


def _made(check: Check, world: World, done: dict[str, Result], *, by_name: bool) -> Result:
    if check.outward and world.question.offline:
        return Result(check, "skip", Finding("left out: it asks others", skipped=True), 0.0)
    missing = [name for name in check.needs if name in done and done[name].status not in _PASSED]
    if missing:
        return Result(check, "skip", Finding(f"needs {missing[0]}", skipped=True), 0.0)
    begun = time.monotonic()
    outcome = _within_time(check, world)
    seconds = time.monotonic() - begun
    if isinstance(outcome, Finding):
        return Result(check, _status(check, outcome, by_name=by_name), outcome, seconds)
    return Result(check, "crash", _crashed(check, outcome), seconds)


def _within_time(check: Check, world: World) -> Finding | BaseException:
    outcome: list[Finding | BaseException] = []

    def run() -> None:
        try:
            outcome.append(check.made(world))
        except ToolkitError as error:
            outcome.append(_failed(check, error))
        except BaseException as error:  # noqa: BLE001 - whatever a check does is a result
            outcome.append(error)

    thread = threading.Thread(target=run, name=check.id, daemon=True)
    thread.start()
    limit = check.limit(world)
    thread.join(limit)
    return outcome[0] if outcome else _late(check, limit)


def _failed(check: Check, error: ToolkitError) -> Finding:
    return Finding(
        error.message.splitlines()[0],
        problem=check.level,
        why=f"{error.message}.",
        fix=Fix(error.hint),
    )


def _late(check: Check, seconds: float) -> Finding:
    return Finding(
        f"no result within {seconds:g} s",
        problem=check.level,
        why=f"The check was given up after {seconds:g} s; what it asks does not answer.",
        fix=Fix("look whether the engine hangs, and start it again"),
    )


def _crashed(check: Check, error: BaseException) -> Finding:
    return Finding(
        f"the check itself failed: {type(error).__name__}: {error}",
        problem=check.level,
        why="This is a fault of doctor, not of your set-up.",
        fix=Fix("report it, with the output of --json"),
    )


def _status(check: Check, finding: Finding, *, by_name: bool) -> Status:
    if finding.skipped:
        return "skip"
    if finding.problem in {None, "info"}:
        return "ok"
    grave = finding.problem == "error" if check.counts else by_name
    return "fail" if grave else "warn"
