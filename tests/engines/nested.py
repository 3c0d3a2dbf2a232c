"""An engine in a container of its own on the first engine, with its socket in a shared folder.

Hidden here: what a container must be allowed so that an engine runs in it (every capability but
SYS_RESOURCE, which an engine in a virtual machine may lack itself), that its data is in volumes
(overlays cannot be stacked), and that it is gone with whoever holds its standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.engines.kinds import Kind
from tests.engines.machines import KEY, UnavailableError
from toolkit.engine import Engine, connect
from toolkit.errors import EngineError

_CAPABILITIES: Final = (
    *("AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "CHOWN", "DAC_OVERRIDE"),
    *("DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE"),
    *("LINUX_IMMUTABLE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW"),
    *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT"),
    *("SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_TIME"),
    *("SYS_TTY_CONFIG", "WAKE_ALARM"),
)
_DATA: Final = ("/var/lib/docker", "/var/lib/containers", "/var/tmp")
_DEVICES: Final = ("/dev/fuse", "/dev/net/tun")
_START: Final = (Path(__file__).parent / "start.sh").read_text()
_SECONDS: Final = 60.0
_LOG_LIMITS: Final = ("BUILDKIT_STEP_LOG_MAX_SIZE", "BUILDKIT_STEP_LOG_MAX_SPEED")
"""By default an engine clips what a step says after 1 MiB, or 2."""
_PODMAN: Final = """\
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


@dataclass(frozen=True, slots=True)
class Nested:
    """A running engine; `folder` is shared with it, under the same path."""

    kind: Kind
    engine: Engine
    folder: Path
    container: str

    @property
    def address(self) -> str:
        return str(self.engine.endpoint.address)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


@contextmanager
def nested(first: Engine, kind: Kind, machine: str, folder: Path) -> Iterator[Nested]:
    """Run the engine for the block. UnavailableError where it does not start, with its log's end.

    The folder must be empty.
    """
    if first.endpoint.socket_path is None:
        raise UnavailableError("the first engine is on another machine; it shares no folder")
    (folder / "daemon.json").write_text(json.dumps(kind.settings))
    users = f'userns = "{kind.userns}"\n' if kind.userns else ""
    (folder / "containers.conf").write_text(f"[containers]\n{users}{_PODMAN}")
    container = first.create_container(_config(kind, machine, folder))
    stream = None
    try:
        # It ends with this stream, and so with this process, however that ends.
        stream = first.attach_container(container)
        first.start_container(container)
        with connect(f"unix://{folder}/engine.sock") as engine:
            found = Nested(kind, engine, folder, container)
            _await_answer(first, found)
            yield found
    finally:
        if stream is not None:
            stream.close()
        first.remove_container(container)


def _await_answer(first: Engine, found: Nested) -> None:
    limit = time.monotonic() + _SECONDS
    while time.monotonic() < limit:
        with contextlib.suppress(EngineError):
            found.engine.ping()
            return
        state = (first.inspect_container(found.container) or {}).get("State", {})
        if not state.get("Running"):
            break
        time.sleep(0.2)
    said = found.log.strip().splitlines() if (found.folder / "log").exists() else ["nothing"]
    raise UnavailableError(f"{found.kind.name} does not answer; it said: {' / '.join(said[-5:])}")


def _config(kind: Kind, machine: str, folder: Path) -> dict[str, Any]:
    socket = f"unix://{folder}/engine.sock"
    command = {
        "dockerd": ("dockerd", f"--host={socket}", "--bip=172.31.252.1/24"),
        "rootlesskit": (
            *("rootlesskit", "--net=host", "--copy-up=/etc", "--copy-up=/run"),
            *("dockerd", "--rootless", f"--host={socket}", "--iptables=false", "--bridge=none"),
        ),
        "podman": ("podman", "--log-level=info", "system", "service", "--time=0", socket),
    }[kind.program]
    return {
        "Image": machine,
        "Entrypoint": ["sh", "-c", _START, "start", str(folder), *command],
        "Cmd": [],
        "Env": [*(f"{name}={1 << 30}" for name in _LOG_LIMITS), f"ENGINE_UID={kind.uid}"],
        "Labels": {KEY: str(os.getpid())},
        "AttachStdin": True,
        "OpenStdin": True,
        "StdinOnce": True,
        "Volumes": {path: {} for path in _DATA},
        "HostConfig": {
            "AutoRemove": True,
            "CapAdd": list(_CAPABILITIES),
            "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"],
            "MaskedPaths": [],
            "ReadonlyPaths": [],
            "CgroupnsMode": "private",
            "DeviceCgroupRules": ["a *:* rwm"],
            "Devices": [
                {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rwm"}
                for path in _DEVICES
                if Path(path).exists()
            ],
            "Mounts": [{"Type": "bind", "Source": str(folder), "Target": str(folder)}],
        },
    }
