"""Files of the user's that requirements refer to: found, judged, given a name in the context.

Hides where they lie. The name in the context is made from their number and their own name, so that
two checkouts of the same project give the same context.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolkit.context import ContextFile, DiskFile
from toolkit.deps.dependencies import LocalFile
from toolkit.deps.requirement import ARCHIVES, wheel_name
from toolkit.deps.tree import read_tree
from toolkit.errors import SpecError

_UNSAFE = re.compile(r"[^A-Za-z0-9._+!-]")


@dataclass(frozen=True, slots=True)
class Project:
    """The folder that a dependency file may refer to, and whether it may go beyond."""

    root: Path
    allow_outside: bool = False

    def check(self, path: Path, shown: str) -> None:
        """Refuse a path that is outside once its links are followed. Raises SpecError."""
        if not (self.allow_outside or real(path).is_relative_to(real(self.root))):
            raise SpecError(
                f"the path {shown!r} leaves the project's folder",
                hint="copy it into that folder, or allow it by --allow-outside",
            )


def real(path: Path) -> Path:
    """Follow all links. Unlike Path.resolve, this does not raise for links in a circle."""
    return Path(os.path.realpath(path))


def normal(path: Path) -> str:
    """Give the path without `.` and `..`, for a message: `reqs/../base.txt` is `base.txt`."""
    return os.path.normpath(path)


def exists(path: Path) -> bool:
    """Whether there is something. Unlike Path.exists, this raises for no name."""
    try:
        return os.path.exists(path)  # noqa: PTH110 (Path.exists raises for names that are too long)
    except ValueError:  # a NUL
        return False


def find(text: str, shown: str, folders: Sequence[Path]) -> Path:
    """Give the first of the folders in which the path exists, joined with it. Raises SpecError."""
    for folder in folders:
        path = folder / text
        if exists(path):
            return path
    hint = "write the path as seen from the folder of the file that names it"
    if ";" in text or "#" in text:
        hint = "put a space before a ';' or '#' that is not part of the path"
    raise SpecError(f"there is no file or folder {shown!r}", hint=hint)


def load(
    path: Path, shown: str, kind: Literal["requirement", "links"], number: int, project: Project
) -> LocalFile:
    """Read what is at a path for the context. Raises SpecError."""
    project.check(path, shown)
    at = f"local/{number}/{_name(path, kind)}"
    try:
        if kind == "links":
            return LocalFile(at, "links", shown, _archives(path, shown, at, project))
        if path.is_dir():
            return LocalFile(at, "folder", shown, _source_tree(path, shown, at, project))
        return LocalFile(at, "archive", shown, (_archive(path, shown, at),))
    except OSError as error:
        raise SpecError(
            f"the path {shown!r} cannot be read: {error.strerror}",
            hint="let this user read it",
        ) from error


def _name(path: Path, kind: str) -> str:
    """Make a safe name that does not depend on where the project lies or what it is called.

    A folder's name may be the checkout's, so the number before it is all that tells two apart; the
    name of a wheel means something to those who install it.
    """
    if path.is_dir():
        return "links" if kind == "links" else "project"
    return _UNSAFE.sub("_", path.name).lstrip(".-") or "archive"


def _source_tree(path: Path, shown: str, at: str, project: Project) -> tuple[ContextFile, ...]:
    if not any((path / name).is_file() for name in ("pyproject.toml", "setup.py")):
        raise SpecError(
            f"the folder {shown!r} has neither a pyproject.toml nor a setup.py",
            hint="name the folder of a Python project",
        )
    return read_tree(path, at, within=Path("/") if project.allow_outside else project.root)


def _archive(path: Path, shown: str, at: str) -> ContextFile:
    name = path.name
    if not name.lower().endswith(ARCHIVES):
        raise SpecError(
            f"the file {shown!r} is neither a wheel nor a source archive",
            hint="name a .whl, .tar.gz or .zip file, or the folder of a Python project",
        )
    if name.lower().endswith(".whl"):
        wheel_name(name)
        if at.rpartition("/")[2] != name:
            raise SpecError(
                f"{name!r} is not the file name of a wheel",
                hint="give the wheel the name that it was built with",
            )
    return ContextFile(at, DiskFile.read(path))


def _archives(path: Path, shown: str, at: str, project: Project) -> tuple[ContextFile, ...]:
    if not path.is_dir():
        raise SpecError(
            f"--find-links {shown!r} is not a folder",
            hint="name the folder in which the archives lie",
        )
    found = sorted(
        each for each in path.iterdir() if each.is_file() and each.name.lower().endswith(ARCHIVES)
    )
    if not found:
        raise SpecError(
            f"the --find-links folder {shown!r} has no wheels or source archives in it",
            hint="put archives there, or remove the option",
        )
    for each in found:
        project.check(each, f"{shown}/{each.name}")
    return tuple(ContextFile(f"{at}/{each.name}", DiskFile.read(each)) for each in found)
