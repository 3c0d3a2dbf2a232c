"""The path that the user says a folder has on the engine's host. Pure.

Hidden here: where he may say it (an argument, TOOLKIT_BIND_DIR, TOOLKIT_PATH_MAP), and that it is a
text of another machine, perhaps of Windows: nothing is looked up, and nothing about it is mended.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Final

from toolkit.errors import SpecError
from toolkit.host_path.mountinfo import rest_of

BIND_DIR: Final = "TOOLKIT_BIND_DIR"
PATH_MAP: Final = "TOOLKIT_PATH_MAP"

_WINDOWS: Final = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def given(
    bind_dir: os.PathLike[str] | str | None, folder: os.PathLike[str] | str, env: Mapping[str, str]
) -> str:
    """What the user says of the folder, or nothing.

    The argument goes before TOOLKIT_BIND_DIR, and that before TOOLKIT_PATH_MAP: `/app=/srv/app`,
    several apart by `;`, the longest that fits. Raises SpecError for a map that is none.
    """
    if bind_dir is not None:
        return os.fspath(bind_dir)
    return env.get(BIND_DIR) or _mapped(folder, env.get(PATH_MAP, ""))


def joined(source: str, rest: str) -> str:
    """Go on from a path of the engine's host, in its own spelling."""
    if not rest:
        return source
    if _WINDOWS.match(source) and "/" not in source:
        return source.rstrip("\\") + "\\" + rest.replace("/", "\\")
    return f"{source.rstrip('/')}/{rest}"


def _mapped(folder: os.PathLike[str] | str, text: str) -> str:
    pairs = sorted(_pairs(text), key=lambda pair: len(pair[0]), reverse=True)
    # As the user spells it first: what he has mapped may be a link.
    for path in (os.path.abspath(folder), os.path.realpath(folder)) if pairs else ():  # noqa: PTH100 - no links are followed
        for prefix, source in pairs:
            rest = rest_of(path, prefix)
            if rest is not None:
                return joined(source, rest)
    return ""


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for pair in text.split(";"):
        prefix, separator, source = pair.strip().partition("=")
        if separator and prefix.startswith("/") and source:
            yield prefix, source
        elif pair.strip():
            raise SpecError(
                f"{PATH_MAP} has {pair.strip()!r}, which maps no path",
                hint=f"write it as {PATH_MAP}=/app=/srv/app, several of them apart by `;`",
            )
