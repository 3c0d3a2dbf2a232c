"""A lock: everything that is installed, in exact versions, and nothing besides.

Hides how the part is chosen that is for one machine, and that an index need not be the one from
which the lock was made: a file is known by its hash, wherever it is fetched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol
from urllib.parse import quote, urlsplit

from packaging.markers import UndefinedEnvironmentName
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
    PylockSelectError,
)
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from toolkit.deps import pinning
from toolkit.deps.dependencies import Dependencies, IndexOptions, Requirement
from toolkit.deps.target import Target
from toolkit.errors import Problem, SpecError

LOCAL: Final = "local/"
"""How paths begin that lie in the context; others in a lock are names of an index's files."""
HASHES: Final = ("sha256", "sha384", "sha512")
_PYPI: Final = ("https://pypi.org/simple", "https://pypi.python.org/simple")
_PYPI_FILES: Final = "files.pythonhosted.org"


class Selecting(Protocol):
    """A lock that says by itself what of it is for a machine."""

    def selected(self, target: Target) -> Iterator[Requirement]:
        """Yield what is to be installed. Raises SpecError where the lock does not fit."""
        ...


@dataclass(frozen=True, slots=True)
class Locked:
    """One lock, read from `file`, with the extras and groups that are wanted of it.

    A PEP 751 document, whose URLs have no logins and whose paths are those of the context; or a
    list of requirements with markers; or what finds the requirements of a machine by itself.
    """

    file: str
    pylock: Pylock | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    graph: Selecting | None = None

    def selected(self, target: Target) -> Iterator[Requirement]:
        """Yield what is to be installed on a machine. Raises SpecError where it does not fit."""
        try:
            yield from self._selected(target)
        except PylockSelectError as error:
            raise SpecError(
                f"{self.file}: the lock does not fit Python {target.python} on {target.platform}: "
                f"{error}",
                hint="lock again for this base, or name a base that fits with --base",
            ) from error
        except (ValueError, UndefinedEnvironmentName) as error:  # a marker none can evaluate
            raise SpecError(
                f"{self.file}: what of the lock is for Python {target.python} cannot be said: "
                f"{error}",
                hint="lock again with a newer version of the tool that wrote it",
            ) from error

    def _selected(self, target: Target) -> Iterator[Requirement]:
        for each in self.requirements:
            if target.holds(each.marker, self.extras):
                yield replace(each, marker="")
        if self.graph is not None:
            yield from self.graph.selected(target)
        if self.pylock is not None:
            for package, found in self.pylock.select(
                environment=target.environment(),
                tags=target.tags(),
                extras=self.extras,
                dependency_groups={*(self.pylock.default_groups or ()), *self.groups},
            ):
                yield self._requirement(package, found)

    @property
    def is_empty(self) -> bool:
        """Whether it says that nothing is installed, on whatever machine."""
        return not self.requirements and self.pylock is not None and not self.pylock.packages

    def indexes(self, wanted: Iterable[Requirement]) -> Iterator[str]:
        """Yield the index from which each came that came from one; "" where the lock is silent."""
        known = {each.name: each.index for each in (self.pylock.packages if self.pylock else ())}
        for each in wanted:
            if each.specifier:
                yield known.get(canonicalize_name(each.name or "")) or ""

    def _requirement(
        self,
        package: Package,
        found: PackageVcs | PackageDirectory | PackageArchive | PackageWheel | PackageSdist,
    ) -> Requirement:
        one = Requirement(name=package.name, file=self.file, entry=f"packages.{package.name}")
        subdirectory = getattr(found, "subdirectory", None)
        fragment = f"subdirectory={quote(subdirectory)}" if subdirectory else ""
        behind = f"#{fragment}" if fragment else ""
        if isinstance(found, PackageVcs):
            return replace(one, url=f"git+{found.url}@{found.commit_id}{behind}")
        if isinstance(found, PackageDirectory):
            return replace(one, local=found.path, fragment=fragment)
        one = replace(one, hashes=_hashes(found.hashes, one))
        if found.path is not None and found.path.startswith(LOCAL):
            return replace(one, local=found.path, fragment=fragment)
        if isinstance(found, PackageArchive):
            return replace(one, url=f"{found.url}{behind}")
        if package.index is None and found.url and urlsplit(found.url).hostname != _PYPI_FILES:
            return replace(one, url=found.url)
        return replace(one, specifier=f"=={package.version or _version(found)}")


