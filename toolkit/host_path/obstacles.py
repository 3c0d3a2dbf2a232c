"""Why a folder cannot be given to another container, and what to do. Pure.

Hidden here: which of the things that are known of it is the reason.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from toolkit.errors import Hint, StartError
from toolkit.host_path.candidates import View

_SAY_IT: Final = Hint(
    "pass bind_dir: the path that the work_dir has on the engine's host", check="dood.bind"
)
_MOUNT_IT: Final = Hint(
    "mount a folder of the engine's host, or a named volume, where the work_dir is",
    check="dood.workdir",
)
_UNLOCK_IT: Final = Hint(
    "mount it for writing into the container that this process is in", check="dood.workdir"
)


def unshared(view: View, inspected: Mapping[str, Any] | None) -> StartError:
    """The error for a folder of which nothing was right that could be tried.

    `inspected` is this process's own container, where it was found.
    """
    why, hint = _reason(view, inspected)
    return StartError(f"folder {view.folder} {why}", hint=_explained(hint, view.folder))


def say_it(folder: os.PathLike[str] | str) -> Hint:
    """What to do where the path of that work dir on the engine's host is not known."""
    return _explained(_SAY_IT, folder)


def _explained(hint: Hint, folder: os.PathLike[str] | str) -> Hint:
    return Hint(hint, check=hint.check, flags=("--work-dir", os.fspath(folder)))


def _reason(view: View, inspected: Mapping[str, Any] | None) -> tuple[str, Hint]:
    point = view.point
    if not view.is_inside:
        return "is not on the engine's host, or not shared with it, under the same path", _SAY_IT
    if point.read_only:
        return f"is read-only: so is the mount at {point.path}", _UNLOCK_IT
    if point.path == "/":
        own = "is on this container's own file system, which no other container can be given"
        return own, _MOUNT_IT
    if inspected is None and point.file_system == "tmpfs":
        memory = "is in this container's memory (tmpfs), which no other container can be given"
        return memory, _MOUNT_IT
    if inspected is None:
        stray = "cannot be found: this process is in a container, but in none of this engine's"
        return stray, _SAY_IT
    container = str(inspected.get("Id", ""))[:12]
    return f"is on a mount at {point.path} of {container} that is not the engine's", _SAY_IT
