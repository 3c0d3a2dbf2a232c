"""The file of a lock: read before, written whole or not at all.

Hidden here: which names PEP 751 gives such a file, and the other one that is written first.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path

from toolkit.errors import SpecError


def before(path: Path | None) -> str | None:
    """The lock that there is, if any. Raises SpecError for a name that PEP 751 does not give one.

    None stands for stdout.
    """
    if path is None:
        return None
    if not (path.name == "pylock.toml" or fnmatchcase(path.name, "pylock.?*.toml")):
        raise SpecError(
            f"{path.name!r} is not the name of a lock of PEP 751",
            hint="name it pylock.toml, or pylock.NAME.toml",
        )
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SpecError(
            f"{path}: the lock that is there cannot be read: {error}",
            hint="remove it, or name another file with --output",
        ) from error


def write(path: Path, text: str) -> None:
    """Put the lock in its place. Raises SpecError."""
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        staging.write_text(text, encoding="utf-8")
        staging.replace(path)
    except OSError as error:
        staging.unlink(missing_ok=True)
        raise SpecError(
            f"{path}: the lock cannot be written: {error.strerror}",
            hint="name another file with --output",
        ) from error
