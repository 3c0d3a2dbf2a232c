"""Pipenv's files: Pipfile.lock with its hashes, and Pipfile where there is no lock.

Hides Pipenv's spelling of a requirement, which is a table where pip has a line. Its categories are
groups here, and `dev-packages` is the group `dev`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from packaging.markers import InvalidMarker, Marker

from toolkit.deps import project, tables, urls
from toolkit.deps.dependencies import Requirement
from toolkit.deps.gathering import Gathering
from toolkit.deps.locked import Locked, is_pypi
from toolkit.deps.python import PythonWish
from toolkit.deps.requirement import Wish
from toolkit.deps.sources import Source
from toolkit.deps.statements import checked_hash
from toolkit.deps.text import LogicalLine
from toolkit.errors import SpecError

_ENVIRONMENT: Final = (
    "os_name",
    "sys_platform",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_version",
    "python_full_version",
    "implementation_name",
    "implementation_version",
)
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}|\$(\w+)")
_VERSION: Final = re.compile(r"3\.\d{1,2}(?:\.\d{1,3})?")


def read_lock(content: str, source: Source, into: Gathering) -> None:
    """Read a Pipfile.lock: what is in it, as it was locked."""
    with into.at(source.shown):
        table = tables.parse_json(content)
        meta = tables.table(table, "_meta")
        if not meta:
            raise SpecError(
                "the file is not a lock of Pipenv's: it has no _meta", hint="run `pipenv lock`"
            )
        _sources(meta.get("sources"), "_meta.sources", source, into)
        _python(tables.table(meta, "requires"), "_meta.requires", source, into)
        found: dict[str, Requirement] = {}
        for category in _categories(table, "default", "develop", {"_meta"}, into):
            for each in _packages(tables.table(table, category), category, source, into):
                with into.at(each.where):
                    _check_locked(each)
                    found.setdefault(each.name or each.text, each)
        into.add_lock(Locked(source.shown, requirements=tuple(found.values())))


def read(content: str, source: Source, into: Gathering) -> None:
    """Read a Pipfile: what is wanted, to be resolved."""
    with into.at(source.shown):
        table = tables.parse(content)
        _sources(table.get("source"), "source", source, into)
        _python(tables.table(table, "requires"), "requires", source, into)
        others = {"source", "requires", "scripts", "pipenv"}
        for category in _categories(table, "packages", "dev-packages", others, into):
            for each in _packages(tables.table(table, category), category, source, into):
                into.add(each)


def _categories(
    table: tables.Table, default: str, develop: str, others: set[str], into: Gathering
) -> Iterator[str]:
    """The default category, and those that are asked for as groups."""
    known = {name: name for name in table if name not in others | {default, develop}}
    known["dev"] = develop
    asked = into.selected("group", known)
    yield default
    yield from (category for name, category in known.items() if project.canonical(name) in asked)


def _packages(
    table: tables.Table, category: str, source: Source, into: Gathering
) -> Iterator[Requirement]:
    for name, value in table.items():
        entry = tables.Entry(source, f"{category}.{name}")
        with into.at(entry.where):
            yield _requirement(name, value, entry, into)


def _requirement(name: str, value: object, entry: tables.Entry, into: Gathering) -> Requirement:
    table: Mapping[str, Any] = {"version": value} if isinstance(value, str) else _table(value)
    version = table.get("version", "*")
    specifier = "" if version == "*" or not isinstance(version, str) else version
    place, line = _place(table, entry, into)
    extras = table.get("extras")
    listed = ",".join(str(each) for each in extras) if isinstance(extras, list) else ""
    text = f"{name}[{listed}]" if listed else name
    nowhere = place.url is None and place.path is None
    plain = project.understood(f"{text}{specifier}" if nowhere else text)
    if nowhere:
        place = plain
    wish = replace(
        plain, marker=_marker(table), url=place.url, path=place.path, fragment=place.fragment
    )
    found = into.understood(wish, entry.source, line)
    hashes = table.get("hashes")
    checked = {checked_hash(str(each)) for each in hashes} if isinstance(hashes, list) else ()
    return replace(found, hashes=tuple(sorted(checked)), entry=entry.name)


def _table(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise tables.expected("a string or a table", value)
    return value


def _place(
    table: Mapping[str, Any], entry: tables.Entry, into: Gathering
) -> tuple[Wish, LogicalLine]:
    """Where it is, as a wish without a name: a repository, a file, a folder; or on an index."""
    nowhere = Wish(name=None)
    texts = {key: value for key, value in table.items() if isinstance(value, str)}
    fragment = f"subdirectory={texts['subdirectory']}" if "subdirectory" in texts else ""
    behind = f"#{fragment}" if fragment else ""
    for vcs in ("git", "hg", "svn", "bzr"):
        if vcs in texts:
            url, line = _expanded(texts[vcs], into)
            url = url if urls.vcs_of(url) else f"{vcs}+{url}"
            revision = f"@{texts['ref']}" if "ref" in texts else ""
            return replace(nowhere, url=f"{url}{revision}{behind}"), line
    given = texts.get("path") or texts.get("file")
    if given is None:
        return nowhere, entry.said("")
    given, line = _expanded(given, into)
    if urls.scheme_of(given) in ("http", "https"):
        return replace(nowhere, url=given + behind), line
    return replace(nowhere, path=given, fragment=fragment), line


def _expanded(text: str, into: Gathering) -> tuple[str, LogicalLine]:
    """A text with its variables, and the line that hides what they hold."""
    names = [found[1] or found[2] for found in _VARIABLE.finditer(text)]
    for name in names:
        if not into.env.get(name):
            raise SpecError(
                f"the environment variable {name} is {'empty' if name in into.env else 'not set'}",
                hint=f"set {name}",
            )
    hidden = tuple((into.env[name], name) for name in names)
    whole = _VARIABLE.sub(lambda found: into.env[found[1] or found[2]], text)
    return whole, LogicalLine(0, whole, text, hidden)


def _marker(table: Mapping[str, Any]) -> str:
    markers = [value for key, value in table.items() if key == "markers" and value]
    markers += [f"{key} {table[key]}" for key in _ENVIRONMENT if key in table]
    text = " and ".join(f"({each})" for each in markers)
    try:
        return str(Marker(text)) if text else ""
    except InvalidMarker as error:
        raise SpecError(
            f"the marker {text!r} cannot be understood",
            hint="write it as in: markers = \"sys_platform == 'linux'\"",
        ) from error


def _check_locked(found: Requirement) -> None:
    if not (found.hashes or found.url or found.local) or (
        found.hashes and not (found.url or found.local) and not found.is_exact
    ):
        raise SpecError(
            "the package is not locked: it has no exact version, or no hash",
            hint="run `pipenv lock`",
        )


def _sources(value: object, name: str, source: Source, into: Gathering) -> None:
    """The first index is the one, the others are looked into besides. PyPI goes without saying."""
    found = value if isinstance(value, list) else []
    for index, table in enumerate(found):
        entry = tables.Entry(source, f"{name}[{index}]")
        url = table.get("url") if isinstance(table, Mapping) else None
        if not isinstance(url, str):
            into.wrong(entry.where, tables.expected("a table with a url", table))
        elif not is_pypi(url):
            with into.at(entry.where):
                whole, line = _expanded(url, into)
                option = "extra-index-url" if index else "index-url"
                with into.at(entry.where, line):
                    into.set_option(option, whole, source, line)


def _python(table: tables.Table, name: str, source: Source, into: Gathering) -> None:
    for key in ("python_full_version", "python_version"):
        version = table.get(key)
        if isinstance(version, str) and _VERSION.fullmatch(version):
            specifier = f"=={version}" if version.count(".") == 2 else f"=={version}.*"
            into.add_python(PythonWish(specifier, f"{source.shown}: {name}.{key}", pin=version))
            return
