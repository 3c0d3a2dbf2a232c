"""The build as steps: merges status messages into events, and finds the step to blame. Pure.

BuildKit repeats, reorders and restarts its vertices, cuts log lines anywhere, and ends a failed
build with cancelled steps beside the one that failed. None of that gets out of this module.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from toolkit.engine.buildkit.roads import RoadTaken
from toolkit.engine.buildkit.status import (
    Status,
    Vertex,
    VertexLog,
    VertexStatus,
    VertexWarning,
)

TAIL_LINES: Final = 400
_LONGEST_TAIL_LINE: Final = 4000
_LONGEST_PENDING: Final = 1 << 22
# Of each step; an engine that invents more of them must not fill our memory.
_MOST_PARTS: Final = 1000


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step runs now. `name` is BuildKit's: `[final 2/4] RUN …`, `[internal] …`."""

    name: str


@dataclass(frozen=True, slots=True)
class StepLog:
    """One line of a step's output, without its newline."""

    name: str
    line: str


@dataclass(frozen=True, slots=True)
class StepCompleted:
    """A step is done; `seconds` counts all of its runs."""

    name: str
    cached: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A step failed; `reason` is the engine's words."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class StepProgress:
    """How far a part of a step is: a blob that is pulled, by its digest, or words of the engine.

    `current` and `total` are bytes; `total` is 0 where nothing is counted or the end is not known.
    """

    name: str
    part: str
    current: int
    total: int


@dataclass(frozen=True, slots=True)
class Warned:
    """What the engine has against the Dockerfile; `line` of it is 1-based, where it names one."""

    text: str
    url: str
    line: int | None


BuildEvent = RoadTaken | StepStarted | StepLog | StepCompleted | StepFailed | StepProgress | Warned


@dataclass(frozen=True, slots=True)
class Culprit:
    """The step that failed, why, and the last lines of its log."""

    name: str
    reason: str
    log: tuple[str, ...]


@dataclass(slots=True)
class _Step:
    vertex: Vertex
    name: str = ""
    announced: bool = False
    outcome: type[StepCompleted | StepFailed] | None = None
    intervals: dict[int, int] = field(default_factory=dict)
    pending: dict[int, bytearray] = field(default_factory=dict)
    parts: dict[str, tuple[int, int]] = field(default_factory=dict)
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))

    @property
    def seconds(self) -> float:
        return sum(end - start for start, end in self.intervals.items()) / 1e9


class Progress:
    """The state of one build. Feed it every status, then close it; both give events."""

    def __init__(self, mask: Callable[[str], str] = str) -> None:
        """`mask` is applied to every text before it is kept or given out."""
        self._mask = mask
        self._steps: dict[str, _Step] = {}
        self._warned: set[Warned] = set()

    def feed(self, status: Status) -> Iterator[BuildEvent]:
        """Every event of one status message, in order of time as far as it is known."""
        for vertex in status.vertexes:
            self._merge(vertex)
        yield from self._starts(status)
        for part in status.statuses:
            yield from self._advanced(part)
        for log in status.logs:
            yield from self._logged(log)
        for warning in status.warnings:
            yield from self._warning(warning)
        for vertex in status.vertexes:
            yield from self._ended(self._steps[vertex.digest])

    def close(self) -> Iterator[BuildEvent]:
        """Give out the last lines that came without a newline."""
        for step in self._steps.values():
            yield from self._flushed(step)

    def culprit(self, digest: str = "") -> Culprit | None:
        """Return the step that failed first, leaving out those that were only cancelled.

        `digest` is the vertex that the engine itself blames, where it says so.
        """
        failed = [
            step
            for step in self._steps.values()
            if step.vertex.error and "context canceled" not in step.vertex.error
        ]
        blamed = [step for step in failed if step.vertex.digest == digest] or failed
        if not blamed:
            return None
        step = min(blamed, key=lambda one: one.vertex.completed or 1 << 63)
        return Culprit(step.name, self._mask(step.vertex.error), tuple(step.tail))

    def _merge(self, new: Vertex) -> None:
        step = self._steps.setdefault(new.digest, _Step(new))
        old = step.vertex
        step.vertex = replace(
            new,
            name=new.name or old.name,
            inputs=new.inputs or old.inputs,
            started=new.started or old.started,
            completed=new.completed or old.completed,
            error=new.error or old.error,
        )
        step.name = step.name or self._mask(step.vertex.name)
        if new.started and new.completed and new.completed >= new.started:
            step.intervals[new.started] = new.completed

    def _starts(self, status: Status) -> Iterator[BuildEvent]:
        found = (self._steps[vertex.digest] for vertex in status.vertexes)
        fresh = [one for one in found if one.vertex.started and not one.announced]
        for step in sorted(fresh, key=lambda one: one.vertex.started or 0):
            if not step.announced:
                step.announced = True
                yield StepStarted(step.name)

    def _ended(self, step: _Step) -> Iterator[BuildEvent]:
        vertex = step.vertex
        if vertex.completed is None or step.outcome is StepFailed:
            return
        # A step may run several times (looked up in the cache, then executed). It is said to be
        # completed once; that a later run failed must still be said.
        if step.outcome is StepCompleted and not vertex.error:
            return
        step.outcome = StepFailed if vertex.error else StepCompleted
        yield from self._flushed(step)
        if vertex.error:
            yield StepFailed(step.name, self._mask(vertex.error))
        else:
            yield StepCompleted(step.name, vertex.cached, step.seconds)

    def _advanced(self, part: VertexStatus) -> Iterator[BuildEvent]:
        step = self._steps.setdefault(part.vertex, _Step(Vertex(part.vertex)))
        now = (part.current, part.total)
        full = len(step.parts) >= _MOST_PARTS and part.part not in step.parts
        if full or step.parts.get(part.part) == now:
            return
        step.parts[part.part] = now
        yield StepProgress(step.name, self._mask(part.part), *now)

    def _warning(self, warning: VertexWarning) -> Iterator[BuildEvent]:
        found = Warned(self._mask(warning.text), self._mask(warning.url), warning.line)
        if found not in self._warned and len(self._warned) < _MOST_PARTS:
            self._warned.add(found)
            yield found

    def _logged(self, log: VertexLog) -> Iterator[BuildEvent]:
        step = self._steps.setdefault(log.vertex, _Step(Vertex(log.vertex)))
        pending = step.pending.setdefault(log.stream, bytearray())
        *lines, rest = log.data.split(b"\n")
        if lines:
            lines[0] = bytes(pending) + lines[0]
            pending.clear()
        pending += rest
        if len(pending) > _LONGEST_PENDING:
            lines.append(bytes(pending))
            pending.clear()
        for line in lines:
            yield self._line(step, line)

    def _flushed(self, step: _Step) -> Iterator[BuildEvent]:
        rest = [bytes(part) for part in step.pending.values() if part]
        step.pending.clear()
        for line in rest:
            yield self._line(step, line)

    def _line(self, step: _Step, raw: bytes) -> StepLog:
        line = self._mask(raw.removesuffix(b"\r").decode("utf-8", "replace"))
        step.tail.append(line[:_LONGEST_TAIL_LINE])
        return StepLog(step.name, line)
