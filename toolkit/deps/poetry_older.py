"""An older poetry.lock (1.0 to 2.0), read together with the pyproject.toml beside it.

Hides where these locks and Poetry's own table of a project say what needs what. That the two belong
together is proven first, by Poetry's own hash of that table.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from packaging.version import Version

from toolkit.deps import poetry_packages, project, sources, tables, text
from toolkit.deps.gathering import Gathering
from toolkit.deps.locked import Locked
from toolkit.deps.poetry_graph import Graph, Need, Package
from toolkit.deps.poetry_packages import RENEW, strings
from toolkit.deps.poetry_ranges import Range
from toolkit.deps.sources import Source
from toolkit.errors import SpecError

_PROJECT: Final = "pyproject.toml"
_HASHED: Final = ("dependencies", "source", "extras", "dev-dependencies")
_LISTED: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?.*", re.DOTALL)

_Listed = tuple[tuple[str, frozenset[str]], ...]


def read(table: tables.Table, version: str, source: Source, into: Gathering) -> None:
    """Read the document of such a lock. Raises SpecError, without the file's name."""
    wanted = _project(table, version, source)
    graph = Graph(source.shown, _packages(table, source, into), tuple(_roots(wanted, into)))
    into.add_lock(Locked(source.shown, graph=graph))


def _project(lock: tables.Table, version: str, source: Source) -> tables.Table:
    """Poetry's table of the project beside the lock. Raises SpecError where they are at odds."""
    path = source.path.parent / _PROJECT
    if not path.is_file():
        raise SpecError(
            f"the lock is of version {version}, which does not say what belongs to which group",
            hint=f"put its {_PROJECT} beside it, or {RENEW}",
        )
    beside = Source(path, _PROJECT, source.project)
    found = tables.table(tables.parse(text.decode(sources.content(beside))), "tool", "poetry")
    locked = tables.table(lock, "metadata").get("content-hash")
    if locked != content_hash(found):
        raise SpecError(
            f"the lock is older than the {_PROJECT} beside it, and says something else",
            hint="run `poetry lock`",
        )
    return found


def content_hash(table: tables.Table) -> str:
    """Poetry's hash of what a lock is made from."""
    content = {key: table.get(key) for key in _HASHED}
    if table.get("group") is not None:
        content["group"] = table["group"]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _roots(wanted: tables.Table, into: Gathering) -> Iterator[Need]:
    """What the project itself needs: of groups and extras, what those asked for do."""
    groups = {
        project.canonical(name): tables.table(wanted, "group", name, "dependencies")
        for name in tables.table(wanted, "group")
    }
    old = tables.table(wanted, "dev-dependencies")
    if old:
        groups["dev"] = {**old, **groups.get("dev", {})}
    # An optional one is left out also where another group has it, as `poetry install` has it.
    lists = _lists(tables.table(wanted, "extras"))
    listed = {name for extra in into.selected("extra", lists) for name, _ in lists[extra]}
    for need in _needs(tables.table(wanted, "dependencies"), "tool.poetry.dependencies"):
        if need.name != "python" and (not need.optional or need.name in listed):
            yield need
    for group in into.selected("group", groups):
        yield from _needs(groups[group], f"tool.poetry.group.{group}.dependencies")


def _packages(table: tables.Table, source: Source, into: Gathering) -> Mapping[str, list[Package]]:
    files = tables.table(table, "metadata", "files")
    found: dict[str, list[Package]] = {}
    packages = table["package"]
    for package, entry in poetry_packages.entries(packages, source, into):
        with into.at(entry.where):
            each = _package(package, entry, into, files)
            found.setdefault(each.found.name or "", []).append(each)
    return found


def _package(
    package: tables.Table, entry: tables.Entry, into: Gathering, files: tables.Table
) -> Package:
    own = package.get("files", files.get(package["name"]))
    found = poetry_packages.requirement(package, entry, into, marker="", files=own)
    try:
        version = Version(str(package.get("version")))
    except ValueError as error:  # InvalidVersion is one
        raise SpecError(f"{package.get('version')!r} is not a version", hint=RENEW) from error
    return Package(
        found,
        version,
        pythons=_range(package.get("python-versions", "*")),
        needs=tuple(_needs(tables.table(package, "dependencies"), "dependencies")),
        extras=_lists(tables.table(package, "extras")),
    )


def _needs(table: tables.Table, where: str) -> Iterator[Need]:
    for name, value in table.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str):
                yield Need(project.canonical(name), _range(each), Range())
            elif isinstance(each, Mapping):
                yield _need(name, each)
            else:
                raise SpecError(f"{where}.{name} is neither a range nor a table", hint=RENEW)


def _need(name: str, table: Mapping[str, Any]) -> Need:
    markers = [str(table["markers"])] if table.get("markers") else []
    if "platform" in table:
        markers.append(f"sys_platform == {str(table['platform'])!r}")
    both = " and ".join(f"({each})" for each in markers)
    return Need(
        project.canonical(name),
        _range(table.get("version", "*")),
        _range(table.get("python", "*")),
        marker=poetry_packages.marker(both) if both else None,
        extras=frozenset(map(project.canonical, strings(table.get("extras")))),
        optional=table.get("optional") is True,
    )


def _range(value: object) -> Range:
    if not isinstance(value, str):
        raise tables.expected("a range of versions", value)
    return Range.parse(value)


def _lists(table: tables.Table) -> dict[str, _Listed]:
    """What each extra wants: names, with the extras of those."""
    return {
        project.canonical(extra): tuple(
            (project.canonical(found[1]), frozenset(_names(found[2] or "")))
            for found in map(_LISTED.fullmatch, strings(value))
            if found
        )
        for extra, value in table.items()
    }


def _names(text: str) -> Iterator[str]:
    return (project.canonical(each.strip()) for each in text.split(",") if each.strip())
