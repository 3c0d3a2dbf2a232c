"""Judgements on the engine: versions, system, build, storage, disk, limits, warnings, security."""

from __future__ import annotations

import re
from typing import Final

from toolkit.doctor.check import Finding, Fix
from toolkit.doctor.facts import Build, Disk, Info, Versions

REQUIRED_API: Final = (1, 41)
SUBPATH_API: Final = (1, 45)
GIB: Final = 1 << 30
_LIMITS: Final = {
    "MemoryLimit": "memory",
    "SwapLimit": "swap",
    "CpuCfsQuota": "CPU time",
    "PidsLimit": "processes",
}
_TOLD: Final = re.compile(
    r"No ((kernel )?memory( TCP)?|swap|pids|cpu cfs (quota|period)|oom kill disable) "
    r"(limit )?support|IPv4 forwarding is disabled",
    re.IGNORECASE,
)
"""What engine.cgroup and net.bridge read from the same answer."""


def version(seen: Versions) -> Finding:
    """engine.version."""
    data = {
        "version": seen.version,
        "api": seen.api,
        "min_api": seen.min_api,
        "flavour": seen.flavour,
    }
    name = f"{seen.flavour.capitalize()} {seen.version}, API {seen.api}"
    api = _numbers(seen.api)
    if api < REQUIRED_API:
        return Finding(
            f"{name}: API 1.41 is required",
            problem="error",
            why=f"The engine {seen.version} offers API {seen.min_api} to {seen.api}; "
            "1.41 came with Docker 20.10.",
            fix=Fix(f"upgrade the engine: found API {seen.api}, need 1.41"),
            data=data,
        )
    if api < SUBPATH_API and seen.flavour == "docker":
        return Finding(
            f"{name}: works, without parts of volumes",
            problem="warn",
            why=f"API {seen.api} cannot mount a folder inside a volume; 1.45 (Docker 26) can.",
            fix=Fix(f"upgrade the engine if you need that: found API {seen.api}, need 1.45"),
            data=data,
        )
    return Finding(name, data=data)


def _numbers(written: str) -> tuple[int, ...]:
    return tuple(int(part) for part in written.split(".") if part.isdecimal())


def system(seen: Versions) -> Finding:
    """engine.os."""
    data = {"os": seen.os, "arch": seen.arch, "here": seen.here}
    if seen.os != "linux":
        return Finding(
            f"the engine runs {seen.os} containers",
            problem="error",
            why=f"The engine's system is {seen.os}; the images are made for linux.",
            fix=Fix("switch the engine to Linux containers"),
            data=data,
        )
    if seen.arch != seen.here:
        return Finding(
            f"the engine runs linux/{seen.arch}, this machine is {seen.here}",
            problem="warn",
            why=f"Images are built for linux/{seen.arch} and do not run natively on {seen.here}.",
            fix=Fix(
                f"connect to an engine that runs linux/{seen.here}, if images are meant for here"
            ),
            data=data,
        )
    return Finding(f"linux/{seen.arch}", data=data)


def build(seen: Build) -> Finding:
    """engine.build."""
    if seen.refused is not None:
        return Finding(
            "the engine offers no BuildKit",
            problem="warn",
            why=f"No road to BuildKit is open: {seen.refused}.",
            fix=Fix("upgrade the engine to Docker 20.10 or newer"),
            data={"road": None},
        )
    said = {
        "grpc": "builds go to BuildKit, over /session and /grpc",
        "listener": "builds go to BuildKit, by gRPC on the API's own listener",
        "build": "builds go to BuildKit, over /session and POST /build",
    }
    data = {"road": seen.road, "loses": list(seen.loses)}
    if seen.road == "podman":
        return Finding("builds go to Podman's /build", data=data)
    if not seen.loses:
        return Finding(said.get(seen.road, seen.road), data=data)
    return Finding(
        said.get(seen.road, seen.road),
        problem="warn",
        why=f"By this road, {', and '.join(seen.loses)}.",
        fix=Fix("let the proxy before the engine's socket pass POST /grpc"),
        data=data,
    )


_WITHOUT_FUSE: Final = Fix(
    "install fuse-overlayfs where Podman runs; its storage is made anew by `podman system reset`, "
    "which removes every image and container"
)


