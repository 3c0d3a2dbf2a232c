"""Judgements on an application in a container with the engine's socket (Docker-out-of-Docker)."""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath
from typing import Final

from toolkit.doctor.check import Finding, Fix
from toolkit.doctor.endpoint import provider_of
from toolkit.doctor.scenes import (
    Bound,
    Identity,
    Inside,
    Mounted,
    Relabel,
    Sharing,
    Sibling,
    SocketMount,
)

_SOCKET: Final = "/var/run/docker.sock"
_MOUNT_SOCKET: Final = Fix(
    "start this container with the host's socket",
    (f"docker run -v {_SOCKET}:{_SOCKET} IMAGE",),
)
_MACHINES: Final = {
    "Colima": "add it under `mounts:` of Colima's configuration, or work below your home directory",
    "Lima": "add it under `mounts:` of the machine, writable, or work below your home directory",
    "Docker Desktop": "add it in Docker Desktop, Settings, Resources, File sharing",
    "Rancher Desktop": "work below your home directory",
}
_DESKTOP: Final = ("/Users", "/Volumes", "/private", "/tmp", "/var/folders", "/home")  # noqa: S108 - what is shared
_FREE: Final = ("container_file_t", "svirt_sandbox_file_t")


OUTSIDE: Final = Finding("this process is in no container")
INSIDE: Final = Finding("it is for whoever started this container to see to")


def in_container(seen: Inside) -> Finding:
    """dood.in_container."""
    data = {"sure": seen.sure, "signs": list(seen.signs)}
    signs = ", ".join(seen.signs)
    if seen.sure:
        return Finding(f"this process is in a container, by {signs}", data=data)
    if signs:
        return Finding(
            f"{signs} alone does not make a container: this process is taken to be in none",
            data=data,
        )
    return Finding("this process is in no container", data=data)


def identity(seen: Identity) -> Finding:
    """dood.identity."""
    data = {"id": seen.id, "suspects": list(seen.suspects)}
    if seen.id:
        misled = [each[:12] for each in seen.suspects if each != seen.id]
        said = f"; {', '.join(misled)} was named, too, and is not" if misled else ""
        return Finding(f"this is container {seen.id[:12]} of the engine, proven{said}", data=data)
    return Finding(
        "the engine does not run the container that this process is in",
        problem="warn",
        why="This process is in a container, but the engine at "
        f"{seen.address} does not run that container (docker-in-docker, Kubernetes, another "
        "engine). Only paths both see at the same place can be shared.",
        fix=Fix("mount the host's socket, or share a folder that both see", _MOUNT_SOCKET.commands),
        data=data,
    )


def socket(seen: SocketMount) -> Finding:
    """dood.socket."""
    data = {"kind": seen.kind, "path": seen.path, "mount": seen.point}
    if seen.kind == "remote":
        return Finding("the engine is reached by the network", data=data)
    if seen.kind in {"missing", "dangling", "directory", "other"}:
        return Finding(
            f"no engine's socket is mounted at {seen.path}",
            problem="error",
            why=f"This process is in a container, and at {seen.path} is no socket of the host's.",
            fix=_MOUNT_SOCKET,
            data=data,
        )
    if seen.point == "/":
        return Finding(f"the engine of {seen.path} is in this container itself", data=data)
    return Finding(
        f"{seen.path} is mounted, which makes whoever uses it root on the host",
        problem="info",
        why="The engine's socket gives all power over its host; mounting it read-only changes "
        "nothing about that.",
        fix=Fix("give the socket to applications that you trust, and to no block of code"),
        data=data,
    )


def work_dir(seen: Mounted) -> Finding:
    """dood.workdir."""
    data = {"folder": seen.folder, "mount": seen.point, "file_system": seen.file_system}
    if not seen.inside:
        return Finding("this process is in no container", data=data)
    shown = seen.path + (f" (a link to {seen.folder})" if seen.folder != seen.path else "")
    if why := _unmappable(seen, shown):
        sure = seen.point == "/" or seen.read_only
        return Finding(
            f"{seen.path} cannot be given to the engine"
            + ("" if seen.given else "; no work dir was named, and temporary ones go there"),
            problem=("error" if sure else "warn") if seen.given else "info",
            why=why,
            fix=_mount(seen),
            data=data,
        )
    if seen.nested:
        return Finding(
            f"{seen.path} has mounts in it: {', '.join(seen.nested)}",
            problem="warn",
            why=f"{', '.join(seen.nested)} are mounted inside {seen.path}; code in a sandbox does "
            "not see what this container has mounted there.",
            fix=Fix("take a work_dir without mounts in it"),
            data=data,
        )
    return Finding(f"{shown} is on the mount at {seen.point}", data=data)


def _unmappable(seen: Mounted, shown: str) -> str:
    if seen.point == "/":
        return (
            f"work_dir {shown} lives on this container's own disk ({seen.file_system}). The engine "
            "runs on the host and cannot see it, so an executor copies it, unless it is told "
            "to share it."
        )
    if seen.read_only:
        return f"work_dir {shown} is on the mount at {seen.point}, which is read-only."
    if seen.file_system == "tmpfs" and seen.whole:
        return (
            f"work_dir {shown} is in memory (tmpfs at {seen.point}), most likely this container's "
            "own, which no other container can be given."
        )
    return ""


