"""The closure of a requirements file: what it says, what its includes say, all that is wrong.

Hides the walk through `-r` and `-c`, the gathering of problems, and the keeping of secrets: nothing
that came from a variable's value or stood before an `@` in a URL gets into a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from toolkit.deps import formats, local, options, statements, text, urls
from toolkit.deps.dependencies import (
    CONTEXT_MOUNT,
    Dependencies,
    IndexOptions,
    LocalFile,
    Requirement,
)
from toolkit.deps.requirement import Wish, understand
from toolkit.errors import Problem, SpecError

MAX_FILE_BYTES: Final = 16 << 20
MAX_DEPTH: Final = 50
MAX_HINTS: Final = 3


@dataclass(frozen=True, slots=True)
class _File:
    """A file that is being read: where it is, how it is called, and which files led to it."""

    path: Path
    shown: str
    project: local.Project
    constraint: bool = False
    parents: tuple[_File, ...] = ()
    line: int = 0  # of the last parent, where it is included


@dataclass(slots=True)
class Closure:
    """The reading of some files. Owns what was found so far; ask `result()` when all are read."""

    env: Mapping[str, str]
    _requirements: list[Requirement] = field(default_factory=list)
    _constraints: list[Requirement] = field(default_factory=list)
    _options: IndexOptions = field(default_factory=IndexOptions)
    _local: dict[tuple[Path, str], LocalFile] = field(default_factory=dict)
    _credentials: dict[str, urls.Credential] = field(default_factory=dict)
    _read: dict[tuple[Path, bool], str] = field(default_factory=dict)
    _problems: list[Problem] = field(default_factory=list)
    _hints: dict[str, str] = field(default_factory=dict)  # each with the place it was first for

    def read(self, path: Path, project: local.Project) -> None:
        """Read a file and all that it includes. Problems are kept for `result`."""
        self._file(_File(path, str(path), project))

    def result(self) -> Dependencies:
        """Give what was read. Raises SpecError with every problem, or where nothing is wanted."""
        if self._problems:
            raise SpecError.gathered(self._problems, hint=self._hint())
        files = tuple(dict.fromkeys(self._read.values()))
        if not self._requirements:
            who = "the files ask" if len(files) > 1 else "the file asks"
            raise SpecError(
                f"{', '.join(files)}: {who} for no package",
                hint="write at least one requirement, such as requests>=2",
            )
        return Dependencies(
            requirements=tuple(self._requirements),
            constraints=tuple(self._constraints),
            options=self._options,
            local=tuple(self._local.values()),
            credentials=tuple(self._credentials.values()),
            files=files,
        )

    def _wrong(self, where: str, error: SpecError) -> None:
        self._problems.append(Problem(where, error.message))
        if error.hint:
            self._hints.setdefault(error.hint, where)

    def _hint(self) -> str | None:
        """One hint as it is; of several the first few, each with its place."""
        if len(self._hints) < 2:
            return next(iter(self._hints), None)
        few = list(self._hints.items())[:MAX_HINTS]
        return "\n".join(f"{where}: {hint}" for hint, where in few)

    def _file(self, file: _File) -> None:
        key = (local.real(file.path), file.constraint)
        if key in self._read:
            return
        try:
            formats.detect(file.path.name)
            content = text.decode(_content(file))
        except SpecError as error:
            self._wrong(file.shown, error)
            return
        self._read[key] = file.shown
        for line in text.logical_lines(content, self.env):
            if isinstance(line, text.BadLine):
                self._wrong(f"{file.shown}:{line.number}", SpecError(line.problem, hint=line.hint))
                continue
            try:
                for statement in statements.parse(line.text):
                    self._statement(statement, file, line)
            except SpecError as error:
                self._wrong(f"{file.shown}:{line.number}", _discreet(error, line))

    def _statement(
        self, statement: statements.Statement, file: _File, line: text.LogicalLine
    ) -> None:
        match statement:
            case statements.Include():
                self._include(statement, file, line)
            case statements.Setting():
                self._setting(statement, file, line)
            case statements.Wanted():
                requirement = self._requirement(statement, file, line)
                (self._constraints if file.constraint else self._requirements).append(requirement)

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
            raise SpecError(f"the includes are nested deeper than {MAX_DEPTH} files")
        self._file(_File(path, shown, file.project, include.constraint, chain, line.number))

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

    def _setting(self, setting: statements.Setting, file: _File, line: text.LogicalLine) -> None:
        value = setting.value
        if setting.name in ("index-url", "extra-index-url"):
            value = self._remote(urls.index(value))
        elif setting.name == "find-links":
            value = self._links(value, file, line)
        self._options = options.apply(self._options, setting.name, value)

    def _links(self, value: str, file: _File, line: text.LogicalLine) -> str:
        if urls.scheme_of(value) in ("http", "https"):
            return self._remote(urls.index(value))
        path = urls.path_of_url(value) if urls.scheme_of(value) == "file" else value
        return f"{CONTEXT_MOUNT}/{self._place(path, 'links', file, line)}"

    def _remote(self, remote: urls.RemoteUrl) -> str:
        found = remote.credential
        if found and self._credentials.setdefault(found.host, found) != found:
            raise SpecError(
                f"the login for {found.host} is not the one that another URL gives",
                hint="use one login for each host: a netrc file carries no more",
            )
        return remote.url

    def _place(
        self, path: str, kind: Literal["requirement", "links"], file: _File, line: text.LogicalLine
    ) -> str:
        """Take a local path into the context; give its name there."""
        shown = line.cover(path)
        found = local.find(path, shown, (file.path.parent, file.project.root))
        key = (local.real(found), kind)
        if key not in self._local:
            self._local[key] = local.load(found, shown, kind, len(self._local), file.project)
        return self._local[key].at

    def _requirement(
        self, wanted: statements.Wanted, file: _File, line: text.LogicalLine
    ) -> Requirement:
        wish = understand(wanted.text)
        if file.constraint:
            _check_constraint(wish, wanted)
        return Requirement(
            name=wish.name,
            extras=wish.extras,
            specifier=wish.specifier,
            url=None if wish.url is None else self._remote(urls.direct(wish.url)),
            local=None if wish.path is None else self._place(wish.path, "requirement", file, line),
            fragment=wish.fragment,
            marker=wish.marker,
            hashes=wanted.hashes,
            editable=wanted.editable,
            file=file.shown,
            line=line.number,
        )


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


def _content(file: _File) -> bytes:
    """Read a file. Raises SpecError, which for an included file names the line that includes it."""
    hint = "check the name of the file"
    if file.parents:
        option = "-c" if file.constraint else "-r"
        hint = f"correct the {option} on line {file.line} of {file.parents[-1].shown}"
    try:
        with file.path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise SpecError("no such file", hint=hint) from error
    except IsADirectoryError as error:
        raise SpecError("this is a folder", hint="name the file in it") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise SpecError(f"the file cannot be read: {reason}", hint=hint) from error
    if len(data) > MAX_FILE_BYTES:
        raise SpecError(f"the file is larger than {MAX_FILE_BYTES >> 20} MiB")
    return data


def _discreet(error: SpecError, line: text.LogicalLine) -> SpecError:
    """Give the error without a word of what the line hides."""
    if not line.reveals(error.message):
        return error
    return SpecError(f"the line {urls.masked(line.shown)!r} cannot be used", hint=error.hint)
