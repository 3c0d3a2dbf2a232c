"""Why a folder cannot be given to another container, and what to do. Pure.

Hidden here: which of the things that are known of it is the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from toolkit.errors import StartError
from toolkit.host_path.candidates import View

SAY_IT: Final = "pass bind_dir: the path that the work_dir has on the engine's host"
_MOUNT_IT: Final = "mount a folder of the engine's host, or a named volume, where the work_dir is"
_UNLOCK_IT: Final = "mount it for writing into the container that this process is in"


def unshared(view: View, inspected: Mapping[str, Any] | None) -> StartError:
    """The error for a folder of which nothing was right that could be tried.

    `inspected` is this process's own container, where it was found.
    """
    why, hint = _reason(view, inspected)
    return StartError(f"folder {view.folder} {why}", hint=hint)


def _reason(view: View, inspected: Mapping[str, Any] | None) -> tuple[str, str]:
    point = view.point
    if not view.is_inside:
        return "is not on the engine's host, or not shared with it, under the same path", SAY_IT
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
        return stray, SAY_IT
    container = str(inspected.get("Id", ""))[:12]
    return f"is on a mount at {point.path} of {container} that is not the engine's", SAY_IT
