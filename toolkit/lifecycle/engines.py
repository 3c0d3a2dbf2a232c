"""What must be known of an engine before the first container, asked once in a process.

Hidden here: when the tether alone is too weak. On a local socket the engine hears of this process's
death from the kernel. Over a network it may hear nothing, also where a local socket leads there, as
ssh and virtual machines forward one; and an engine that lives on when it is restarted forgets whom
it was attached to: there the container must end by itself.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from toolkit.container import ContainerOptions
from toolkit.engine import Engine
from toolkit.host_path import own_container
from toolkit.lifecycle.sweep import sweep_at_start

_LOG: Final = logging.getLogger(__name__)
TTL: Final = 600.0
"""Seconds without a word from us after which a container ends, where the tether is weak.

The channel speaks every third of it, which also keeps open what a proxy would close as idle.
"""
_USERS: Final = 65536
"""How many a user is given by `adduser`, and an engine's `dockremap` with it."""
_SOMEBODY: Final = 1000


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an engine.

    `rootless`: its own user is root inside. `remapped`: every user is another inside, and nobody
    this one. `far`: no local socket, or another machine behind it.
    `lasting`: its containers survive its restart. `container`: the one of this engine in which this
    process is, or empty. `apart`: that one has users of its own (Podman's `--userns keep-id`).
    `adjustable`: the engine's configuration may give such to every container.
    """

    rootless: bool
    remapped: bool
    far: bool
    lasting: bool
    container: str
    apart: bool = False
    adjustable: bool = False


_known: dict[str, Known] = {}


def known(engine: Engine) -> Known:
    """Look at the engine, and sweep it, unless that was done. Raises EngineError."""
    address = engine.endpoint.address
    found = _known.get(address)
    if found is None:
        info = engine.info()
        secured = [str(each) for each in info.get("SecurityOptions") or ()]
        container = own_container(engine)
        found = _known[address] = Known(
            rootless=is_rootless(info),
            remapped=any("userns" in each for each in secured),
            far=not address.startswith(("unix://", "npipe://")) or is_elsewhere(info),
            lasting=bool(info.get("LiveRestoreEnabled")),
            container=container,
            apart=bool(container) and _has_own_users(engine, container),
            adjustable=info.get("Rootless") is True,
        )
        sweep_at_start(engine)
    return found


def is_rootless(info: Mapping[str, Any]) -> bool:
    """Whether an engine that says this of itself runs without root's rights."""
    secured = info.get("SecurityOptions") or ()
    return info.get("Rootless") is True or any("rootless" in str(each) for each in secured)


def caller(engine: Known) -> str:
    """The uid and gid that are this process's in a container of the engine.

    In one itself it has the users of its siblings. Outside of a rootless engine's it is taken for
    the engine's own user; where every user is another inside, nobody is this one, and what it
    writes is copied: there are no more of them than `_USERS`.
    """
    if engine.rootless and not engine.container:
        return "0:0"
    uid, gid = os.getuid(), os.getgid()
    if engine.apart:
        uid, gid = _outside(uid, "uid"), _outside(gid, "gid")
    if engine.remapped:
        uid, gid = (each if each < _USERS else _SOMEBODY for each in (uid, gid))
    return f"{uid}:{gid}"


def _has_own_users(engine: Engine, container: str) -> bool:
    found = engine.inspect_container(container) or {}
    return (found.get("HostConfig") or {}).get("UsernsMode") not in {None, "", "host"}


def _outside(number: int, kind: str) -> int:
    """What a user or a group of this process's namespace is in the one around it."""
    for line in Path(f"/proc/self/{kind}_map").read_text("ascii").splitlines():
        inside, around, count = map(int, line.split())
        if inside <= number < inside + count:
            return around + number - inside
    return number


def suited(options: ContainerOptions, engine: Known) -> ContainerOptions:
    """The options as they suit the engine: a folder whose files would be somebody else's is copied.

    One that is to be shared all the same is shared, with a warning. Whose users a container has is
    said, where it is not the same everywhere.
    """
    if engine.adjustable:
        host = {"UsernsMode": "host", **(options.body.get("HostConfig") or {})}
        return replace(options, body={**options.body, "HostConfig": host})
    if not engine.remapped:
        return options
    mounts = []
    for mount in options.mounts:
        if mount.proof is not None and mount.transfer == "auto" and not mount.source:
            _LOG.info(
                "the engine makes every user another (userns-remap): %s is copied", mount.proof
            )
            mount = replace(mount, transfer="copy")  # noqa: PLW2901 - the same one, decided
        elif mount.proof is not None and mount.transfer != "copy":
            _LOG.warning(
                "the engine makes every user another (userns-remap): code may not write in folder "
                "%s, and its files will not be this user's",
                mount.proof,
            )
        mounts.append(mount)
    return replace(options, mounts=tuple(mounts))


def is_elsewhere(info: Mapping[str, Any]) -> bool:
    """Whether an engine that says this of itself runs under another kernel than this process.

    Two machines with one kernel and as much memory are taken for one.
    """
    mine = {"KernelVersion": os.uname().release, "MemTotal": _memory()}
    return any(mine[key] and info.get(key) and info[key] != mine[key] for key in mine)


def _memory() -> int:
    """What the kernel has, in bytes; 0 where it does not tell. An engine reads the same line."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemTotal:"):
                return int(line.split()[1]) << 10
    return 0


def time_to_live(options: ContainerOptions, engine: Known) -> float:
    """Seconds of silence that end the container; 0 is never."""
    if options.ttl is not None:
        return options.ttl
    return TTL if (engine.far or engine.lasting) and not options.keep_running else 0.0
