"""An older poetry.lock, in which packages have dependencies and no groups: what of it is wanted.

Hides the walk from the groups and extras that are asked for to everything that they need on one
machine. The lock has one answer for it: of several versions of a package the newest that all who
need it there take. Nothing is resolved: what is not in the lock is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.markers import Marker
from packaging.version import Version

from toolkit.deps.dependencies import Requirement
from toolkit.deps.poetry_packages import RENEW
from toolkit.deps.poetry_ranges import Range
from toolkit.deps.target import Target
from toolkit.errors import SpecError


@dataclass(frozen=True, slots=True)
class Need:
    """One line of dependencies: which versions of a package will do, and where it is needed.

    `extras` are those of the package that are wanted with it. An `optional` one is needed only by
    an extra that lists it.
    """

    name: str
    versions: Range
    pythons: Range
    marker: Marker | None = None
    extras: frozenset[str] = frozenset()
    optional: bool = False

    def holds(self, target: Target, extras: frozenset[str]) -> bool:
        """Whether the package is needed on a machine, of one with these extras."""
        return self.pythons.has(Version(target.python)) and target.holds(self.marker, extras)


@dataclass(frozen=True, slots=True)
class Package:
    """One package of the lock; `extras` says what each wants besides, with the extras of that."""

    found: Requirement
    version: Version
    pythons: Range
    needs: tuple[Need, ...]
    extras: Mapping[str, tuple[tuple[str, frozenset[str]], ...]]

    def needed(
        self, target: Target, extras: frozenset[str]
    ) -> Iterator[tuple[Need, frozenset[str]]]:
        """Yield what it needs on a machine, with the extras that are wanted of that."""
        wanted = self._with_its_own(extras)
        listed: dict[str, frozenset[str]] = {}
        for extra in wanted:
            for name, more in self.extras.get(extra, ()):
                listed[name] = listed.get(name, frozenset()) | more
        for need in self.needs:
            if (not need.optional or need.name in listed) and need.holds(target, wanted):
                yield need, need.extras | listed.get(need.name, frozenset())

    def _with_its_own(self, extras: frozenset[str]) -> frozenset[str]:
        """The extras, and those of the package itself that they name."""
        found, todo = set(extras), list(extras)
        while todo:
            for name, more in self.extras.get(todo.pop(), ()):
                if name == self.found.name:
                    todo += more - found
                    found |= more
        return frozenset(found)


@dataclass(slots=True)
class _Wanted:
    """What is asked of one package by all who need it."""

    versions: list[Range] = field(default_factory=list)
    extras: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Graph:
    """The packages of a lock by name, and what of the project's own dependencies is wanted."""

    file: str
    packages: Mapping[str, Sequence[Package]]
    roots: tuple[Need, ...]

    def selected(self, target: Target) -> Iterator[Requirement]:
        """Yield what is to be installed on a machine. Raises SpecError where the lock lacks it."""
        chosen: dict[str, Package] = {}
        # Each round reaches further, or takes back what a newly found need rules out.
        for _ in range(2 * len(self.packages) + 2):
            reached = self._reached(chosen, target)
            best = {name: self._best(name, wanted, target) for name, wanted in reached.items()}
            now = {name: each for name, each in best.items() if each is not None}
            if now == chosen:
                self._check_all(reached, chosen, target)
                return iter([each.found for each in chosen.values()])
            chosen = now
        raise SpecError(f"{self.file}: the lock has no one answer for this machine", hint=RENEW)

    def _check_all(
        self, reached: Iterable[str], chosen: Mapping[str, Package], target: Target
    ) -> None:
        lacking = sorted(set(reached) - chosen.keys())
        if lacking:
            raise SpecError(
                f"{self.file}: the lock has no {', '.join(lacking)} for Python {target.python} on "
                f"{target.platform} that all who need it take",
                hint=RENEW,
            )

    def _reached(self, chosen: Mapping[str, Package], target: Target) -> dict[str, _Wanted]:
        """All that is needed, by what has been chosen so far."""
        found: dict[str, _Wanted] = {}
        todo = [(need, need.extras) for need in self.roots if need.holds(target, frozenset())]
        seen: set[tuple[str, frozenset[str]]] = set()
        while todo:
            need, extras = todo.pop()
            wanted = found.setdefault(need.name, _Wanted())
            wanted.versions.append(need.versions)
            wanted.extras |= extras
            if need.name in chosen and (need.name, wanted.extras) not in seen:
                seen.add((need.name, wanted.extras))
                todo += chosen[need.name].needed(target, wanted.extras)
        return found

    def _best(self, name: str, wanted: _Wanted, target: Target) -> Package | None:
        python = Version(target.python)
        fitting = [
            each
            for each in self.packages.get(name, ())
            if each.pythons.has(python)
            and (
                each.found.specifier == "" or all(one.has(each.version) for one in wanted.versions)
            )
        ]
        return max(fitting, key=lambda each: each.version, default=None)
