"""One package of a poetry.lock, as a requirement: its version or its place, and its hashes.

Hides Poetry's spelling of sources. A package without a hash is refused where it is a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from packaging.markers import InvalidMarker, Marker

from toolkit.deps import project, tables
from toolkit.deps.dependencies import Requirement
from toolkit.deps.gathering import Gathering
from toolkit.deps.locked import is_pypi
from toolkit.deps.requirement import Wish
from toolkit.deps.sources import Source
from toolkit.deps.statements import checked_hash
from toolkit.errors import SpecError

RENEW: Final = "run `poetry lock` with Poetry 2.1 or newer"


def entries(
    packages: Sequence[object], source: Source, into: Gathering
) -> Iterator[tuple[tables.Table, tables.Entry]]:
    """Yield the packages of a lock that have a name; one that has none is a problem."""
    for index, package in enumerate(packages):
        name = package.get("name") if isinstance(package, Mapping) else None
        where = f"package.{name}" if isinstance(name, str) else f"package[{index}]"
        entry = tables.Entry(source, where)
        if isinstance(package, Mapping) and isinstance(name, str):
            yield package, entry
        else:
            into.wrong(entry.where, SpecError("the package has no name", hint=RENEW))


def requirement(
    package: tables.Table, entry: tables.Entry, into: Gathering, *, marker: str, files: object
) -> Requirement:
    """Give what installs the package, where the marker holds. Raises SpecError, without a place."""
    wish = project.understood(str(package["name"]))
    version = package.get("version")
    if not isinstance(version, str):
        raise tables.expected("a version", version)
    source = tables.table(package, "source")
    wish = _placed(replace(wish, marker=marker), source, version, entry, into)
    found = into.understood(wish, entry.source, entry.said(wish.url or wish.path or ""))
    hashes = () if found.vcs or source.get("type") == "directory" else _hashes(files)
    return replace(found, hashes=hashes, entry=entry.name)


def marker(text: str) -> Marker:
    """Read a marker. Raises SpecError."""
    try:
        return Marker(text)
    except InvalidMarker as error:
        raise SpecError(f"the marker {text!r} cannot be understood", hint=RENEW) from error


def strings(value: object) -> list[str]:
    """The strings of a list; none of anything else."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _placed(
    wish: Wish, source: tables.Table, version: str, entry: tables.Entry, into: Gathering
) -> Wish:
    url, kind = source.get("url"), source.get("type")
    if not isinstance(url, str) or kind == "legacy":
        if isinstance(url, str) and not is_pypi(url):
            with into.at(entry.where, entry.said(url)):
                into.set_option("extra-index-url", url, entry.source, entry.said(url))
        return replace(wish, specifier=project.understood(f"x=={version}").specifier)
    inside = source.get("subdirectory")
    fragment = f"subdirectory={inside}" if isinstance(inside, str) else ""
    if kind in ("file", "directory"):
        return replace(wish, path=url, fragment=fragment)
    behind = f"#{fragment}" if fragment else ""
    if kind == "git":
        commit = source.get("resolved_reference") or source.get("reference") or ""
        url = f"git+{url.removeprefix('git+')}@{commit}"
    return replace(wish, url=url + behind)


def _hashes(files: object) -> tuple[str, ...]:
    found = {
        checked_hash(str(each.get("hash")))
        for each in (files if isinstance(files, list) else ())
        if isinstance(each, Mapping)
    }
    if not found:
        raise SpecError("the package has no hash", hint=RENEW)
    return tuple(sorted(found))
