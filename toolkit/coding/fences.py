"""The fenced blocks of a Markdown text. Pure, and linear in the text's length.

Hidden here: which fence closes which. A fence is a line of three or more backticks or tildes; it is
closed by one that is not shorter. Inside a block, a fence with a language opens a block within the
block, if each of them is closed, too: models write READMEs, and code that writes READMEs. A block
that is not closed is none, unless the next fence with a language comes first: that ends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_BLANKS: Final = " \t"
_LANGUAGE: Final = re.compile(r"[{.]{0,2}([\w+#-]+)")
_OPENS: Final = re.compile(r"[{.]{0,2}[\w+#-]\S*(?:[ \t]+(?:[{\[\"'(]|[\w.-]+[=:]).*)?")
_MARKER: Final = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+$")


@dataclass(frozen=True, slots=True)
class Fenced:
    """A block as it was written: the language of its fence, or nothing, and its lines."""

    language: str
    code: str


@dataclass(frozen=True, slots=True)
class _Fence:
    """`opens`: inside a block it opens another one, and does not close that one."""

    line: int
    mark: str
    length: int
    info: str
    indentation: int
    opens: bool
    is_late: bool = False


def fenced(text: str) -> Iterator[Fenced]:
    """The blocks of a text, in their order."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    fences = [fence for number, line in enumerate(lines) if (fence := _fence(number, line))]
    closers = _closers(fences)
    index = 0
    while index < len(fences):
        opener, closer = fences[index], closers.get(index)
        if closer is None:
            index += 1
            continue
        body = lines[opener.line + 1 : fences[closer].line]
        if body:
            yield Fenced(_language(opener.info), "\n".join(_outdented(body, opener.indentation)))
        index = closer if fences[closer].opens else closer + 1


def _fence(number: int, line: str) -> _Fence | None:
    bare = line.lstrip(_BLANKS)
    mark = bare[:1]
    if bare.startswith(("```", "~~~")):
        rest = bare.lstrip(mark)
        if mark == "~" or "`" not in rest:
            length, indentation = len(bare) - len(rest), len(line) - len(bare)
            info = rest.strip(_BLANKS)
            opens = _OPENS.fullmatch(info) is not None
            return _Fence(number, mark, length, info, indentation, opens)
    return _late_fence(number, line)


def _late_fence(number: int, line: str) -> _Fence | None:
    """A fence behind words, as in `Try this: ```sh`, or behind a list's marker: it only opens."""
    words, found, info = line.rpartition("```")
    info = info.strip(_BLANKS)
    before = words.rstrip("`")
    if not found or "```" in before or before[-1:] not in {" ", "\t"} or re.search(r"\W", info):
        return None
    indentation = len(before) if _MARKER.match(before) else len(line) - len(line.lstrip(_BLANKS))
    length = len(words) - len(before) + len(found)
    return _Fence(number, "`", length, info, indentation, opens=True, is_late=True)


def _closers(fences: Sequence[_Fence]) -> Mapping[int, int]:
    """Which fence closes which.

    For each length of an opener, only fences that are not shorter are read; that makes no more
    readings than the text has characters.
    """
    closers: dict[int, int] = {}
    for mark in "`~":
        read = [index for index, fence in enumerate(fences) if fence.mark == mark]
        for length in sorted({fences[index].length for index in read}):
            read = [index for index in read if fences[index].length >= length]
            _close(fences, read, length, closers)
    return closers


def _close(
    fences: Sequence[_Fence], read: Sequence[int], length: int, closers: dict[int, int]
) -> None:
    """Enter the closers of the openers of one length, reading backwards.

    One that opens counts 1, another -1: what closes is the first at which the sum falls below what
    it was at the opener, or else the next one of all.
    """
    following: int | None = None
    lower: list[tuple[int, int]] = []  # (sum, index) of those ahead that may be the first lower one
    total = 0
    for index in reversed(read):
        while lower and lower[-1][0] >= total:
            lower.pop()
        closer = lower[-1][1] if lower else following
        if closer is not None and fences[index].length == length:
            closers[index] = closer
        if not fences[index].is_late:
            lower.append((total, index))
            total -= 1 if fences[index].opens else -1
            following = index


def _language(info: str) -> str:
    found = _LANGUAGE.match(info)
    return found[1] if found else ""


def _outdented(lines: Sequence[str], most: int) -> Iterator[str]:
    """The lines without the indentation that their fence had, as far as all of them have it."""
    margins = (len(line) - len(line.lstrip(_BLANKS)) for line in lines if line.strip(_BLANKS))
    margin = min((most, *margins))
    return (line[margin:] for line in lines)
