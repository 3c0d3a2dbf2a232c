"""What the kernel has mounted where, from the text of /proc/self/mountinfo. Pure.

Hidden here: proc(5)'s fields and escapes, and that a prefix of a path ends where a component ends.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_ESCAPE: Final = re.compile(rb"\\([0-3][0-7]{2})")


@dataclass(frozen=True, slots=True)
class Point:
    """One mount: what of its file system (`root`) is at `path`."""

    path: str
    root: str
    file_system: str
    read_only: bool = False


def points(mountinfo: str) -> tuple[Point, ...]:
    """All mounts, in the order in which they were made; a line that is none is left out."""
    # Not splitlines(): a path may have in it what else that takes for the end of a line.
    return tuple(point for line in mountinfo.split("\n") if (point := _point(line)))


def holding(mounted: Iterable[Point], path: str) -> Point | None:
    """Find the mount that an absolute path is on: the longest; of two at one place, the last."""
    best: Point | None = None
    for point in mounted:
        if rest_of(path, point.path) is None:
            continue
        if best is None or rest_of(point.path, best.path) is not None:
            best = point
    return best


def below(mounted: Iterable[Point], path: str) -> tuple[str, ...]:
    """Where something else is mounted inside the folder."""
    return tuple(dict.fromkeys(each.path for each in mounted if rest_of(each.path, path)))


def rest_of(path: str, prefix: str) -> str | None:
    """Give what follows the prefix: `""` where the path is the prefix, None where it has another.

    By component: `/data` is no prefix of `/data2`.
    """
    prefix = prefix.rstrip("/")
    if path.rstrip("/") == prefix:
        return ""
    return path[len(prefix) :].strip("/") if path.startswith(f"{prefix}/") else None


def _point(line: str) -> Point | None:
    left, separator, right = line.partition(" - ")
    fields, more = left.split(" "), right.split(" ")
    if not separator or len(fields) < 6 or not fields[4].startswith("/"):
        return None
    # A mount may be read-only, and so may be all of its file system.
    options = {*fields[5].split(","), *(more[2].split(",") if len(more) > 2 else ())}
    return Point(_plain(fields[4]), _plain(fields[3]), more[0], "ro" in options)


def _plain(field: str) -> str:
    r"""Undo the kernel's escapes: a space is `\040`."""
    if "\\" not in field:  # as nearly all
        return field
    return os.fsdecode(_ESCAPE.sub(lambda found: bytes([int(found[1], 8)]), os.fsencode(field)))
