"""Whose a container is: labels by which a later process can prove that its owner is dead.

Hidden here: what of a process outlives it as a proof. A pid alone proves nothing, for it is given
to others; with its start time, its pid namespace and the boot of its machine it is unique.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import secrets
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import toolkit
from toolkit import labels as label
from toolkit.engine import Engine
from toolkit.errors import EngineError

EXPIRY: Final = 7 * 24 * 3600.0
"""Seconds after which nobody is expected to use a container whose owner cannot be looked for."""
HIDDEN: Final = "hidden"
"""The start of a process that exists and may not be looked at."""

_ID: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_OWN_FILES: Final = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")


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


def own_container(engine: Engine) -> str:
    """Find the id of the container of this engine in which this process is, or nothing.

    Whatever suggests an id is only a candidate: with `--network container:X` it names X. The proof
    is a file made here and seen by the engine in that container.
    """
    candidates = container_ids(_text("/proc/self/mountinfo"), _text("/proc/self/cgroup"))
    if not candidates:
        return ""
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(prefix="toolkit-proof-") as made:
        proof = Path(made, secrets.token_hex(8))
        proof.touch()
        for candidate in candidates:
            with contextlib.suppress(EngineError):
                if engine.container_path_exists(candidate, str(proof)):
                    return candidate
    return ""


def container_ids(mountinfo: str, cgroup: str) -> list[str]:
    """Ids of containers that this process may be in, the likeliest first."""
    fields = [line.split() for line in mountinfo.splitlines()]
    roots = [each[3] for each in fields if len(each) > 4 and each[4] in _OWN_FILES]
    found = [match for text in (cgroup, *roots) for match in _ID.findall(text)]
    return list(dict.fromkeys(found))


def _text(path: str) -> str:
    with contextlib.suppress(OSError, UnicodeError):
        return Path(path).read_text("utf-8").strip()
    return ""
