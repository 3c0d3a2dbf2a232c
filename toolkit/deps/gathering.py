"""What all files together ask for, and all that is wrong with them: gathered while they are read.

Hides the keeping of secrets (nothing that came from a variable's value or stood before an `@` in a
URL gets into a message), the naming of local files, and what two files may not both say. A reader
of a format hands over texts with their places; it keeps nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from toolkit.deps import local, options, python, text, urls
from toolkit.deps.dependencies import (
    CONTEXT_MOUNT,
    Dependencies,
    IndexOptions,
    LocalFile,
    Requirement,
)
from toolkit.deps.locked import Locked
from toolkit.deps.python import PythonWish
from toolkit.deps.requirement import Wish
from toolkit.deps.selection import Kind, Selection, normalized
from toolkit.deps.sources import Source
from toolkit.deps.statements import Wanted
from toolkit.errors import Problem, SpecError

MAX_HINTS: Final = 3
_PLAINLY: Final = Wanted("")

Export: TypeAlias = Callable[[Path, Selection], str]
"""Gives, of a uv.lock, the pylock.toml with these extras and groups. Raises SpecError."""


@dataclass(slots=True)
class Gathering:
    """The reading of some files. Owns what was found so far; ask `result()` when all are read."""

    env: Mapping[str, str]
    selection: Selection = field(default_factory=Selection)
    export: Export | None = None
    options: IndexOptions = field(default_factory=IndexOptions)
    read: dict[tuple[Path, bool], str] = field(default_factory=dict)
    exempt: dict[str, str | None] = field(default_factory=dict)
    _requirements: list[Requirement] = field(default_factory=list)
    _constraints: list[Requirement] = field(default_factory=list)
    _local: dict[tuple[Path, str], LocalFile] = field(default_factory=dict)
    _credentials: dict[str, urls.Credential] = field(default_factory=dict)
    _pythons: dict[PythonWish, None] = field(default_factory=dict)
    _apt: dict[str, None] = field(default_factory=dict)
    _apt_build: dict[str, None] = field(default_factory=dict)
    _conda: dict[str, str] = field(default_factory=dict)  # each with the place that says it
    _channels: dict[str, None] = field(default_factory=dict)
    _locks: list[Locked] = field(default_factory=list)
    _newest: dict[str, str] = field(default_factory=dict)  # each with the place that says it
    _known: set[tuple[Kind, str]] = field(default_factory=set)
    _problems: list[Problem] = field(default_factory=list)
    _hints: dict[str, str] = field(default_factory=dict)  # each with the place it was first for

    def result(self) -> Dependencies:
        """Give what was read. Raises SpecError with every problem, or where nothing is wanted."""
        if not self._problems:  # a file that cannot be read may well have them
            for error in self.selection.unknown(self._known):
                self.wrong("", error)
        if at_odds := python.conflict(tuple(self._pythons)):
            self.wrong("", SpecError(at_odds, hint="change one of them"))
        self._check_locks()
        if self._problems:
            raise SpecError.gathered(self._problems, hint=self._hint())
        files = tuple(dict.fromkeys(self.read.values()))
        if not self._requirements and not self._locks and not self._conda:
            who = "the files ask" if len(files) > 1 else "the file asks"
            raise SpecError(
                f"{', '.join(files)}: {who} for no package",
                hint="write at least one requirement, such as requests>=2",
            )
        return Dependencies(
            requirements=tuple(self._requirements),
            constraints=tuple(self._constraints),
            options=self.options,
            local=tuple(self._local.values()),
            credentials=tuple(self._credentials.values()),
            files=files,
            pythons=tuple(self._pythons),
            apt=tuple(self._apt),
            apt_build=tuple(self._apt_build),
            exclude_newer=self.selection.newest or next(iter(self._newest), None),
            exempt=tuple(sorted(self.exempt.items())),
            locks=tuple(self._locks),
            conda=tuple(self._conda),
            channels=tuple(self._channels),
        )

    def wrong(self, where: str, error: SpecError) -> None:
        """Keep a problem for `result`."""
        self._problems.append(Problem(where, error.message))
        self._hints.setdefault(error.hint, where)

    @contextmanager
    def at(self, where: str, line: text.LogicalLine | None = None) -> Iterator[None]:
        """Keep what goes wrong within, at this place, without a word of what the line hides."""
        try:
            yield
        except SpecError as error:
            self.wrong(where, error if line is None else discreet(error, line))

    def selected(self, kind: Kind, known: Iterable[str]) -> tuple[str, ...]:
        """The extras or groups that are asked for and that a file has, of those given, normalised.

        What is asked for and was never among those given is a problem of the `result`.
        """
        names = normalized(known)
        self._known |= {(kind, name) for name in names}
        return tuple(name for name in self.selection.of(kind) if name in names)

    def add(self, requirement: Requirement, *, constraint: bool = False) -> None:
        """Take a requirement, or what limits one."""
        (self._constraints if constraint else self._requirements).append(requirement)

    def add_lock(self, lock: Locked) -> None:
        """Take a lock, which is then the whole of what is installed, with other locks."""
        self._locks.append(lock)

    def add_python(self, wish: PythonWish) -> None:
        """Take what a file asks of the Python."""
        self._pythons[wish] = None

    def add_apt(self, package: str, *, build: bool) -> None:
        """Take a Debian package; with `build`, one that is not in the image."""
        (self._apt_build if build else self._apt)[package] = None

    def add_conda(self, packages: Mapping[str, str], channels: Iterable[str]) -> None:
        """Take packages of conda's, each with its place, and where they are looked for."""
        self._conda |= packages
        self._channels |= dict.fromkeys(channels)

    def set_newest(self, when: str, where: str) -> None:
        """Take the time after which nothing counts that was uploaded. Raises SpecError."""
        if self.selection.newest is None and self._newest and when not in self._newest:
            ((other, place),) = self._newest.items()
            raise SpecError(
                f"{when!r} is not what {place} says: {other!r}",
                hint="say one time for all of them",
            )
        self._newest.setdefault(when, where)

    def set_option(self, name: str, value: str, source: Source, line: text.LogicalLine) -> None:
        """Take an option for the whole installation, by its long name. Raises SpecError."""
        if name in ("index-url", "extra-index-url"):
            value = self.remote(urls.index(value))
        elif name == "find-links":
            value = self._links(value, source, line)
        self.options = options.apply(self.options, name, value)

    def understood(
        self,
        wish: Wish,
        source: Source,
        line: text.LogicalLine,
        *,
        entry: str = "",
        wanted: Wanted = _PLAINLY,
    ) -> Requirement:
        """Turn a wish into a requirement: local files named, logins kept. Raises SpecError.

        `wanted` has what stood beside it.
        """
        return Requirement(
            name=wish.name,
            extras=wish.extras,
            specifier=wish.specifier,
            url=None if wish.url is None else self.remote(urls.direct(wish.url)),
            local=None if wish.path is None else self.place(wish.path, "requirement", source, line),
            fragment=wish.fragment,
            marker=wish.marker,
            hashes=wanted.hashes,
            editable=wanted.editable,
            file=source.shown,
            line=line.number,
            entry=entry,
        )

    def remote(self, remote: urls.RemoteUrl) -> str:
        """Give the URL; keep the login that was in it. Raises SpecError."""
        found = remote.credential
        if found and self._credentials.setdefault(found.host, found) != found:
            raise SpecError(
                f"the login for {found.host} is not the one that another URL gives",
                hint="use one login for each host: a netrc file carries no more",
            )
        return remote.url

    def place(
        self,
        path: str,
        kind: Literal["requirement", "links"],
        source: Source,
        line: text.LogicalLine,
    ) -> str:
        """Take a local path into the context; give its name there. Raises SpecError."""
        shown = line.cover(path)
        project = source.project
        found = local.find(path, shown, (source.path.parent, project.root))
        key = (local.real(found), kind)
        if key not in self._local:
            self._local[key] = local.load(found, shown, kind, len(self._local), project)
        return self._local[key].at

    def _links(self, value: str, source: Source, line: text.LogicalLine) -> str:
        if urls.scheme_of(value) in ("http", "https"):
            return self.remote(urls.index(value))
        path = urls.path_of_url(value) if urls.scheme_of(value) == "file" else value
        return f"{CONTEXT_MOUNT}/{self.place(path, 'links', source, line)}"

    def _check_locks(self) -> None:
        besides = {each.where: each.name or each.text for each in self._requirements}
        besides |= {each.where: each.name or each.text for each in self._constraints}
        besides |= {where: text for text, where in self._conda.items()}
        if self._locks and besides:
            where, text = next(iter(besides.items()))
            lock = self._locks[0].file
            self.wrong(
                where,
                SpecError(
                    f"{text} is asked for besides {lock}, a lock, which is the whole",
                    hint="lock them together with `toolkit lock`, or leave one out",
                ),
            )

    def _hint(self) -> str:
        """One hint as it is; of several the first few, each with its place."""
        if len(self._hints) < 2:
            return next(iter(self._hints))
        few = list(self._hints.items())[:MAX_HINTS]
        return "\n".join(f"{where}: {hint}" if where else hint for hint, where in few)


def discreet(error: SpecError, line: text.LogicalLine) -> SpecError:
    """Give the error without a word of what the line hides."""
    if not line.reveals(error.message):
        return error
    return SpecError(f"the line {urls.masked(line.shown)!r} cannot be used", hint=error.hint)
