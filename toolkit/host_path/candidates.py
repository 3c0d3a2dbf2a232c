"""What an engine could be given for a folder, from what is known of it. Pure.

Hidden here: how a path of this container becomes a path of the engine's host, and that a mapping
holds only where the engine and the kernel agree on the mount.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from toolkit.host_path.given import joined
from toolkit.host_path.mountinfo import Point, below, holding, points, rest_of

_ID: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_SHORT_ID: Final = re.compile(r"[0-9a-f]{12}")
# Only these: elsewhere the path of a file system may have sixty-four such letters, too.
_OWN_FILES: Final = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
_SUBPATH_API: Final = (1, 45)
"""Older engines leave the sub-folder of a volume out, and mount the whole of it."""


@dataclass(frozen=True, slots=True)
class Source:
    """What the engine could be given: a path of its host, or a volume. `reason` says why."""

    source: str
    kind: Literal["bind", "volume"]
    reason: str
    subpath: str = ""

    def __str__(self) -> str:
        if self.kind == "bind":
            return self.source
        return f"volume {self.source}" + (f", folder {self.subpath}" if self.subpath else "")


@dataclass(frozen=True, slots=True)
class View:
    """What a process sees around a folder, whose links are resolved."""

    folder: str
    mountinfo: str
    cgroup: str
    hostname: str

    @property
    def point(self) -> Point:
        """The mount that the folder is on."""
        return holding(points(self.mountinfo), self.folder) or Point("/", "/", "")

    @property
    def is_inside(self) -> bool:
        """Whether this process is in a container. A file such as /.dockerenv proves nothing."""
        mounted = points(self.mountinfo)
        return any(point.path in _OWN_FILES for point in mounted) or bool(_ID.search(self.cgroup))


def suspects(view: View) -> tuple[str, ...]:
    """Ids of the containers that this process may be in, the likeliest first.

    The cgroup goes before the mounts: with `--network container:X` only it names another than X.
    """
    if not view.is_inside:
        return ()
    roots = [point.root for point in points(view.mountinfo) if point.path in _OWN_FILES]
    found = [match for text in (view.cgroup, *roots) for match in reversed(_ID.findall(text))]
    if _SHORT_ID.fullmatch(view.hostname) and not any(
        each.startswith(view.hostname) for each in found
    ):
        found.append(view.hostname)
    return tuple(dict.fromkeys(found))


def possible(listed: Mapping[str, Any], view: View) -> bool:
    """Whether a container, as the engine lists it, could be the one of this process."""
    mounts = listed.get("Mounts") or ()
    return listed.get("State") == "running" and any(_is_at(each, view.point) for each in mounts)


def mapped(view: View, inspected: Mapping[str, Any], api: str) -> Iterator[Source]:
    """What the folder is to the engine, by the mounts of this process's own container.

    `api` is the version of the Engine API that is spoken. Nothing, where the kernel has something
    else mounted there than the engine has.
    """
    for mount in inspected.get("Mounts") or ():
        if not _is_at(mount, view.point) or mount.get("RW") is False:
            continue
        rest = rest_of(view.folder, view.point.path) or ""
        where = f"{mount['Destination']} of container {str(inspected.get('Id', ''))[:12]}"
        if mount.get("Type") == "volume":
            yield from _of_volume(mount, inspected, rest, where=where, api=api)
        elif mount.get("Type") == "bind":
            yield from _of_bind(mount, inspected, rest, where=where)


def hidden(view: View, inspected: Mapping[str, Any]) -> tuple[str, ...]:
    """What this process's own container has mounted inside the folder: others will not see it.

    What the engine's host has mounted there comes along.
    """
    mounts = {str(each.get("Destination", "")) for each in inspected.get("Mounts") or ()}
    own = mounts | {*((inspected.get("HostConfig") or {}).get("Tmpfs") or ())}
    return tuple(each for each in below(points(view.mountinfo), view.folder) if each in own)


def _of_bind(
    mount: Mapping[str, Any], inspected: Mapping[str, Any], rest: str, *, where: str
) -> Iterator[Source]:
    source = str(mount.get("Source", ""))
    yield Source(joined(source, rest), "bind", f"{source} is {where}")
    for spelled in _spellings(inspected, str(mount["Destination"])):
        if spelled != source:  # an engine in a virtual machine may know it by another name only
            yield Source(joined(spelled, rest), "bind", f"{spelled} was said to be {where}")


def _of_volume(
    mount: Mapping[str, Any], inspected: Mapping[str, Any], rest: str, *, where: str, api: str
) -> Iterator[Source]:
    name = str(mount.get("Name", ""))
    reason = f"volume {name} is {where}"
    inner = _subpath(inspected, str(mount["Destination"]))
    path = "/".join(part for part in (inner, rest) if part)
    if not path:
        yield Source(name, "volume", reason)
        return
    if _numbers(api) >= _SUBPATH_API:
        yield Source(name, "volume", reason, subpath=path)
    if source := str(mount.get("Source", "")):
        yield Source(joined(source, path), "bind", f"{reason}, and is kept in {source}")


def _is_at(mount: Mapping[str, Any], point: Point) -> bool:
    return rest_of(str(mount.get("Destination", "")), point.path) == ""


def _spellings(inspected: Mapping[str, Any], destination: str) -> Iterator[str]:
    """The source as it was written when the container was made."""
    host = inspected.get("HostConfig") or {}
    for bind in host.get("Binds") or ():
        source, separator, mode = str(bind).rpartition(f":{destination}")
        if separator and (not mode or mode.startswith(":")):
            yield source
    for mount in host.get("Mounts") or ():
        if mount.get("Type") == "bind" and mount.get("Target") == destination:
            yield str(mount.get("Source", ""))


def _subpath(inspected: Mapping[str, Any], destination: str) -> str:
    """The folder of the volume that the container itself was given."""
    host = inspected.get("HostConfig") or {}
    for mount in host.get("Mounts") or ():
        if mount.get("Target") == destination:
            return str((mount.get("VolumeOptions") or {}).get("Subpath") or "").strip("/")
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
