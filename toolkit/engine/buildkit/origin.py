"""Which lines of a Dockerfile a step came from: pure, from a step's name and the text.

Older engines (20.10) give no line numbers, only `[stage n/m]`; so the steps are counted here as
BuildKit counts them. What does not add up (an instruction of another kind stands there, a stage
that is not known) gives no lines rather than wrong ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from toolkit.dockerfile import Instruction, instructions

Lines = tuple[int, int]

# `[stage n/m] TEXT`: a platform may precede the stage, either may be missing, n is padded.
_STEP: Final = re.compile(
    r"\[(?P<names>[^\]]*?)\s*\b(?P<n>\d+)/(?P<m>\d+)\]\s+(?P<text>.*)", re.DOTALL
)
_METADATA: Final = re.compile(r"\[internal\] load metadata for (\S+)")
_PARSE_ERROR: Final = re.compile(r"dockerfile parse error (?:on )?line (\d+)", re.IGNORECASE)
_FROM: Final = re.compile(r"(?:--\S+\s+)*(?P<image>\S+)(?:\s+as\s+(?P<name>\S+))?", re.IGNORECASE)
_COUNTED: Final = frozenset({"FROM", "RUN", "COPY", "ADD", "WORKDIR"})


@dataclass(slots=True)
class _Stage:
    name: str
    image: str
    start: Instruction
    real: bool
    rest: list[Instruction] = field(default_factory=list)

    def counted(self) -> tuple[list[Instruction], int]:
        """The instructions that have a number, and how many BuildKit says there are."""
        steps = [self.start] if self.real else []
        steps += [each for each in self.rest if each.keyword in _COUNTED]
        # `WORKDIR /` changes nothing: it is counted in m, and no step is made of it.
        numbered = [each for each in steps if (each.keyword, each.arguments) != ("WORKDIR", "/")]
        return numbered, len(steps)


def lines_of(dockerfile: str, step: str, words: str = "") -> Lines | None:
    """The first and last line, 1-based, of the instruction that failed, or None.

    `step` is BuildKit's name of the step, `words` what the engine said where no step had begun.
    """
    if (error := _PARSE_ERROR.search(words)) and not step:
        line = int(error[1])
        return (line, line) if 0 < line <= len(dockerfile.split("\n")) else None
    stages = list(_stages(dockerfile))
    if metadata := _METADATA.match(step):
        return _base_named(stages, metadata[1])
    found = _STEP.match(step)
    stage = _stage(stages, found["names"].split()) if found else None
    if found is None or stage is None:
        return None
    return _numbered(stage, int(found["n"]), int(found["m"]), found["text"])


def _numbered(stage: _Stage, number: int, total: int, text: str) -> Lines | None:
    steps, counted = stage.counted()
    # Triggers (ONBUILD) of the base are steps of this stage, and come right after its FROM.
    triggers = total - counted
    if triggers < 0 or (triggers and not stage.real):
        return None
    if 1 < number <= 1 + triggers:
        number = 1
        text = "FROM"
    elif number > 1:
        number -= triggers
    if not 0 < number <= len(steps):
        return None
    step = steps[number - 1]
    return step.lines if step.keyword == text.partition(" ")[0].upper() else None


def _stage(stages: list[_Stage], names: list[str]) -> _Stage | None:
    """The stage that is called so; it has no name where it is the only one."""
    # A stage's name has no slash, a platform has.
    named = [name.casefold() for name in names if "/" not in name]
    if not named:
        return stages[0] if len(stages) == 1 else None
    return next((stage for stage in stages if stage.name == named[-1]), None)


def _base_named(stages: list[_Stage], image: str) -> Lines | None:
    """The FROM of that image, whose name is shown in full: `docker.io/library/python:3`."""
    for stage in stages:
        tagged = ":" in stage.image.rpartition("/")[2]
        wanted = stage.image if tagged else f"{stage.image}:latest"
        if stage.real and (image == wanted or image.endswith(f"/{wanted}")):
            return stage.start.lines
    return None


def _stages(dockerfile: str) -> Iterator[_Stage]:
    stage: _Stage | None = None
    names: list[str] = []
    for each in instructions(dockerfile):
        if each.keyword != "FROM":
            if stage is not None:  # an ARG before the first FROM belongs to no stage
                stage.rest.append(each)
            continue
        if stage is not None:
            yield stage
        found = _FROM.match(each.arguments)
        image = found["image"] if found else ""
        real = image.casefold() != "scratch" and image.casefold() not in names
        name = ((found and found["name"]) or f"stage-{len(names)}").casefold()
        names.append(name)
        stage = _Stage(name, image, each, real)
    if stage is not None:
        yield stage
