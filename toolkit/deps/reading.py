"""The way in: some paths, read as one wish."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from toolkit.deps import (
    closure,
    conda,
    debian,
    folder,
    formats,
    local,
    pipenv,
    plain,
    poetry,
    pylock,
    pyproject,
    python_version,
    script,
    sources,
    text,
    uv_lock,
)
from toolkit.deps.dependencies import Dependencies
from toolkit.deps.formats import Format
from toolkit.deps.gathering import Export, Gathering
from toolkit.deps.local import Project
from toolkit.deps.selection import Selection, newest
from toolkit.deps.sources import Source
from toolkit.errors import SpecError

_READERS: Final[Mapping[Format, Callable[[str, Source, Gathering], None]]] = {
    "requirements": closure.read,
    "pyproject": pyproject.read,
    "script": script.read,
    "apt": debian.read,
    "apt-build": debian.read_build,
    "python-version": python_version.read,
    "pylock": pylock.read,
    "pipfile": pipenv.read,
    "pipfile-lock": pipenv.read_lock,
    "poetry-lock": poetry.read,
    "uv-lock": uv_lock.read,
    "conda": conda.read,
}


def read(
    paths: Sequence[Path],
    *,
    env: Mapping[str, str],
    root: Path | None = None,
    allow_outside: bool = False,
    selection: Selection | None = None,
    export: Export | None = None,
) -> Dependencies:
    """Read dependency files, with everything that they include and refer to.

    A folder stands for the dependency files in it, where they are of one package manager. `env` has
    the values of `${VARIABLES}`. `root` is the project's folder, by default that of each file:
    paths that are not found beside the file that names them are looked for there, and, unless
    `allow_outside`, no include and no local path may leave it. `selection` says which extras and
    groups of the files are wanted, and which packages and which index besides. `export` gives the
    pylock.toml that is in a uv.lock, for this has no uv; without it a uv.lock is refused.

    Raises SpecError with all problems of all files.
    """
    selection = selection or Selection()
    if not paths and not selection.packages:
        raise SpecError("no dependency file is given", hint="name one, such as requirements.txt")
    into = Gathering(env, selection, export)
    if selection.newest is not None:
        with into.at("--exclude-newer"):
            newest(selection.newest)
    for path in paths:
        at = path if path.is_dir() else path.parent
        _read(Source(path, str(path), Project(root or at, allow_outside)), into)
    project = Project(root or Path(), allow_outside)
    plain.read(selection.packages, project, into)
    if selection.index is not None:
        plain.read_index(selection.index, project, into)
    return into.result()


def _read(source: Source, into: Gathering) -> None:
    """Read one file, or those of a folder. What is wrong with it is kept for the result."""
    if source.path.is_dir():
        with into.at(source.shown):
            for path in folder.files(source):
                _read(Source(path, str(path), source.project), into)
        return
    key = (local.real(source.path), False)
    if key in into.read:
        return
    with into.at(source.shown):
        formats.refuse(source.path.name)
        content = text.decode(sources.content(source))
        kind = formats.detect(source.path.name, content)
        if kind != "requirements":  # which notes the files that it includes as well
            into.read[key] = source.shown
        _READERS[kind](content, source, into)
