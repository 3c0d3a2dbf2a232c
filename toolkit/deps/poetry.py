"""poetry.lock, as Poetry 2 writes it: each package with its groups, its marker and its hashes.

Hides which lock is of which kind: an older one leaves it to Poetry which package belongs to which
group, and is read together with the pyproject.toml beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from toolkit.deps import poetry_older, poetry_packages, poetry_ranges, project, tables
from toolkit.deps.dependencies import Requirement
from toolkit.deps.gathering import Gathering
from toolkit.deps.locked import Locked
from toolkit.deps.poetry_packages import RENEW, strings
from toolkit.deps.sources import Source
from toolkit.errors import SpecError

_MAIN: Final = "main"


def read(content: str, source: Source, into: Gathering) -> None:
    """Read a poetry.lock: the main group, and of groups and extras those asked for."""
    with into.at(source.shown):
        table = tables.parse(content)
        packages = table.get("package")
        metadata = tables.table(table, "metadata")
        if "lock-version" not in metadata or not isinstance(packages, list):
            raise SpecError("the file is not a lock of Poetry's", hint=RENEW)
        if specifier := _python(metadata.get("python-versions")):
            project.read_python(specifier, "metadata.python-versions", source, into)
        version = str(metadata["lock-version"])
        if _numbers(version) < (2, 1):
            poetry_older.read(table, version, source, into)
            return
        reading = _Reading(source, into, _groups(packages, into))
        extras = into.selected("extra", tables.table(table, "extras"))
        found = tuple(reading.packages(packages))
        into.add_lock(Locked(source.shown, extras=extras, requirements=found))


@dataclass(frozen=True, slots=True)
class _Reading:
    source: Source
    into: Gathering
    groups: Sequence[str]

    def packages(self, packages: Sequence[object]) -> Iterator[Requirement]:
        for package, entry in poetry_packages.entries(packages, self.source, self.into):
            with self.into.at(entry.where):
                groups = strings(package.get("groups"))
                wanted = [group for group in groups if project.canonical(group) in self.groups]
                if wanted:
                    yield poetry_packages.requirement(
                        package,
                        entry,
                        self.into,
                        marker=_marker(package.get("markers"), wanted),
                        files=package.get("files"),
                    )


def _groups(packages: Sequence[object], into: Gathering) -> tuple[str, ...]:
    known = {
        group: None
        for package in packages
        if isinstance(package, Mapping)
        for group in strings(package.get("groups"))
    }
    known.pop(_MAIN, None)
    return (_MAIN, *into.selected("group", known))


def _marker(value: object, groups: Sequence[str]) -> str:
    """The marker of a package, which may be another one for each group that wants it."""
    texts: list[Any] = [value]
    if isinstance(value, Mapping):
        texts = [value.get(group) for group in groups]
    if None in texts:
        return ""
    return str(poetry_packages.marker(" or ".join(f"({each})" for each in texts)))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version))


def _python(value: object) -> str | None:
    """A range of Python versions as PEP 440 has it; None where it says nothing, or alternatives."""
    if not isinstance(value, str) or "|" in value:
        return None
    return poetry_ranges.specifiers(value) or None
