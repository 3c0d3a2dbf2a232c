"""A body of the Engine API laid over ours, without taking away what the worker stands on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_UNITED: Final = ("CapAdd", "CapDrop", "SecurityOpt", "ExtraHosts", "Mounts", "DeviceRequests")
"""Lists to which the caller adds: without our capabilities the worker could not start anything."""

_JOINED: Final = ("Tmpfs", "Sysctls")


def merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `theirs` over `ours`: theirs win, but for lists that can only grow."""
    config = {**ours, **theirs}
    config["HostConfig"] = _host(ours["HostConfig"], theirs.get("HostConfig") or {})
    config["Env"] = _environment(ours["Env"], theirs.get("Env") or ())
    config["Labels"] = {**ours["Labels"], **(theirs.get("Labels") or {})}
    return config


def _host(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    host = {**ours, **theirs}
    for key in _UNITED:
        if ours.get(key) and theirs.get(key):
            known = ours[key]
            host[key] = [*known, *(each for each in theirs[key] if each not in known)]
    for key in _JOINED:
        if ours.get(key) and theirs.get(key):
            host[key] = {**ours[key], **theirs[key]}
    if "Memory" in theirs and "MemorySwap" not in theirs and "MemorySwap" in ours:
        host["MemorySwap"] = theirs["Memory"]  # as before, no swap beside it
    return host


def _environment(ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    replaced = {each.partition("=")[0] for each in theirs}
    return [*(each for each in ours if each.partition("=")[0] not in replaced), *theirs]
