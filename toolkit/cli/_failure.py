"""An error as text: what was said last, where it went wrong, what is wrong, what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from toolkit.cli import LOG_LINES, _github, printable
from toolkit.errors import ToolkitError

_AROUND: Final = 2
_MOST_LINES: Final = 16


def lines(error: ToolkitError, world: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines, the sentence last, where the eye ends up; `world` is the environment."""
    github = _github.reads(world)
    before = [f"  | {printable(line)}" for line in getattr(error, "log", ())[-LOG_LINES:]]
    before += excerpt(getattr(error, "dockerfile", ""), getattr(error, "lines", None))
    said = _printable(error.message)
    sentences = (line if line.startswith(" ") else f"error: {line}" for line in said.split("\n"))
    hint = _printable(error.hint.shown)
    if github:
        yield from map(_github.inert, before)
        yield _github.error(said)
        yield from map(_github.inert, hint.splitlines())
    else:
        yield from (*before, *sentences, *hint.splitlines())


def excerpt(dockerfile: str, place: tuple[int, int] | None) -> Iterator[str]:
    """Yield the lines of a Dockerfile that are to blame, marked, and some around them."""
    text = dockerfile.removesuffix("\n").split("\n") if dockerfile else []
    first, last = place or (0, 0)
    if not 0 < first <= len(text):
        return
    yield f"Dockerfile:{first}" + (f"-{last}" if last > first else "")
    shown = range(max(1, first - _AROUND), min(len(text), last + _AROUND) + 1)
    for number in shown[:_MOST_LINES]:
        mark = ">" if first <= number <= last else " "
        yield f" {mark} {number:3} | {printable(text[number - 1])}"
    if len(shown) > _MOST_LINES:
        yield "       | …"


def _printable(text: str) -> str:
    """Several lines without what a terminal would obey."""
    return "\n".join(map(printable, text.split("\n")))