def select(dependencies: Dependencies, target: Target) -> Dependencies:
    """The same with what its locks have for a machine; without locks as it is.

    Raises SpecError where a lock does not fit the machine, two are at odds, or something is asked
    for that they have not.
    """
    if not dependencies.locks:
        return dependencies
    found: dict[str, Requirement] = {}
    indexes: dict[str, None] = {}
    for lock in dependencies.locks:
        selected = list(lock.selected(target))
        indexes |= dict.fromkeys(lock.indexes(selected))
        for each in selected:
            other = found.setdefault(each.name or each.text, each)
            if (other.text, other.hashes) != (each.text, each.hashes):
                raise SpecError(
                    f"{each.where} is {each.text!r}, and {other.where} is {other.text!r}",
                    hint="lock them together, or give one of the two",
                )
    _check_covers(dependencies, found, target)
    wanted = tuple(sorted(found.values(), key=lambda each: each.text))
    if not wanted and not all(lock.is_empty for lock in dependencies.locks):
        raise SpecError(
            f"{', '.join(dependencies.files)}: nothing of the lock is for Python {target.python} "
            f"on {target.platform}",
            hint="check the extras and groups, or lock again",
        )
    used = {each.local for each in wanted}
    return replace(
        dependencies,
        requirements=wanted,
        constraints=(),
        local=tuple(each for each in dependencies.local if each.at in used),
        options=_with_indexes(dependencies.options, tuple(indexes)),
    )


def _check_covers(
    dependencies: Dependencies, found: Mapping[str, Requirement], target: Target
) -> None:
    """Hold what is asked for besides, of which the locks are said to be made, against them."""
    files = " and ".join(lock.file for lock in dependencies.locks)
    problems: list[Problem] = []
    for each in (*dependencies.requirements, *dependencies.constraints):
        got = found.get(each.name or "")
        is_wanted = each in dependencies.requirements or got is not None
        try:
            if each.name and is_wanted and target.holds(each.marker):
                problems += pinning.uncovered(each, got, files)
        except ValueError as error:
            raise SpecError(
                f"{each.where}: {each.name} cannot be held against {files}: {error}",
                hint="correct its version or its marker",
            ) from error
    pinning.refuse(problems)


def is_pypi(url: str) -> bool:
    """Whether an index is the one that goes without saying."""
    return url.rstrip("/") in _PYPI


def _with_indexes(options: IndexOptions, indexes: tuple[str, ...]) -> IndexOptions:
    """Besides PyPI, which is whatever the builder's environment says it is."""
    others = tuple(each for each in indexes if each and not is_pypi(each))
    if len(indexes) == len(others) == 1 and options.index_url is None:
        return replace(options, index_url=others[0])
    both = dict.fromkeys((*options.extra_index_urls, *others))
    return replace(options, extra_index_urls=tuple(both))


def _hashes(hashes: Mapping[str, str], one: Requirement) -> tuple[str, ...]:
    found = tuple(f"{name}:{hashes[name].lower()}" for name in HASHES if name in hashes)
    if not found:
        raise SpecError(
            f"{one.where}: the file has no hash that can be checked",
            hint="lock again with a tool that writes sha256",
        )
    return found


def _version(file: PackageWheel | PackageSdist | PackageArchive) -> str:
    name = file.filename if not isinstance(file, PackageArchive) else ""
    parse = parse_wheel_filename if name.endswith(".whl") else parse_sdist_filename
    return str(parse(name)[1])
