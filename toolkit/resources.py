"""Where files are: templates/ and images/ in a wheel or a checkout, and the cache.

Hidden here and nowhere else. In a wheel both trees lie inside the package (`_data/`); in a checkout
they stand beside it. The packaged tree is looked at first, because a folder beside site-packages
may be somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

_PACKAGE: Final = Path(__file__).resolve().parent

Tree = Literal["templates", "images"]


def tree(name: Tree) -> Path:
    """The folder of that name, wherever this package came from."""
    packaged = _PACKAGE / "_data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name


def templates() -> Mapping[str, str]:
    """Every template by its path below templates/, as text.

    Not its README, and not what Python may have compiled beside the scripts.
    """
    root = tree("templates")
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix not in {".md", ".pyc"}
    }


def cache(environment: Mapping[str, str]) -> Path:
    """The folder for what can be found out again: `$XDG_CACHE_HOME/toolkit` (XDG)."""
    root, home = environment.get("XDG_CACHE_HOME", ""), environment.get("HOME", "")
    if root.startswith("/"):
        return Path(root) / "toolkit"
    # Without a home there is no place that is ours alone; one that cannot be made is no cache.
    return Path(home or "/dev/null") / ".cache" / "toolkit"
