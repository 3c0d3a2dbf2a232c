"""What a container may do: three profiles, as values, and as the engine's own words.

`standard` is as hardened as ordinary use allows without a change; `strict` is for code that nobody
has read; `compat` is as open as AutoGen's containers. Hidden here: which capability is for what.
The worker starts as root wherever a profile gives it the right to change users, and the code runs
as somebody else: under one uid the code could reach the worker's own descriptors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from toolkit.errors import SpecError

_Value = TypeVar("_Value")

_WORKER: Final = ("KILL", "SETGID", "SETUID")
"""To start programs as another user, and to end them."""
_ROOT: Final = ("CHOWN", "DAC_OVERRIDE", "FOWNER")
"""What root needs to be of use with files; added only where the code itself is to be root."""

_SCRATCH: Final = "rw,exec,nosuid,nodev,mode=1777,size="
"""A file system in memory for a read-only root. What is built in it may be run, as elsewhere."""
_SCRATCH_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Profile:
    """What a container may do, before the caller's own wishes are added.

    `drops`: all capabilities go but those that the worker needs. `roots_files`: code that is root
    may write every file of the container, as root does. `callers_uid`: the code is the caller, not
    the image's user. `read_only`: nothing can be written but the mounts, `/tmp` and the work dir.
    `network`: None is the engine's default. `memory` is bytes, swap included; `cpus` a number of
    processors; None is no limit.
    """

    name: str
    drops: bool = True
    roots_files: bool = True
    callers_uid: bool = True
    read_only: bool = False
    network: str | None = None
    memory: int | None = None
    cpus: float | None = None
    pids: int | None = 1024


STANDARD: Final = Profile("standard")
STRICT: Final = Profile(
    "strict",
    roots_files=False,
    read_only=True,
    network="none",
    memory=2 << 30,
    cpus=1.0,
    pids=256,
)
COMPAT: Final = Profile("compat", drops=False, callers_uid=False, pids=None)

_PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile for profile in (STANDARD, STRICT, COMPAT)
}


def named(name: str) -> Profile:
    """Look a profile up; SpecError for a name that is none."""
    try:
        return _PROFILES[name]
    except KeyError:
        known = ", ".join(_PROFILES)
        raise SpecError(f"profile {name!r} does not exist", hint=f"choose one of {known}") from None


@dataclass(frozen=True, slots=True)
class Limits:
    """The caller's own wishes; None leaves the profile's. Units as in `Profile`."""

    network: str | None = None
    memory: int | None = None
    cpus: float | None = None
    pids: int | None = None


NO_WISHES: Final = Limits()


def host_config(
    profile: Profile, *, limits: Limits = NO_WISHES, root: bool, folder: str | None = None
) -> dict[str, Any]:
    """The profile's part of the Engine API's HostConfig.

    `root`: the code is to run as uid 0. `folder`: the work dir, where nothing is mounted on it.
    """
    config: dict[str, Any] = {}
    if profile.drops:
        config["CapDrop"] = ["ALL"]
        config["CapAdd"] = sorted(_WORKER + _ROOT if root and profile.roots_files else _WORKER)
        config["SecurityOpt"] = ["no-new-privileges"]
    if profile.read_only:
        config["ReadonlyRootfs"] = True
        folders = ["/tmp"] if folder is None else ["/tmp", folder]  # noqa: S108 - the container's
        config["Tmpfs"] = dict.fromkeys(folders, f"{_SCRATCH}{_SCRATCH_BYTES}")
    config.update(_limited(profile, limits))
    return config


def _limited(profile: Profile, limits: Limits) -> dict[str, Any]:
    """The network and the limits: the caller's, else the profile's; None says nothing."""
    memory, cpus = _first(limits.memory, profile.memory), _first(limits.cpus, profile.cpus)
    said = {
        "NetworkMode": _first(limits.network, profile.network),
        "Memory": memory,
        "MemorySwap": memory,
        "NanoCpus": None if cpus is None else round(cpus * 1_000_000_000),
        "PidsLimit": _first(limits.pids, profile.pids),
    }
    return {key: value for key, value in said.items() if value is not None}


def _first(wish: _Value | None, otherwise: _Value | None) -> _Value | None:
    return otherwise if wish is None else wish