def storage(seen: Info) -> Finding:
    """engine.storage."""
    driver = str(seen.get("Driver") or "unknown")
    status = {str(pair[0]): str(pair[1]) for pair in seen.get("DriverStatus") or ()}
    data = {"driver": driver, "status": status}
    troubles = {
        "vfs": "it copies every layer in full, and an image for every container",
        "devicemapper": "engines have dropped it",
    }
    trouble = troubles.get(driver)
    if status.get("Supports d_type") == "false":
        trouble = f"the file system below it ({status.get('Backing Filesystem')}) has no d_type"
    if trouble is None:
        snapshotter = " (containerd)" if "snapshotter" in status.get("driver-type", "") else ""
        return Finding(f"{driver}{snapshotter}", data=data)
    return Finding(
        f"the storage driver {driver} is a bad one",
        problem="warn",
        why=f"The engine stores layers with {driver}: {trouble}.",
        fix=_WITHOUT_FUSE
        if driver == "vfs" and seen.get("Rootless") is True
        else Fix("move the engine's data root to overlay2 on ext4, or on xfs with ftype=1"),
        data=data,
    )


def disk(seen: Disk) -> Finding:
    """engine.disk."""
    data: dict[str, object] = {"path": seen.path, "free": seen.free, "total": seen.total}
    if seen.freeable:
        data["freeable"] = dict(seen.freeable)
    if not seen.local:
        return Finding("the engine's disk cannot be seen from here", skipped=True, data=data)
    share = 100 * seen.free // max(seen.total, 1)
    shown = f"{seen.free / GIB:.1f} GiB ({share} %) free at {seen.path}"
    if freeable := sum(seen.freeable.get(kind, 0) for kind in ("build cache", "images")):
        shown += f", {freeable / GIB:.1f} GiB of images and build cache could be freed"
    if seen.free >= GIB and share >= 10:
        return Finding(shown, data=data)
    return Finding(
        f"the engine's disk is nearly full: {shown}",
        problem="error" if seen.free < GIB else "warn",
        why=f"{shown}; a build fails where less than it needs is left.",
        fix=Fix(
            "free what is not used", ("docker builder prune --force", "docker image prune --force")
        ),
        data=data,
    )


def cgroup(seen: Info) -> Finding:
    """engine.cgroup."""
    number, driver = str(seen.get("CgroupVersion") or "1"), str(seen.get("CgroupDriver") or "none")
    data = {"version": number, "driver": driver, **{key: seen.get(key) for key in _LIMITS}}
    ignored = [name for key, name in _LIMITS.items() if seen.get(key) is False]
    if driver == "none":
        ignored = list(_LIMITS.values())
    if ignored:
        return Finding(
            f"limits that would be ignored: {', '.join(ignored)}",
            problem="warn",
            why=f"The engine (cgroup v{number}, driver {driver}) says that it cannot limit "
            f"{', '.join(ignored)}.",
            fix=Fix("enable these controllers in the kernel, or delegate them to the user"),
            data=data,
        )
    if number == "1":
        return Finding(
            "limits hold; cgroup v1 is going away",
            problem="warn",
            why="The engine uses cgroup v1, which upstream has declared deprecated (moby #51111).",
            fix=Fix("boot the engine's machine with systemd.unified_cgroup_hierarchy=1"),
            data=data,
        )
    return Finding(f"cgroup v{number}, driver {driver}", data=data)


def warnings(seen: Info) -> Finding:
    """engine.warnings."""
    lines = list(dict.fromkeys(str(line) for line in seen.get("Warnings") or ()))
    said = [line for line in lines if not _TOLD.search(line)]
    if not said:
        rest = " that other checks do not tell of" if lines else ""
        return Finding(f"the engine warns of nothing{rest}", data={"warnings": lines})
    return Finding(
        f"the engine warns of {len(said)} thing{'s' if len(said) > 1 else ''}",
        problem="warn",
        why=" ".join(said),
        fix=Fix("do as the engine says"),
        data={"warnings": lines},
    )


def security(seen: Info) -> Finding:
    """engine.security."""
    options = [str(option) for option in seen.get("SecurityOptions") or ()]
    names = {option.partition(",")[0].removeprefix("name=") for option in options}
    seccomp = next((option for option in options if option.startswith("name=seccomp")), "")
    data = {"options": options}
    if seccomp and "unconfined" not in seccomp:
        return Finding(", ".join(sorted(names)), data=data)
    return Finding(
        "containers run without a seccomp filter",
        problem="warn",
        why=f"The engine's security options are {', '.join(options) or 'none'}: code in a "
        "container may use every system call.",
        fix=Fix("remove `seccomp-profile` from the engine's daemon.json, and restart it"),
        data=data,
    )
