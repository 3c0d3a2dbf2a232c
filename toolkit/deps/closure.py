"""The closure of a requirements file: what it says, and what its includes say.

Hides the walk through `-r` and `-c`: circles, depth, files that are named twice, and which of them
only limit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from toolkit.deps import formats, local, sources, statements, text, urls
from toolkit.deps.dependencies import Requirement
from toolkit.deps.gathering import Gathering, discreet
from toolkit.deps.requirement import Wish, understand
from toolkit.deps.sources import Source
from toolkit.errors import SpecError

MAX_DEPTH: Final = 50


def read(content: str, source: Source, into: Gathering) -> None:
    """Read the text of a requirements file, and all that it includes."""
    _Walk(into).file(content, _File(source.path, source.shown, source.project))


def read_lines(content: str, number: int, source: Source, into: Gathering) -> None:
    """Read some lines of that dialect that stand in another file, from this line of it on."""
    file = _File(source.path, source.shown, source.project)
    _Walk(into).lines(content, file, before=number - 1)


@dataclass(frozen=True, slots=True)
class _File(Source):
    """A file that is being read, and which files led to it."""

    constraint: bool = False
    parents: tuple[_File, ...] = ()
    line: int = 0  # of the last parent, where it is included


@dataclass(frozen=True, slots=True)
class _Walk:
    into: Gathering

    def file(self, content: str, file: _File) -> None:
        key = (local.real(file.path), file.constraint)
        if key in self.into.read:
            return
        self.into.read[key] = file.shown
        self.lines(content, file)

    def lines(self, content: str, file: _File, *, before: int = 0) -> None:
        for found in text.logical_lines(content, self.into.env):
            line = replace(found, number=found.number + before) if before else found
            if isinstance(line, text.BadLine):
                error = SpecError(line.problem, hint=line.hint)
                self.into.wrong(f"{file.shown}:{line.number}", error)
                continue
            try:
                for statement in statements.parse(line.text):
                    self._statement(statement, file, line)
            except SpecError as error:
                self.into.wrong(f"{file.shown}:{line.number}", discreet(error, line))

    def _statement(
        self, statement: statements.Statement, file: _File, line: text.LogicalLine
    ) -> None:
        match statement:
            case statements.Include():
                self._include(statement, file, line)
            case statements.Setting():
                self.into.set_option(statement.name, statement.value, file, line)
            case statements.Wanted():
                requirement = self._requirement(statement, file, line)
                self.into.add(requirement, constraint=file.constraint)

    def _include(self, include: statements.Include, file: _File, line: text.LogicalLine) -> None:
        if file.constraint and not include.constraint:
            raise SpecError(
                "a constraints file includes requirements, which pip and uv understand differently",
                hint="include them with -c, or from a requirements file",
            )
        path, shown = self._include_path(include.path, file, line)
        chain = (*file.parents, file)
        if local.real(path) in [local.real(each.path) for each in chain]:
            names = " → ".join([*(each.shown for each in chain), shown])
            raise SpecError(
                f"the file includes itself: {names}", hint="break the circle of includes"
            )
        if len(chain) > MAX_DEPTH:
            raise SpecError(
                f"the includes are nested deeper than {MAX_DEPTH} files",
                hint="include the innermost files from the first one",
            )
        self._included(
            _File(path, shown, file.project, include.constraint, chain, line.number), file
        )

    def _included(self, file: _File, parent: _File) -> None:
        if (local.real(file.path), file.constraint) in self.into.read:
            return
        option = "-c" if file.constraint else "-r"
        hint = f"correct the {option} on line {file.line} of {parent.shown}"
        with self.into.at(file.shown):
            content = text.decode(sources.content(file, hint=hint))
            formats.check_included(file.path.name, content)
            self.file(content, file)

    def _include_path(self, given: str, file: _File, line: text.LogicalLine) -> tuple[Path, str]:
        scheme = urls.scheme_of(given)
        if scheme not in (None, "file"):
            raise SpecError(
                f"the included file {urls.masked(given)!r} is not on this machine",
                hint="download it and include the local file",
            )
        given = urls.path_of_url(given) if scheme else given
        path = file.path.parent / given
        shown = local.normal(Path(file.shown).parent / line.cover(given))
        file.project.check(path, line.cover(given))
        return path, shown

    def _requirement(
        self, wanted: statements.Wanted, file: _File, line: text.LogicalLine
    ) -> Requirement:
        wish = understand(wanted.text, editable=wanted.editable)
        if file.constraint:
            _check_constraint(wish, wanted)
        return self.into.understood(wish, file, line, wanted=wanted)


def _check_constraint(wish: Wish, wanted: statements.Wanted) -> None:
    for wrong, what in (
        (wanted.editable, "is editable"),
        (wish.name is None, "has no name"),
        (bool(wish.extras), "has extras"),
    ):
        if wrong:
            raise SpecError(
                f"a constraint {what}, which pip does not take",
                hint="write a constraint as NAME and version, and the rest in a requirements file",
            )
