"""Whose a container is: labels by which a later process can prove that its owner is dead.

Hidden here: what of a process outlives it as a proof. A pid alone proves nothing, for it is given
to others; with its start time, its pid namespace and the boot of its machine it is unique.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import toolkit
from toolkit import labels as label

EXPIRY: Final = 7 * 24 * 3600.0
"""Seconds after which nobody is expected to use a container whose owner cannot be looked for."""
HIDDEN: Final = "hidden"
"""The start of a process that exists and may not be looked at."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process is: its machine, that machine's boot, and its pid namespace."""

    host: str
    boot: str
    pidns: str


def here() -> Place:
    # Machines that were cloned share the id and are told apart by their names. Without an id, as in
    # slim containers, two machines may share the name, but never one boot.
    boot = _text("/proc/sys/kernel/random/boot_id")
    machine = f"{_text('/etc/machine-id') or boot}\0{platform.node()}"
    namespace = ""
    with contextlib.suppress(OSError):
        namespace = str(os.stat("/proc/self/ns/pid").st_ino)  # noqa: PTH116 - a name, no file
    return Place(
        hashlib.sha256(machine.encode()).hexdigest()[:16],
        boot,
        namespace,
    )


def owner() -> dict[str, str]:
    """Describe this process in labels."""
    place = here()
    return {
        label.OWNER_HOST: place.host,
        label.OWNER_BOOT: place.boot,
        label.OWNER_PID: str(os.getpid()),
        label.OWNER_START: start_of("self"),
        label.OWNER_PIDNS: place.pidns,
    }


def ownership(session: str, name: str, *, role: str, kept: bool, container: str) -> dict[str, str]:
    """Everything that is put on what this process makes under a name.

    `container` is the one that this process is in, or empty.
    """
    now = time.time()
    return {
        label.MANAGED: "1",
        label.SESSION: session,
        label.SELF: name,
        label.ROLE: role,
        label.KEEP: "1" if kept else "0",
        label.CREATED: str(int(now)),
        label.EXPIRES: str(int(now + EXPIRY)),
        label.VERSION: toolkit.__version__,
        label.OWNER_CONTAINER: container,
        **owner(),
    }


def starts(pids: Iterable[str]) -> Mapping[str, str]:
    """When each of these processes was started; those that do not exist are left out."""
    found = {pid: start_of(pid) or _hidden(pid) for pid in pids if pid.isdecimal()}
    return {pid: start for pid, start in found.items() if start}


def start_of(pid: str) -> str:
    """Field 22 of proc(5)'s stat, in ticks since the boot."""
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else ""


def _hidden(pid: str) -> str:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return ""
    except OSError:
        return HIDDEN
    return HIDDEN


def _text(path: str) -> str:
    with contextlib.suppress(OSError, UnicodeError):
        return Path(path).read_text("utf-8").strip()
    return ""
