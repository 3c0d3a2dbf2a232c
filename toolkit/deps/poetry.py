"""poetry.lock, as Poetry 2 writes it: each package with its groups, its marker and its hashes.

Hides Poetry's spelling of Python versions and of sources. Older locks leave it to Poetry which
package belongs to which group; they are refused with how to renew them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from packaging.markers import InvalidMarker, Marker

from toolkit.deps import project, tables
from toolkit.deps.dependencies import Requirement
from toolkit.deps.gathering import Gathering
from toolkit.deps.locked import Locked, is_pypi
from toolkit.deps.requirement import Wish
from toolkit.deps.sources import Source
from toolkit.deps.statements import checked_hash
from toolkit.errors import SpecError

_MAIN: Final = "main"
_RENEW: Final = "run `poetry lock` with Poetry 2.1 or newer"
_CARET: Final = re.compile(r"\^\s*(\d+)((?:\.\d+)*)")
_TILDE: Final = re.compile(r"~\s*(\d+)(?:\.(\d+))?((?:\.\d+)*)")
_BARE: Final = re.compile(r"\d+(?:\.\d+)*(?:\.\*)?")


def read(content: str, source: Source, into: Gathering) -> None:
    """Read a poetry.lock: the main group, and of groups and extras those asked for."""
    with into.at(source.shown):
        table = tables.parse(content)
        packages = table.get("package")
        metadata = tables.table(table, "metadata")
        if "lock-version" not in metadata or not isinstance(packages, list):
            raise SpecError("the file is not a lock of Poetry's", hint=_RENEW)
        version = str(metadata["lock-version"])
        if _numbers(version) < (2, 1):
            raise SpecError(
                f"the lock is of version {version}, which does not say what belongs to which group",
                hint=_RENEW,
            )
        if specifier := _python(metadata.get("python-versions")):
            project.read_python(specifier, "metadata.python-versions", source, into)
        reading = _Reading(source, into, _groups(packages, into), _extras(table, into))
        found = tuple(reading.packages(packages))
        into.add_lock(Locked(source.shown, extras=reading.extras, requirements=found))


@dataclass(frozen=True, slots=True)
class _Reading:
    source: Source
    into: Gathering
    groups: Sequence[str]
    extras: tuple[str, ...]

    def packages(self, packages: Sequence[object]) -> Iterator[Requirement]:
        for index, package in enumerate(packages):
            name = package.get("name") if isinstance(package, Mapping) else None
            where = f"package.{name}" if isinstance(name, str) else f"package[{index}]"
            entry = tables.Entry(self.source, where)
            with self.into.at(entry.where):
                if not isinstance(package, Mapping) or not isinstance(name, str):
                    raise SpecError("the package has no name", hint=_RENEW)
                groups = _strings(package.get("groups"))
                wanted = [group for group in groups if project.canonical(group) in self.groups]
                if wanted:
                    yield self._package(package, wanted, entry)

    def _package(
        self, package: tables.Table, groups: Sequence[str], entry: tables.Entry
    ) -> Requirement:
        wish = project.understood(str(package["name"]))
        version = package.get("version")
        if not isinstance(version, str):
            raise tables.expected("a version", version)
        wish = replace(wish, marker=_marker(package.get("markers"), groups))
        source = tables.table(package, "source")
        wish = self._placed(wish, source, version, entry)
        hint = wish.url or wish.path or ""
        found = self.into.understood(wish, entry.source, entry.said(hint))
        hashes = () if found.vcs or source.get("type") == "directory" else _hashes(package)
        return replace(found, hashes=hashes, entry=entry.name)

    def _placed(self, wish: Wish, source: tables.Table, version: str, entry: tables.Entry) -> Wish:
        url, kind = source.get("url"), source.get("type")
        if not isinstance(url, str) or kind == "legacy":
            if isinstance(url, str) and not is_pypi(url):
                with self.into.at(entry.where, entry.said(url)):
                    self.into.set_option("extra-index-url", url, entry.source, entry.said(url))
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


def _groups(packages: Sequence[object], into: Gathering) -> tuple[str, ...]:
    known = {
        group: None
        for package in packages
        if isinstance(package, Mapping)
        for group in _strings(package.get("groups"))
    }
    known.pop(_MAIN, None)
    return (_MAIN, *into.selected("group", known))


def _extras(table: tables.Table, into: Gathering) -> tuple[str, ...]:
    return into.selected("extra", tables.table(table, "extras"))


def _strings(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _marker(value: object, groups: Sequence[str]) -> str:
    """The marker of a package, which may be another one for each group that wants it."""
    texts: list[Any] = [value]
    if isinstance(value, Mapping):
        texts = [value.get(group) for group in groups]
    if None in texts:
        return ""
    text = " or ".join(f"({each})" for each in texts)
    try:
        return str(Marker(text))
    except InvalidMarker as error:
        raise SpecError(f"the marker {text!r} cannot be understood", hint=_RENEW) from error


def _hashes(package: tables.Table) -> tuple[str, ...]:
    files = package.get("files")
    found = {
        checked_hash(str(each.get("hash")))
        for each in (files if isinstance(files, list) else ())
        if isinstance(each, Mapping)
    }
    if not found:
        raise SpecError("the package has no hash", hint=_RENEW)
    return tuple(sorted(found))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version))


def _python(value: object) -> str | None:
    """A range of Python versions as PEP 440 has it; None where it says nothing, or alternatives."""
    if not isinstance(value, str) or "|" in value or value.strip() in ("*", ""):
        return None
    return ",".join(_range(part.strip()) for part in value.split(",") if part.strip())


def _range(part: str) -> str:
    if caret := _CARET.fullmatch(part):
        return f">={caret[1]}{caret[2]},<{int(caret[1]) + 1}"
    if (tilde := _TILDE.fullmatch(part)) and not part.startswith("~="):
        upper = f"{tilde[1]}.{int(tilde[2]) + 1}" if tilde[2] else f"{int(tilde[1]) + 1}"
        lower = ".".join(filter(None, (tilde[1], tilde[2]))) + tilde[3]
        return f">={lower},<{upper}"
    return f"=={part}" if _BARE.fullmatch(part) else part
