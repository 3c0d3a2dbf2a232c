"""A Dockerfile taken apart into its instructions, as BuildKit does it. Pure.

Hidden here: what a line is, and what goes on in the next one. A line ends at a newline only; a
comment or an empty line between continued ones is none. Heredocs are not known: no template has
any.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_ESCAPE: Final = re.compile(r"#\s*escape\s*=\s*(\S)\s*", re.IGNORECASE)
_DIRECTIVE: Final = re.compile(r"#\s*[a-z]+\s*=.*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its keyword in capitals, the rest in one line, and its lines from 1.

    `ended` is False for the last one of a text that breaks off inside it.
    """

    keyword: str
    arguments: str
    lines: tuple[int, int]
    ended: bool = True


def instructions(dockerfile: str) -> Iterator[Instruction]:
    """Every instruction, with continuations joined; comments and empty lines are left out."""
    escape, directives = "\\", True
    first, last, pending = 0, 0, ""
    # Not splitlines(): it knows ends of lines that BuildKit does not.
    for number, line in enumerate(dockerfile.split("\n"), 1):
        bare = line.strip()
        if directives and _DIRECTIVE.fullmatch(bare):
            found = _ESCAPE.fullmatch(bare)
            escape = found[1] if found else escape
            continue
        directives = False
        if not bare or bare.startswith("#"):
            continue
        first, last = first or number, number
        body = line.rstrip(" \t\r")
        if body.endswith(escape):
            pending += body[: -len(escape)]
            continue
        yield _instruction(pending + body, (first, last))
        first, pending = 0, ""
    if first:
        yield _instruction(pending, (first, last), ended=False)


def _instruction(text: str, lines: tuple[int, int], *, ended: bool = True) -> Instruction:
    keyword, _, arguments = text.strip().partition(" ")
    return Instruction(keyword.upper(), arguments.strip(), lines, ended)
