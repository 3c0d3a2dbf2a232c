"""The vocabulary of doctor: a check, what it finds, and what becomes of that in a report.

A check knows no terminal and no exit code. It looks at the world (the shell) and judges what it
saw (pure); how grave that is for the whole is decided by the runner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeVar

from toolkit.doctor.world import World

Status = Literal["ok", "warn", "fail", "skip", "crash"]
Level = Literal["error", "warn", "info"]

STATUSES: Final[tuple[Status, ...]] = ("ok", "warn", "fail", "skip", "crash")
REACHED: Final = ("endpoint.reach",)
"""What every check needs that asks the engine."""
DEEP_SECONDS: Final = 20.0

Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class Fix:
    """What mends a problem: a sentence, and commands that can be pasted into a shell.

    `auto` tells whether `--fix` can do it.
    """

    text: str
    commands: tuple[str, ...] = ()
    auto: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. `problem` is its gravity, None where all is well.

    `why` names what was seen, with values. `skipped` says that there was nothing to look at.
    """

    summary: str
    problem: Level | None = None
    why: str = ""
    fix: Fix | None = None
    docs: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One question. `needs` are the checks without whose success it makes no sense.

    A problem of a check that `counts` is a failure of the whole; any other is a warning, unless
    the check was asked for by name. `seconds` is its time limit. A `deep` one takes its time, and
    is made on demand only; an `outward` one asks others than the engine. `deeper` is the half of
    another check that takes its time, as long as a deep one may: it tries what the first half was
    only told, and is made on demand, and not after an error.
    """

    id: str
    title: str
    level: Level
    needs: tuple[str, ...]
    run: Callable[[World], Finding]
    counts: bool = False
    seconds: float = 5.0
    deep: bool = False
    outward: bool = False
    deeper: Callable[[World], Finding] | None = None

    @property
    def group(self) -> str:
        return self.id.partition(".")[0]

    def made(self, world: World) -> Finding:
        """Look and judge, by both halves where the second is wanted and there is one."""
        first = self.run(world)
        if not self.goes_deeper(world) or self.deeper is None or first.problem == "error":
            return first
        return both(first, self.deeper(world))

    def limit(self, world: World) -> float:
        """How many seconds it may take."""
        return self.seconds + DEEP_SECONDS if self.goes_deeper(world) else self.seconds

    def goes_deeper(self, world: World) -> bool:
        """Whether both halves are made."""
        return self.deeper is not None and world.question.deep


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one check in one run."""

    check: Check
    status: Status
    finding: Finding
    seconds: float

    @property
    def level(self) -> Level:
        return self.finding.problem or self.check.level


def composed(
    look: Callable[[World], Seen], judge: Callable[[Seen], Finding]
) -> Callable[[World], Finding]:
    """Make a check of a look at the world and a judgement of what was seen."""
    return lambda world: judge(look(world))


def both(first: Finding, second: Finding) -> Finding:
    """What two halves say as one: the second has seen what the first was told, so it goes first."""
    data = {**first.data, **second.data}
    if second.skipped or (first.problem is not None and second.problem is None):
        return replace(first, data=data)
    if second.problem is None and not first.skipped and first.summary not in second.summary:
        return replace(first, summary=f"{first.summary}; {second.summary}", data=data)
    return replace(second, data=data)