def _mount(seen: Mounted) -> Fix:
    where = seen.point if seen.read_only and seen.point != "/" else seen.folder
    name = shlex.quote(PurePosixPath(where).name or "work")
    return Fix(
        "mount a folder of the host, or a named volume, there, and not read-only",
        (f'docker run -v "$PWD"/{name}:{shlex.quote(where)} IMAGE',),
    )


def bind(seen: Bound) -> Finding:
    """dood.bind."""
    data = {"work_dir": seen.folder, "given": seen.given, "source": seen.source}
    if seen.untried:
        return Finding(seen.untried, skipped=True, data=data)
    if not seen.error:
        same = seen.source == seen.folder
        named = "has the same path" if same else f"is {seen.source}"
        return Finding(f"{seen.folder} {named} on the engine's host, proven", data=data)
    if not seen.given and not seen.from_env:
        return Finding(
            f"{seen.folder} cannot be shared with the engine: an executor copies it",
            problem="warn",
            why=f"{seen.error}. What changed goes into a container before each block, and comes "
            "out after it.",
            fix=Fix(seen.hint or "share it, if it is large"),
            data=data,
        )
    commands = (f"unset {seen.from_env}",) if seen.from_env else ()
    return Finding(
        seen.error,
        problem="error",
        why=f"{seen.error}. It was tried on a container that was never started, and is gone.",
        fix=Fix(seen.hint or "say it with --bind-dir", commands),
        data=data,
    )


def sharing(seen: Sharing) -> Finding:
    """dood.sharing."""
    provider = provider_of(seen.kind)
    data = {"provider": provider, "path": seen.path}
    remedy = _MACHINES.get(provider)
    if remedy is None:
        return Finding("the engine is in no virtual machine that shares folders", data=data)
    roots = (seen.home, *(_DESKTOP if provider == "Docker Desktop" else ()))
    path = PurePosixPath(seen.path)
    if any(path.is_relative_to(root) for root in roots):
        return Finding(f"{seen.path} is below what {provider} shares", data=data)
    return Finding(
        f"{provider} does not share {seen.path}",
        problem="error",
        why=f"{provider} runs the engine in a virtual machine that shares {', '.join(roots)}, "
        f"unless it was told otherwise; {seen.path} would be an empty folder in a sandbox.",
        fix=Fix(remedy),
        data=data,
    )


def selinux(seen: Relabel) -> Finding:
    """dood.selinux."""
    data = {"confined": seen.confined, "label": seen.label}
    if not seen.confined:
        return Finding("the engine does not confine containers by SELinux", data=data)
    if not seen.given:
        return Finding("SELinux confines containers, and no work dir was named", data=data)
    if any(kind in seen.label for kind in _FREE):
        return Finding(f"{seen.path} is labelled for containers", data=data)
    return Finding(
        f"SELinux keeps containers from {seen.path}",
        problem="warn",
        why=f"The engine confines containers by SELinux, and {seen.path} is labelled "
        f"{seen.label or 'nothing'}: reading it inside is denied.",
        fix=_label(seen.path),
        data=data,
    )


def denied(seen: Relabel) -> Finding:
    """dood.selinux, with --deep."""
    if seen.untried or not seen.confined:
        return Finding(seen.untried or "nothing is confined by SELinux", skipped=True)
    if not seen.denied:
        return Finding("a container can read what is there")
    return Finding(
        f"SELinux keeps containers from {seen.path}",
        problem="warn",
        why=f"A container that has {seen.path}, labelled {seen.label or 'nothing'}, was denied to "
        f"read there: {seen.denied}.",
        fix=_label(seen.path),
    )


def _label(path: str) -> Fix:
    return Fix(
        "label the folder for containers (never /, /home, /etc, /usr or your home directory)",
        (f"chcon -Rt container_file_t {shlex.quote(path)}",),
    )


def round_trip(seen: Sibling) -> Finding:
    """dood.roundtrip."""
    data = {"work_dir": seen.work_dir, "read": seen.read, "wrote": seen.wrote}
    if seen.untried or not seen.work_dir:
        said = seen.untried or "there is no work dir that is shared; name one with --work-dir"
        return Finding(said, skipped=True, data=data)
    if seen.read and seen.wrote:
        return Finding("a file from here was read in a container, and one came back", data=data)
    what, why = "a container cannot write to the work dir", f"no file came back to {seen.work_dir}"
    if not seen.read:
        what = "a container does not see what is written here"
        why = f"a file that was made in {seen.work_dir} could not be read inside"
    why = f"{seen.files or seen.error or why}. It was tried with a file there, and one back."
    fix = Fix(seen.hint or "see what the checks of the work dir say, and dood.bind first")
    return Finding(what, problem="error", why=why, fix=fix, data=data)


def ownership(seen: Sibling) -> Finding:
    """dood.ownership."""
    data = {"owner": list(seen.owner), "mine": list(seen.mine)}
    if not seen.wrote:
        return Finding("no file came back", skipped=True, data=data)
    owner, mine = (":".join(map(str, ids)) for ids in (seen.owner, seen.mine))
    if seen.owner == seen.mine:
        return Finding(f"files of a container are {mine}, as yours are", data=data)
    folder = shlex.quote(seen.work_dir)
    return Finding(
        f"files of a container are {owner}, yours are {mine}",
        problem="warn",
        why=f"What code makes in {seen.work_dir} belongs to {owner}, so that you may not be able "
        "to change or remove it.",
        fix=Fix(
            "give the executor your user, or make the files yours",
            (f"sudo chown -R {mine} {folder}",),
        ),
        data=data,
    )
