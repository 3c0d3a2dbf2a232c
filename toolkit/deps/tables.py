"""TOML and JSON documents, taken apart: what is in them, where, and what is not as it should be.

Hides every way in which a parser gives up, and the check of each type. Neither parser tells lines:
they are found again by looking for the text of an entry.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from toolkit.deps.gathering import Gathering
from toolkit.deps.sources import Source
from toolkit.deps.text import LogicalLine
from toolkit.errors import SpecError

Table: TypeAlias = Mapping[str, Any]
"""What a document has under a name. Any: nothing is known of the values yet."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a document: `project.dependencies[2]`, and its line where that is known."""

    source: Source
    name: str
    line: int = 0

    @property
    def where(self) -> str:
        """The entry, for a message."""
        return f"{self.source.shown}: {self.name}"

    def said(self, text: str) -> LogicalLine:
        """The text of the entry, as a line that hides its logins."""
        return LogicalLine(self.line, text, text)


@dataclass(frozen=True, slots=True)
class Lines:
    """Where the texts of entries are in a document."""

    content: str

    def of(self, text: str) -> int:
        """The line of the entry with this text; 0 where it is there twice, or spelt otherwise."""
        for quoted in (f'"{text}"', f"'{text}'"):
            at = self.content.find(quoted)
            if at >= 0:
                once = self.content.find(quoted, at + 1) < 0
                return self.content.count("\n", 0, at) + 1 if once else 0
        return 0


def parse(content: str) -> Table:
    """Read a TOML document. Raises SpecError, without the file's name."""
    return _parsed(tomllib.loads, content, "TOML")


def parse_json(content: str) -> Table:
    """Read a JSON object. Raises SpecError, without the file's name."""
    return _parsed(json.loads, content, "JSON")


def table(of: Table, *path: str) -> Table:
    """The table at a path; an empty one where there is none, or something else."""
    for name in path:
        found = of.get(name)
        of = found if isinstance(found, Mapping) else {}
    return of


def strings(
    value: object, where: str, source: Source, into: Gathering
) -> Iterator[tuple[str, str]]:
    """Yield the strings of a list, each with its place (`project.dependencies[2]`).

    What is no list, and no string in it, becomes a problem; None is an empty list.
    """
    if value is None:
        return
    if not isinstance(value, list):
        into.wrong(f"{source.shown}: {where}", expected("a list", value))
        return
    for index, item in enumerate(value):
        entry = f"{where}[{index}]"
        if isinstance(item, str):
            yield entry, item
        else:
            into.wrong(f"{source.shown}: {entry}", expected("a string", item))


def expected(what: str, got: object) -> SpecError:
    """The error for a value of another type."""
    kind = "a table" if isinstance(got, Mapping) else type(got).__name__
    return SpecError(
        f"expected {what}, got {kind}", hint="give each value the type that is expected"
    )


def _parsed(load: Callable[[str], object], content: str, what: str) -> Table:
    try:
        found = load(content)
    # ValueError: TOML and JSON alike, and a number with too many digits.
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise SpecError(f"the file is not {what}: {reason}", hint="correct it there") from error
    if not isinstance(found, Mapping):
        raise expected("a table", found)
    return found
