"""What container is wanted, and the engine's own form of it. Pure.

Hidden here: the Engine API's names and the few settings without which a worker could not be the
main process. Mounts are never Binds: those make a missing folder, as root.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from toolkit.container.merging import merged
from toolkit.context import ContextFile
from toolkit.profile import NO_WISHES, STANDARD, Limits, Profile, host_config
from toolkit.worker import boot

_ROOT: Final = "0:0"
# Its own worker is sent anew; whether it is kept is asked anew, too.
_OF_NO_MATTER: Final = ("Entrypoint", "Labels", "StdinOnce", "HostConfig.AutoRemove")

WORKSPACE: Final = "/workspace"
"""The folder inside a container where code works."""


Transfer = Literal["auto", "bind", "copy"]
"""How a folder comes into a container: see `Mount`."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or a file of the engine's host, or a volume or its `subpath`, in the container.

    `proof`: the same folder as this process sees it, for one mount at most. The container is not
    started before it was proven that the two are one; an empty `source` is found. `transfer`: where
    none can be found it is an error with "bind", and with "auto" a volume of the container's own,
    into which the folder is to be copied; with "copy" it is always that. `propagation` of mounts
    below it, such as `rslave`.
    """

    source: str
    target: str
    kind: Literal["bind", "volume"] = "bind"
    read_only: bool = False
    proof: Path | None = None
    propagation: str = ""
    subpath: str = ""
    transfer: Transfer = "bind"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerOptions:
    """What container is wanted.

    `user` is who the code is, `uid[:gid]` or a name in the image; None leaves it to the profile.
    `auto_remove=False` keeps the stopped container, `keep_running=True` keeps it running; both
    outlive this process; `take_up=True` goes on in a kept one of that name, where there is one.
    `programs` are looked for on the code's PATH: `Container.ready.programs`.
    `start_timeout` is seconds for the worker's first answer. `warm`: have a Python interpreter
    ready, from which a `run(…, warm=True)` forks; `preload` are the modules that it has imported.
    `ttl`: seconds after which the container ends by itself when nothing was heard from us; 0 is
    never, None leaves it to how the engine is reached.
    `runtime` is the engine's name of one, such as `runsc`; `device_requests` are in the engine's
    form; `extra_hosts` are addresses by name. `files` are put there with the start, by their
    paths below `/`; they are root's, and the code may read them. `body` is laid over all of it, in
    the words of the Engine API.
    """

    image: str
    name: str | None = None
    profile: Profile = STANDARD
    limits: Limits = NO_WISHES
    network: str | None = None
    user: str | None = None
    mounts: tuple[Mount, ...] = ()
    working_dir: str = WORKSPACE
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    role: str = "executor"
    auto_remove: bool = True
    keep_running: bool = False
    take_up: bool = False
    programs: tuple[str, ...] = ()
    start_timeout: float = 30.0
    warm: bool = False
    preload: tuple[str, ...] = ()
    ttl: float | None = None
    runtime: str | None = None
    device_requests: tuple[Mapping[str, Any], ...] = ()
    extra_hosts: Mapping[str, str] = field(default_factory=dict)
    files: tuple[ContextFile, ...] = ()
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_scratch(self) -> bool:
        """Whether the work dir is memory of the container's own: nothing else can be written to."""
        mounted = any(mount.target == self.working_dir for mount in self.mounts)
        return self.profile.read_only and not mounted

    @property
    def is_kept(self) -> bool:
        return self.keep_running or not self.auto_remove


def config(
    options: ContainerOptions, user: str | None, labels: Mapping[str, str]
) -> dict[str, Any]:
    """The engine's own form of it. `labels` are ours, and win over any other."""
    root = user is not None and user.partition(":")[0] in {"0", "root"}
    config: dict[str, Any] = {
        "Image": options.image,
        "Entrypoint": boot.entrypoint(),
        "Cmd": [],
        "WorkingDir": options.working_dir,
        "Env": [f"{key}={value}" for key, value in options.environment.items()],
        "Labels": dict(options.labels),
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "OpenStdin": True,
        "StdinOnce": not options.keep_running,
        "Tty": False,
        "StopSignal": "SIGKILL",  # the worker is PID 1 and hears nothing else
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": _host_config(options, root=root),
    }
    if user is not None:
        config["User"] = _ROOT  # the worker; the code is `user`
    config = merged(config, options.body)
    config["Labels"] = {**config["Labels"], **labels}
    return config


def _host_config(options: ContainerOptions, *, root: bool) -> dict[str, Any]:
    limits = options.limits
    if options.network is not None:
        limits = Limits(options.network, limits.memory, limits.cpus, limits.pids)
    config = {
        **host_config(
            options.profile,
            limits=limits,
            root=root,
            folder=options.working_dir if options.has_scratch else None,
        ),
        "AutoRemove": options.auto_remove,
        "LogConfig": {"Type": "none", "Config": {}},  # its output is the channel
        "Mounts": [mounted(mount) for mount in options.mounts],
    }
    if options.runtime is not None:
        config["Runtime"] = options.runtime
    if options.device_requests:
        config["DeviceRequests"] = [dict(request) for request in options.device_requests]
    if options.extra_hosts:
        config["ExtraHosts"] = [f"{name}:{at}" for name, at in options.extra_hosts.items()]
    return config


def mounted(mount: Mount) -> dict[str, Any]:
    """Give the engine's own form of a mount."""
    entry: dict[str, Any] = {
        "Type": mount.kind,
        "Source": mount.source,
        "Target": mount.target,
        "ReadOnly": mount.read_only,
    }
    if mount.propagation:
        entry["BindOptions"] = {"Propagation": mount.propagation}
    if mount.subpath:
        entry["VolumeOptions"] = {"Subpath": mount.subpath}
    return entry


def apart(mount: Mount, labels: Mapping[str, str]) -> dict[str, Any]:
    """Give the engine's own form of an empty volume in the place of a mount."""
    options = {"NoCopy": True, "Labels": dict(labels)}
    return {"Type": "volume", "Target": mount.target, "VolumeOptions": options}


def fingerprint(body: Mapping[str, Any], mounts: Iterable[Mount]) -> str:
    """Condense what a container is made with, part by part: a label's value.

    Of mounts with a proof it matters where they are, not by which path the engine found them.
    """
    proven = {mount.target for mount in mounts if mount.proof is not None}
    host = {f"HostConfig.{key}": value for key, value in body["HostConfig"].items()}
    host["HostConfig.Mounts"] = [
        {"Target": each["Target"]} if each["Target"] in proven else each
        for each in host["HostConfig.Mounts"]
    ]
    parts = {key: value for key, value in {**body, **host}.items() if key != "HostConfig"}
    return ",".join(
        f"{key}={hashlib.sha256(json.dumps(parts[key], sort_keys=True).encode()).hexdigest()[:8]}"
        for key in sorted(parts)
        if key not in _OF_NO_MATTER
    )


def own_volumes(
    image: Mapping[str, Any] | None, body: Mapping[str, Any], labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Mount the volumes without a name that the image declares: with labels.

    The engine would make them anyway, and loses them without a trace when it is killed.
    """
    declared = ((image or {}).get("Config") or {}).get("Volumes") or {}
    host = body["HostConfig"]
    taken = {mount["Target"] for mount in host["Mounts"]} | set(host.get("Tmpfs") or {})
    binds = {bind.split(":")[1] for bind in host.get("Binds") or () if ":" in bind}
    return [
        {"Type": "volume", "Target": target, "VolumeOptions": {"Labels": dict(labels)}}
        for target in sorted(declared)
        if target not in taken | binds
    ]
