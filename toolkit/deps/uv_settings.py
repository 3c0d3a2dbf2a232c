"""What `[tool.uv]` says about where packages come from, and which of them count.

Hides the spelling of uv's settings. Those that change what is resolved and cannot be carried into a
build are refused; those that say how uv works are not ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from toolkit.deps import project, tables
from toolkit.deps.gathering import Gathering
from toolkit.deps.selection import newest
from toolkit.deps.sources import Source
from toolkit.errors import SpecError

_REFUSED: Final = ("override-dependencies", "exclude-dependencies")
_PLACES: Final = frozenset({"index-url", "extra-index-url", "find-links"})
_FLAGS: Final = {"no-index": (True, "no-index"), "prerelease": ("allow", "pre")}


def read(table: tables.Table, name: str, source: Source, into: Gathering) -> None:
    """Take the settings of a `[tool.uv]`; the sources of single packages are not among them."""
    for key, value in table.items():
        where = f"{name}.{key}"
        with into.at(f"{source.shown}: {where}"):
            if key in _REFUSED:
                raise SpecError(
                    "this setting cannot be carried into a build",
                    hint="lock the project with `uv lock`, and give its uv.lock",
                )
            _setting(key, value, tables.Entry(source, where), into)


def _setting(key: str, value: object, entry: tables.Entry, into: Gathering) -> None:
    wanted, flag = _FLAGS.get(key, (None, ""))
    if flag and value == wanted:
        _option(flag, "", entry, into)
    elif key == "exclude-newer":
        into.set_newest(newest(value), entry.where)
    elif key in _PLACES:
        for each in value if isinstance(value, list) else [value]:
            _option(key, each, entry, into)
    elif key == "index":
        for place, each in _tables(value, entry, into):
            _index(each, place, into)
    elif key in _TABLES:
        _TABLES[key](value, entry, into)


def _constraints(value: object, entry: tables.Entry, into: Gathering) -> None:
    for where, text in tables.strings(value, entry.name, entry.source, into):
        project.add(text, tables.Entry(entry.source, where), into, constraint=True)


def _exempt(value: object, entry: tables.Entry, into: Gathering) -> None:
    """What counts of single packages: up to another time, or, where it says false, all of it."""
    if not isinstance(value, Mapping):
        raise tables.expected("a table", value)
    for name, when in value.items():
        with into.at(f"{entry.where}.{name}"):
            wish = project.understood(name)
            into.exempt[wish.name or ""] = None if when is False else newest(when)


_TABLES: Final[Mapping[str, Callable[[object, tables.Entry, Gathering], None]]] = {
    "constraint-dependencies": _constraints,
    "exclude-newer-package": _exempt,
}


def _index(table: tables.Table, entry: tables.Entry, into: Gathering) -> None:
    if table.get("explicit") is True:
        return  # for the packages only that name it, which is refused there
    option = "index-url" if table.get("default") is True else "extra-index-url"
    _option(option, table.get("url"), entry, into)


def _option(name: str, value: object, entry: tables.Entry, into: Gathering) -> None:
    if not isinstance(value, str):
        raise tables.expected("a string", value)
    line = entry.said(value)
    with into.at(entry.where, line):
        into.set_option(name, value, entry.source, line)


def _tables(
    value: object, entry: tables.Entry, into: Gathering
) -> Iterator[tuple[tables.Entry, tables.Table]]:
    if not isinstance(value, list):
        raise tables.expected("a list", value)
    for index, item in enumerate(value):
        place = tables.Entry(entry.source, f"{entry.name}[{index}]")
        if isinstance(item, Mapping):
            yield place, item
        else:
            into.wrong(place.where, tables.expected("a table", item))
