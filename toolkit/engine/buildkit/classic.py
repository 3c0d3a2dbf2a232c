"""The classic builder's stream, as Podman sends it, told as BuildKit tells its own. Pure.

Hidden here: which of the lines are the builder's (`STEP`, `-->`, `COMMIT`) and which are a
command's output, which may look like them; and the words of a failure, put as BuildKit puts them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from toolkit.dockerfile import Instruction
from toolkit.engine.buildkit.origin import Lines
from toolkit.engine.buildkit.status import Status, Vertex, VertexLog

Stages = tuple[tuple[Instruction | None, ...], ...]

_STEP: Final = re.compile(
    r"(?:\[(?P<stage>\d+)/\d+\] )?STEP (?P<number>\d+)/(?P<total>\d+): (?P<text>.*)\n", re.DOTALL
)
_NAMED: Final = re.compile(r"^FROM\s.*\sAS\s+(\S+)\s*$", re.IGNORECASE)
_CACHED: Final = re.compile(r"--> Using cache [0-9a-f]{12,64}\n")
_DONE: Final = re.compile(r"--> [0-9a-f]{7,64}\n")
_COMMIT: Final = re.compile(r"(?:\[\d+/\d+\] )?COMMIT(?: \S+)?\n")
_EXIT: Final = re.compile(r"while running runtime: exit status (\d+)\s*$")
_SECRET: Final = re.compile(r"secret required but no secret with id \"?([^\s\"]+)\"? found")
_DUMP: Final = re.compile(r" &imagebuilder\.Step\{.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """Where the build is: instruction `number` of a stage, both from 1, and its text.

    `written` is that instruction in the Dockerfile. `name` is BuildKit's way of naming it, empty
    for one that nobody has written.
    """

    stage: int
    number: int
    total: int
    text: str
    stage_name: str
    name: str = ""
    written: Instruction | None = None

    @property
    def lines(self) -> Lines | None:
        """Where it stands, if it stands there."""
        is_it = self.written and self.written.keyword == self.text.partition(" ")[0].upper()
        return self.written.lines if self.written and is_it else None


class Stream:
    """The state of one build. Feed it each text of the stream; it gives what has changed."""

    def __init__(self, stages: Stages, clock: Callable[[], int]) -> None:
        """`stages` have what is expected, None for a step that is ours; `clock` nanoseconds."""
        self._stages = stages
        self._clock = clock
        self._vertex: Vertex | None = None
        self._silent = False
        self._ending = False
        self.step: Step | None = None

    def feed(self, text: str) -> Iterator[Status]:
        """Take one text, whole as it was sent."""
        if step := self._next(text):
            yield from self._completed()
            self._begin(step)
            if step.name:
                yield self._now()
        elif self._vertex is None or self._ending:
            return
        elif self._silent and _CACHED.fullmatch(text):
            self._vertex = replace(self._vertex, cached=True)
        elif _DONE.fullmatch(text):
            yield from self._completed()
        elif _COMMIT.fullmatch(text):
            self._ending = True
            yield from self._completed()
        else:
            self._silent = False
            data = text.encode("utf-8", "surrogatepass")
            yield Status(logs=(VertexLog(self._vertex.digest, 1, data),))

    def failed(self, words: str) -> Status:
        """End the step that runs with the engine's words; of no step, nothing has changed."""
        if self._vertex is None or self._vertex.completed:
            return Status()
        self._vertex = replace(self._vertex, completed=self._clock(), error=self.plain(words))
        return self._now()

    def plain(self, words: str) -> str:
        """The words of a failure without what is known anyway, as BuildKit would have put it."""
        step = f'building at STEP "{self.step.text}": ' if self.step else ""
        words = _DUMP.sub("", words.strip()).removeprefix(step)
        words = _EXIT.sub(r"exit code: \1", words)
        return _SECRET.sub(r"secret \1: not found", words)

    def _next(self, text: str) -> Step | None:
        """The step that begins with this text, if the builder wrote it: it counts without gaps."""
        found = _STEP.fullmatch(text)
        if found is None or self._ending:
            return None
        stage, number, total = (int(found[name] or 1) for name in ("stage", "number", "total"))
        before = self.step
        named = _NAMED.search(found["text"])
        if before is None or (stage > before.stage and number == 1):
            name = named[1] if named else f"stage-{stage - 1}"
        elif (stage, number, total) == (before.stage, before.number + 1, before.total):
            name = before.stage_name
        else:
            return None
        return self._placed(Step(stage, number, total, found["text"], name))

    def _placed(self, step: Step) -> Step:
        """The step with its name, counted as it was written: without what is ours."""
        plan = self._stages[step.stage - 1] if step.stage <= len(self._stages) else ()
        number, total, written = step.number, step.total, None
        if number <= len(plan):
            written = plan[number - 1]
            if written is None:
                return step
            number -= plan[:number].count(None)
            total = len(plan) - plan.count(None)
        return replace(
            step, name=f"[{step.stage_name} {number}/{total}] {step.text}", written=written
        )

    def _begin(self, step: Step) -> None:
        self.step = step
        self._silent = True
        digest = f"{step.stage}.{step.number}"
        self._vertex = Vertex(digest, name=step.name, started=self._clock()) if step.name else None

    def _completed(self) -> Iterator[Status]:
        if self._vertex is not None and self._vertex.completed is None:
            self._vertex = replace(self._vertex, completed=self._clock())
            yield self._now()

    def _now(self) -> Status:
        return Status(vertexes=(self._vertex,) if self._vertex else ())
