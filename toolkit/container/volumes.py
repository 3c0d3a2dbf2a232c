"""Volumes in docker-py's spelling, as mounts: `{host: {"bind": path, "mode": "rw"}}`. Pure.

Hidden here: that the engine makes a folder, as root, where the source of such a volume is missing,
and does no such thing for a mount.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from toolkit.container.options import Mount
from toolkit.errors import SpecError

_LOG: Final = logging.getLogger(__name__)
_PROPAGATIONS: Final = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
_NO_MATTER: Final = ("rw", "", "cached", "delegated", "consistent", "nocopy")
_RELABEL: Final = ("z", "Z")


def mounts(volumes: object) -> tuple[Mount, ...]:
    """The mounts that docker-py's `volumes` mean: a mapping, or texts `source:target[:mode]`.

    A source that is an absolute path is a folder or a single file of the engine's host, and any
    other the name of a volume. Raises SpecError for what is none of it.
    """
    if isinstance(volumes, Mapping):
        return tuple(_from_entry(str(source), entry) for source, entry in volumes.items())
    if isinstance(volumes, Iterable) and not isinstance(volumes, str):
        return tuple(_from_text(text) for text in volumes)
    raise _not_volumes(volumes)


def placed(given: Iterable[Mount], added: Iterable[Mount]) -> tuple[Mount, ...]:
    """Both; what is added takes the place of what was to be at the same path before."""
    by_target = {_plain(mount.target): mount for mount in given}
    for mount in added:
        by_target[_plain(mount.target)] = mount
    return tuple(by_target.values())


def _from_entry(source: str, entry: object) -> Mount:
    if isinstance(entry, str):
        return _mount(source, entry, "rw")
    if not isinstance(entry, Mapping) or not isinstance(entry.get("bind"), str):
        raise _not_volumes({source: entry})
    return _mount(source, entry["bind"], str(entry.get("mode") or "rw"))


def _from_text(text: object) -> Mount:
    parts = text.split(":") if isinstance(text, str) else []
    if len(parts) not in (2, 3):
        raise _not_volumes(text)
    return _mount(parts[0], parts[1], parts[2] if len(parts) == 3 else "rw")


def _mount(source: str, target: str, mode: str) -> Mount:
    absolute = source.startswith("/")
    if not absolute and ("/" in source or source.startswith((".", "~"))):
        raise SpecError(
            f"volume source {source!r} is no absolute path",
            hint="give the absolute path that it has on the engine's host",
        )
    if not target.startswith("/"):
        raise SpecError(
            f"volume {source!r} is bound to {target!r}, which is no absolute path",
            hint="give the absolute path that it shall have in the container",
        )
    options = dict(_modes(source, mode.split(",")))
    return Mount(source, target, kind="bind" if absolute else "volume", **options)


def _modes(source: str, modes: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for mode in modes:
        if mode == "ro":
            yield "read_only", True
        elif mode in _PROPAGATIONS:
            yield "propagation", mode
        elif mode in _RELABEL:
            _LOG.warning("volume %s is not relabelled: mode %r is left out", source, mode)
        elif mode not in _NO_MATTER:
            raise SpecError(f"volume {source!r} has the mode {mode!r}", hint='use "rw" or "ro"')


def _plain(path: str) -> str:
    return str(PurePosixPath(path))


def _not_volumes(found: object) -> SpecError:
    return SpecError(
        f"{found!r} describes no volume",
        hint='write {"/path/on/host": {"bind": "/path/inside", "mode": "rw"}}',
    )
