"""Looking for a folder's path on the engine's host, as far as it takes.

Hidden here: what is asked, and in which order, so that a process in no container asks nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from toolkit.engine import Engine
from toolkit.errors import EngineRefusedError, StartError
from toolkit.host_path.candidates import Source, View, hidden, mapped, possible, suspects
from toolkit.host_path.nonce import nonce
from toolkit.host_path.obstacles import unshared

_LOG: Final = logging.getLogger(__name__)


class Search:
    """What an engine could be given for a folder, the likeliest first; each is to be proven."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        """The folder must be there."""
        self._engine = engine
        self._folder = folder
        self._view = view_of(folder)
        self._own: dict[str, Any] | None = None

    def __iter__(self) -> Iterator[Source]:
        """Ask for what is needed next, and no more. StartError for a folder that is read-only."""
        view = self._view
        if view.is_inside:
            if view.point.read_only:
                raise unshared(view, None)
            yield from self._of_own()
        yield Source(view.folder, "bind", "its path is the same on the engine's host")

    def tell(self, found: Source) -> None:
        """Say what was found, and what of the folder will not be seen there."""
        _LOG.info("folder %s is %s to the engine: %s", self._folder, found, found.reason)
        if inside := hidden(self._view, self._own or {}):
            _LOG.warning(
                "folder %s has mounts in it that code will not see: %s",
                self._folder,
                ", ".join(inside),
            )

    def failure(self) -> StartError:
        """Say why nothing was right."""
        return unshared(self._view, self._own)

    def _of_own(self) -> Iterator[Source]:
        if self._view.point.path == "/":  # it is the container's own
            return
        with nonce(self._folder) as name:
            path = os.path.join(self._view.folder, name)  # noqa: PTH118 - a text of a container
            found = self._seen(suspects(self._view), path) or self._seen(self._running(), path)
        if found:
            self._own = self._engine.inspect_container(found)
        if self._own:
            yield from mapped(self._view, self._own, self._engine.version().api)

    def _running(self) -> Iterator[str]:
        for listed in self._engine.list_containers():
            if possible(listed, self._view):
                yield str(listed["Id"])

    def _seen(self, ids: Iterable[str], path: str) -> str:
        return next((each for each in ids if _sees(self._engine, each, path)), "")


def own_container(engine: Engine) -> str:
    """Find the id of the container of this engine in which this process is, or nothing.

    Whatever suggests an id is only a candidate: with `--network container:X` it names X. The proof
    is a file made here and seen by the engine in that container.
    """
    candidates = suspects(view_of(Path("/")))
    if not candidates:
        return ""
    with (
        contextlib.suppress(OSError),
        tempfile.TemporaryDirectory(prefix="toolkit-proof-") as made,
        nonce(Path(made)) as name,
    ):
        path = os.path.join(os.path.realpath(made), name)  # noqa: PTH118 - a text of a container
        return next((each for each in candidates if _sees(engine, each, path)), "")
    return ""


def _sees(engine: Engine, container: str, path: str) -> bool:
    """Whether the engine's container, started or not, has something at the path."""
    with contextlib.suppress(EngineRefusedError):
        return engine.container_path_exists(container, path)
    return False


def view_of(folder: Path) -> View:
    return View(
        os.path.realpath(folder),
        _text("/proc/self/mountinfo"),
        _text("/proc/self/cgroup"),
        socket.gethostname(),
    )


def _text(path: str) -> str:
    with contextlib.suppress(OSError):
        return os.fsdecode(Path(path).read_bytes())
    return ""
