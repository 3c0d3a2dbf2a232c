"""pylock.toml: the lock of PEP 751, read by `packaging`.

Hides what is done to it first: logins leave its URLs, and files beside it get their names in the
context.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, Final

from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError

from toolkit.deps import local, project, tables, urls
from toolkit.deps.gathering import Gathering
from toolkit.deps.locked import LOCAL, Locked
from toolkit.deps.sources import Source
from toolkit.errors import SpecError

_FILES: Final = ("wheels", "sdist", "archive")


def read(content: str, source: Source, into: Gathering) -> None:
    """Read a lock as it is in a file."""
    with into.at(source.shown):
        add(tables.parse(content), source, into)


def add(table: tables.Table, source: Source, into: Gathering) -> None:
    """Take a lock's document, which is changed. Raises SpecError, without the file's name."""
    for where, package in _packages(table):
        with into.at(f"{source.shown}: {where}"):
            _clean(package, source, into)
    try:
        lock = Pylock.from_dict(table)
    except PylockUnsupportedVersionError as error:
        raise SpecError(
            f"this version of PEP 751 is not known: {error}",
            hint="lock again with a tool that writes version 1.0",
        ) from error
    except (PylockValidationError, ValueError, TypeError) as error:
        raise SpecError(
            f"the file is not a lock of PEP 751: {error}", hint="lock again, or correct it"
        ) from error
    if lock.requires_python is not None:
        project.read_python(str(lock.requires_python), "requires-python", source, into)
    into.add_lock(
        Locked(
            source.shown,
            lock,
            extras=into.selected("extra", lock.extras or ()),
            groups=into.selected("group", lock.dependency_groups or ()),
        )
    )


def _packages(table: tables.Table) -> Iterator[tuple[str, MutableMapping[str, Any]]]:
    packages = table.get("packages")
    for index, package in enumerate(packages if isinstance(packages, list) else ()):
        if isinstance(package, MutableMapping):
            name = package.get("name")
            where = f"packages.{name}" if isinstance(name, str) else f"packages[{index}]"
            yield where, package


def _clean(package: MutableMapping[str, Any], source: Source, into: Gathering) -> None:
    for key in _FILES:
        files = package.get(key)
        for file in files if isinstance(files, list) else [files]:
            if isinstance(file, MutableMapping):
                _clean_file(file, source, into)
    vcs, folder = package.get("vcs"), package.get("directory")
    if isinstance(vcs, MutableMapping):
        _clean_vcs(vcs, into)
    if isinstance(folder, MutableMapping) and isinstance(folder.get("path"), str):
        folder["path"] = _place(folder["path"], source, into)
    if isinstance(package.get("index"), str):
        package["index"] = into.remote(urls.index(package["index"]))


def _clean_file(file: MutableMapping[str, Any], source: Source, into: Gathering) -> None:
    path, url = file.get("path"), file.get("url")
    if isinstance(url, str):
        file["url"] = into.remote(urls.direct(url))
        file.pop("path", None)  # the same file
    elif isinstance(path, str):
        # What is not beside the lock is known by its name, and its hash: an index will have it.
        beside = source.path.parent / path
        if local.exists(beside):
            file["path"] = _place(path, source, into)
        else:
            file["path"] = path.removeprefix(LOCAL)
            file.setdefault("name", path.rpartition("/")[2])


def _clean_vcs(vcs: MutableMapping[str, Any], into: Gathering) -> None:
    if vcs.get("type") != "git" or not isinstance(vcs.get("url"), str):
        raise SpecError(
            f"the repository is none of git's at a URL: {vcs.get('type')!r}",
            hint="lock the package from an archive or an index",
        )
    clean = into.remote(urls.direct(f"git+{vcs['url']}"))
    vcs["url"] = clean.removeprefix("git+")


def _place(path: str, source: Source, into: Gathering) -> str:
    line = tables.Entry(source, path).said(path)
    return into.place(path, "requirement", source, line)
