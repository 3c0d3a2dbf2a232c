"""Judgement on the work directory, as seen from this side."""

from __future__ import annotations

import shlex
from typing import Final

from toolkit.doctor.check import Finding, Fix
from toolkit.doctor.facts import WorkDir

LITTLE: Final = 100 << 20
_NETWORK: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs"})
_OWN: Final = Fix(
    "give a directory of its own with --work-dir", ("toolkit doctor --work-dir work",)
)


def local(seen: WorkDir) -> Finding:
    """workdir.local."""
    data = {
        "path": str(seen.path),
        "kind": seen.kind,
        "free": seen.free,
        "file_system": seen.file_system,
    }
    why, fix, problem = _impossible(seen), _repair(seen), "error"
    if not why:
        why, fix, problem = _unwise(seen), _OWN, "warn"
    if why:
        return Finding(
            why.partition(":")[0].rstrip("."),
            problem="error" if problem == "error" else "warn",
            why=why,
            fix=fix,
            data=data,
        )
    shown = str(seen.path) if seen.given else f"none given; temporary ones go to {seen.path}"
    state = "can be made" if seen.kind == "absent" else "can be written to"
    note = "; its colon is no problem for the mounts that are used" if ":" in shown else ""
    make = Fix("make it", (f"mkdir -p {shlex.quote(str(seen.path))}",), auto=True)
    absent = seen.given and seen.kind == "absent"
    return Finding(f"{shown}, {state}{note}", data=data, fix=make if absent else None)


def _impossible(seen: WorkDir) -> str:
    if seen.kind == "other":
        return f"{seen.path} is not a directory."
    if seen.read_only:
        return f"{seen.path} is on the mount at {seen.mount}, which is read-only."
    if not seen.writable:
        act = "made" if seen.kind == "absent" else "written to"
        return f"{seen.path} cannot be {act} by this user."
    if seen.free == 0:
        return f"{seen.path} is on a disk without free space."
    return ""


def _repair(seen: WorkDir) -> Fix:
    path = shlex.quote(str(seen.path))
    if seen.kind == "other" or seen.free == 0:
        return _OWN
    if seen.read_only:
        return Fix(
            "mount it so that it can be written to",
            (f"sudo mount -o remount,rw {shlex.quote(seen.mount)}",),
        )
    if seen.stray:
        return Fix("make it anew, for it is empty", (f"rmdir {path} && mkdir {path}",), auto=True)
    if seen.kind == "absent":
        return Fix("make it as a user who may", (f"sudo install -d -o $(id -u) {path}",))
    return Fix("make it yours", (f"sudo chown $(id -u) {path}",))


def _unwise(seen: WorkDir) -> str:
    places = {"root": "the root directory", "home": "your home directory"}
    places["current"] = "the current directory"
    if seen.place:
        return f"{seen.path} is {places[seen.place]}: code would write beside your own files."
    if seen.noexec:
        return f"{seen.path} is mounted noexec: programs that are made there do not run."
    if seen.file_system in _NETWORK:
        return (
            f"{seen.path} is on a network file system ({seen.file_system}): root inside a "
            "container may be nobody there."
        )
    if seen.free < LITTLE:
        return f"{seen.path} has little space: {seen.free >> 20} MiB are free."
    return ""
