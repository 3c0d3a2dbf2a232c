"""A folder of the user's, read as context files.

Hides what is left out (the leftovers of tools, what a `.dockerignore` names) and what becomes of
links, so that two checkouts of the same folder give the same files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from toolkit.context import ContextFile, DiskFile
from toolkit.errors import SpecError

MAX_TREE_BYTES: Final = 1 << 30
"""The most that one folder may bring: more than this is a mistake."""

LEFTOVERS: Final = (
    "__pycache__",
    "*.py[co]",
    "*.egg-info",
    ".eggs",
    ".git",
    ".hg",
    ".svn",
    ".bzr",
    ".venv",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    ".ipynb_checkpoints",
    ".DS_Store",
    ".coverage",
)
"""Names that are left out at any depth: made by tools, never wanted in an image."""

_NO_LINK: Final = "remove the link, or name it in a .dockerignore"
BUILD_LEFTOVERS: Final = ("build/lib", "build/lib.*", "build/bdist.*", "build/temp.*", "dist/*.whl")
"""What setuptools leaves at the top of a folder; `build` itself may be somebody's package."""


def read_tree(root: Path, at: str, *, within: Path | None = None) -> tuple[ContextFile, ...]:
    """Read a folder as context files below `at`, sorted, without what tools left in it.

    A `.dockerignore` at its root is honoured. A link becomes what it points to, so that the result
    needs no links; one that leaves the folder `within` (by default `root` itself), points nowhere
    or into its own parents raises SpecError, as do sockets, pipes and devices, unreadable files,
    and more than MAX_TREE_BYTES.
    """
    try:
        real = root.resolve(strict=True)
        tree = _Tree(real, root, (within or real).resolve(), _dockerignore(real))
        files: list[ContextFile] = []
        left = MAX_TREE_BYTES
        for name, path in tree.files():
            status = path.stat()
            left -= status.st_size
            if left < 0:
                raise SpecError(
                    f"{root}: the folder has more than {MAX_TREE_BYTES >> 20} MiB of files",
                    hint="list what the build does not need in a .dockerignore in that folder",
                )
            files.append(ContextFile(f"{at}/{name}", DiskFile.read(path), status.st_mode))
    except OSError as error:
        raise SpecError(
            f"{error.filename or root}: {error.strerror}",
            hint="let this user read it, or name it in a .dockerignore",
        ) from error
    return tuple(sorted(files, key=lambda file: file.path))


@dataclass(frozen=True, slots=True)
class _Tree:
    """A folder that is being read, how the user called it, where links may lead, what is out."""

    root: Path
    shown: Path
    within: Path
    ignored: Callable[[str], bool]

    def files(self) -> Iterator[tuple[str, Path]]:
        return self._walk(self.root, "", (self.root,))

    def _walk(
        self, folder: Path, prefix: str, parents: tuple[Path, ...]
    ) -> Iterator[tuple[str, Path]]:
        for entry in sorted(folder.iterdir()):
            name = prefix + entry.name
            # An ignored folder is walked all the same: `!data/small` may bring a part of it back.
            ignored = self.ignored(name) and (entry.is_symlink() or not entry.is_dir())
            if ignored or _is_leftover(name, entry.name):
                continue
            path = self._target(entry, name)
            if path in parents:
                raise SpecError(
                    f"{self.shown / name}: the link points into its own parents", hint=_NO_LINK
                )
            if path.is_dir():
                yield from self._walk(path, f"{name}/", (*parents, path))
            else:
                yield name, self._plain(path, name)

    def _plain(self, path: Path, name: str) -> Path:
        if path.is_file():
            return path
        raise SpecError(
            f"{self.shown / name}: neither a file nor a folder",
            hint="remove the socket, pipe or device from the folder",
        )

    def _target(self, path: Path, name: str) -> Path:
        if not path.is_symlink():
            return path
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop, before Python 3.13
            raise SpecError(
                f"{self.shown / name}: the link points nowhere", hint=_NO_LINK
            ) from error
        if not target.is_relative_to(self.within):
            raise SpecError(
                f"{self.shown / name}: the link leaves the folder",
                hint="put the file itself in its place, or name it in a .dockerignore",
            )
        return target


def _is_leftover(name: str, entry: str) -> bool:
    return any(fnmatchcase(entry, pattern) for pattern in LEFTOVERS) or any(
        fnmatchcase(name, pattern) for pattern in BUILD_LEFTOVERS
    )


def _dockerignore(root: Path) -> Callable[[str], bool]:
    file = root / ".dockerignore"
    if not file.is_file():
        return lambda _: False
    # Imported here: docker brings requests, which is slow to import.
    from docker.utils.build import PatternMatcher

    lines = file.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
    stripped = (line.strip() for line in lines)
    patterns = [line for line in stripped if line and not line.startswith("#")]
    matcher = PatternMatcher(patterns)
    return lambda name: bool(matcher.matches(name))  # type: ignore[arg-type]  # it wants str
