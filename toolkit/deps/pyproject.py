"""pyproject.toml: what a project depends on, with its extras and its groups (PEP 621, PEP 735).

Hides how extras of the project's own and groups that include groups are followed. The project
itself is not installed, only what it needs. Dependencies that only a build backend could tell are
refused: to ask one would run the project's code on this machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from toolkit.deps import project, tables, uv_settings
from toolkit.deps.gathering import Gathering
from toolkit.deps.selection import normalized
from toolkit.deps.sources import Source
from toolkit.deps.uv_sources import UvSources
from toolkit.errors import SpecError

_ITSELF = "write `.` in a requirements.txt beside it, so that the build works them out"


def read(content: str, source: Source, into: Gathering) -> None:
    """Read a pyproject.toml: the dependencies, and of extras and groups those asked for."""
    with into.at(source.shown):
        table = tables.parse(content)
        if "project" not in table and "dependency-groups" not in table:
            raise _without_project(table)
        uv = tables.table(table, "tool", "uv")
        reading = _Reading(table, source, into, tables.Lines(content))
        reading.check_dynamic()
        metadata = reading.metadata
        project.read_python(
            metadata.get("requires-python"), "project.requires-python", source, into
        )
        reading.dependencies()
        uv_settings.read(uv, "tool.uv", source, into)


def is_project(content: str) -> bool:
    """Whether a pyproject.toml says anything of dependencies; many only configure tools."""
    try:
        table = tables.parse(content)
    except SpecError:
        return True  # it says so itself when it is read
    return bool({"project", "dependency-groups"} & table.keys()) or "poetry" in tables.table(
        table, "tool"
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    table: tables.Table
    source: Source
    into: Gathering
    lines: tables.Lines
    _read: set[str] = field(default_factory=set)  # extras and groups, each once

    @property
    def metadata(self) -> tables.Table:
        return tables.table(self.table, "project")

    @property
    def places(self) -> UvSources:
        return UvSources(tables.table(self.table, "tool", "uv", "sources"))

    def check_dynamic(self) -> None:
        dynamic = self.metadata.get("dynamic")
        names = dynamic if isinstance(dynamic, list) else []
        asked = self.into.selection.extras
        for name in ("dependencies", *(("optional-dependencies",) if asked else ())):
            if name in names:
                self.into.wrong(
                    f"{self.source.shown}: project.dynamic",
                    SpecError(
                        f"the project's {name} are known only once it is built", hint=_ITSELF
                    ),
                )

    def dependencies(self) -> None:
        self._list(self.metadata.get("dependencies"), "project.dependencies")
        optional = tables.table(self.metadata, "optional-dependencies")
        for extra in self.into.selected("extra", optional):
            self._extra(extra)
        groups = tables.table(self.table, "dependency-groups")
        for group in self.into.selected("group", groups):
            self._group(group, ())

    def _extra(self, extra: str) -> None:
        optional = tables.table(self.metadata, "optional-dependencies")
        if f"extra {extra}" not in self._read:
            self._read.add(f"extra {extra}")
            for name, value in _named(optional, extra):
                self._list(value, f"project.optional-dependencies.{name}")

    def _list(self, value: object, name: str) -> None:
        for entry, text in tables.strings(value, name, self.source, self.into):
            self._add(text, entry)

    def _add(self, text: str, name: str) -> None:
        entry = tables.Entry(self.source, name, self.lines.of(text))
        own = self._own_extras(text)
        if own is None:
            project.add(text, entry, self.into, places=self.places)
            return
        known = normalized(tables.table(self.metadata, "optional-dependencies"))
        for extra in own:
            if extra in known:
                self._extra(extra)
            else:
                self.into.wrong(
                    entry.where,
                    SpecError(
                        f"the project has no extra {extra!r}", hint="correct the name, or add it"
                    ),
                )

    def _own_extras(self, text: str) -> tuple[str, ...] | None:
        """The extras of the project itself that a dependency on it means: `demo[plot]` in demo."""
        name = self.metadata.get("name")
        try:
            wish = project.understood(text)
        except SpecError:
            return None
        own = isinstance(name, str) and wish.name == canonicalize_name(name) and wish.extras
        return wish.extras if own else None

    def _group(self, group: str, parents: tuple[str, ...]) -> None:
        if f"group {group}" in self._read:
            return
        self._read.add(f"group {group}")
        groups = tables.table(self.table, "dependency-groups")
        found = list(_named(groups, group))
        where = f"{self.source.shown}: dependency-groups.{group}"
        if len(found) > 1:
            names = " and ".join(repr(name) for name, _ in found)
            self.into.wrong(
                where,
                SpecError(f"{names} are the same name", hint="give each group one of its own"),
            )
            return
        for name, value in found:
            self._members(name, value, (*parents, group))

    def _members(self, name: str, value: object, chain: tuple[str, ...]) -> None:
        if not isinstance(value, list):
            self.into.wrong(
                f"{self.source.shown}: dependency-groups.{name}", tables.expected("a list", value)
            )
            return
        for index, item in enumerate(value):
            entry = f"dependency-groups.{name}[{index}]"
            if isinstance(item, str):
                self._add(item, entry)
                continue
            with self.into.at(f"{self.source.shown}: {entry}"):
                self._include(item, chain)

    def _include(self, item: object, chain: tuple[str, ...]) -> None:
        included = item.get("include-group") if isinstance(item, Mapping) else None
        if not isinstance(included, str) or len(item) != 1:  # type: ignore[arg-type]  # a Mapping
            raise SpecError(
                "this is neither a dependency nor {include-group = NAME}",
                hint='write it as in: {include-group = "test"}',
            )
        group = str(canonicalize_name(included))
        if group in chain:
            circle = " → ".join((*chain[chain.index(group) :], group))
            raise SpecError(
                f"the group includes itself: {circle}", hint="break the circle of includes"
            )
        known = normalized(tables.table(self.table, "dependency-groups"))
        if group not in known:
            raise SpecError(
                f"there is no group {included!r}", hint="correct the name, or add the group"
            )
        self._group(group, chain)


def _named(table: tables.Table, name: str) -> Iterator[tuple[str, object]]:
    """Yield what a table has under a name, however it is spelt there."""
    return ((key, value) for key, value in table.items() if canonicalize_name(key) == name)


def _without_project(table: tables.Table) -> SpecError:
    if tables.table(table, "tool", "poetry"):
        return SpecError(
            "this is a project of Poetry's own format, without [project]",
            hint="run `poetry lock`, and give its poetry.lock",
        )
    return SpecError(
        "the file has neither [project] nor [dependency-groups]",
        hint="give the file that has the dependencies",
    )
