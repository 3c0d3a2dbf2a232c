"""The way in: some paths, read as one wish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.deps.closure import Closure
from toolkit.deps.dependencies import Dependencies
from toolkit.deps.local import Project
from toolkit.errors import SpecError


def read(
    paths: Sequence[Path],
    *,
    env: Mapping[str, str],
    root: Path | None = None,
    allow_outside: bool = False,
) -> Dependencies:
    """Read dependency files, with everything that they include and refer to.

    `env` has the values of `${VARIABLES}`. `root` is the project's folder, by default that of each
    file: paths that are not found beside the file that names them are looked for there, and, unless
    `allow_outside`, no include and no local path may leave it.

    Raises SpecError with all problems of all files.
    """
    if not paths:
        raise SpecError("no dependency file is given", hint="name a requirements file")
    closure = Closure(env)
    for path in paths:
        closure.read(path, Project(root or path.parent, allow_outside))
    return closure.result()
