"""The build as steps: merges status messages into events, and finds the step to blame. Pure.

BuildKit repeats, reorders and restarts its vertices, cuts log lines anywhere, and ends a failed
build with cancelled steps beside the one that failed. None of that gets out of this module.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from toolkit.engine.buildkit.status import Status, Vertex, VertexLog

TAIL_LINES: Final = 400
_LONGEST_TAIL_LINE: Final = 4000
_LONGEST_PENDING: Final = 1 << 22


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


BuildEvent = StepStarted | StepLog | StepCompleted | StepFailed


@dataclass(frozen=True, slots=True)
class Culprit:
    """The step that failed, why, and the last lines of its log."""

    name: str
    reason: str
    log: tuple[str, ...]


@dataclass(slots=True)
class _Step:
    vertex: Vertex
    announced: bool = False
    outcome: type[StepCompleted | StepFailed] | None = None
    intervals: dict[int, int] = field(default_factory=dict)
    pending: dict[int, bytearray] = field(default_factory=dict)
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

    def feed(self, status: Status) -> Iterator[BuildEvent]:
        """Every event of one status message, in order of time as far as it is known."""
        for vertex in status.vertexes:
            self._merge(vertex)
        yield from self._starts(status)
        for log in status.logs:
            yield from self._logged(log)
        for vertex in status.vertexes:
            yield from self._ended(self._steps[vertex.digest])

    def close(self) -> Iterator[BuildEvent]:
        """Give out the last lines that came without a newline."""
        for step in self._steps.values():
            yield from self._flushed(step)

    def culprit(self) -> Culprit | None:
        """Return the step that failed first, leaving out those that were only cancelled."""
        failed = [
            step
            for step in self._steps.values()
            if step.vertex.error and "context canceled" not in step.vertex.error
        ]
        if not failed:
            return None
        step = min(failed, key=lambda one: one.vertex.completed or 1 << 63)
        reason = self._mask(step.vertex.error)
        return Culprit(self._mask(step.vertex.name), reason, tuple(step.tail))

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
        if new.started and new.completed and new.completed >= new.started:
            step.intervals[new.started] = new.completed

    def _starts(self, status: Status) -> Iterator[BuildEvent]:
        found = (self._steps[vertex.digest] for vertex in status.vertexes)
        fresh = [one for one in found if one.vertex.started and not one.announced]
        for step in sorted(fresh, key=lambda one: one.vertex.started or 0):
            if not step.announced:
                step.announced = True
                yield StepStarted(self._mask(step.vertex.name))

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
        name = self._mask(vertex.name)
        if vertex.error:
            yield StepFailed(name, self._mask(vertex.error))
        else:
            yield StepCompleted(name, vertex.cached, step.seconds)

    def _logged(self, log: VertexLog) -> Iterator[BuildEvent]:
        step = self._steps.setdefault(log.vertex, _Step(Vertex(log.vertex)))
        pending = step.pending.setdefault(log.stream, bytearray())
        *lines, rest = (bytes(pending) + log.data).split(b"\n")
        if len(rest) > _LONGEST_PENDING:
            lines, rest = [*lines, rest], b""
        step.pending[log.stream] = bytearray(rest)
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
        return StepLog(self._mask(step.vertex.name), line)
