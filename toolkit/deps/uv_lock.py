"""uv.lock: by uv itself, whose own format it is.

Hides that uv gives a lock of PEP 751, in which the extras and groups that were asked for are
already chosen. The project itself is left out, as it is of a pyproject.toml.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from toolkit.deps import pylock, tables
from toolkit.deps.gathering import Gathering
from toolkit.deps.selection import Kind
from toolkit.deps.sources import Source
from toolkit.errors import SpecError


def read(content: str, source: Source, into: Gathering) -> None:
    """Read what is in a uv.lock."""
    with into.at(source.shown):
        names = _names(tables.parse(content))
        extras = into.selected("extra", (name for kind, name in names if kind == "extra"))
        groups = into.selected("group", (name for kind, name in names if kind == "group"))
        if into.export is None:
            raise SpecError(
                "a uv.lock is read by uv, which is not at hand here",
                hint="run `uv export --format pylock.toml -o pylock.toml`, and give that file",
            )
        chosen = replace(into.selection, extras=extras, groups=groups)
        exported = into.export(source.path, chosen)
        pylock.add(tables.parse(exported), source, into)


def _names(table: tables.Table) -> list[tuple[Kind, str]]:
    """The extras and groups of the projects in a lock: those that are folders."""
    return [name for package in _projects(table) for name in _names_of(package)]


def _projects(table: tables.Table) -> Iterator[tables.Table]:
    packages = table.get("package")
    for package in packages if isinstance(packages, list) else ():
        if isinstance(package, dict) and {"editable", "virtual", "directory"} & set(
            tables.table(package, "source")
        ):
            yield package


def _names_of(package: tables.Table) -> Iterator[tuple[Kind, str]]:
    yield from (("extra", name) for name in tables.table(package, "optional-dependencies"))
    yield from (("group", name) for name in tables.table(package, "dev-dependencies"))
