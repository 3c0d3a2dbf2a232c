"""Judgements on what else the engine can: users, runtimes, GPUs, init, restarts, clock, latency."""

from __future__ import annotations

from typing import Final

from toolkit.doctor.check import Finding, Fix
from toolkit.doctor.facts import Clock, Graphics, Info, Latency, Runtimes, Users

_ENOUGH_IDS: Final = 65536
_SLOW: Final = 250
_DRIFT: Final = 2.0
_APART: Final = 60.0
_STRONGER: Final = {"runsc": "gVisor", "kata-runtime": "Kata Containers"}


def rootless(seen: Users) -> Finding:
    """engine.rootless."""
    data = {"rootless": seen.rootless, "remapped": seen.remapped, "subordinate_ids": seen.ids}
    if seen.rootless and seen.ids is not None and seen.ids < _ENOUGH_IDS:
        name = seen.user
        return Finding(
            f"{name} has {seen.ids} subordinate ids, {_ENOUGH_IDS} are needed",
            problem="warn",
            why=f"The engine is rootless, and /etc/subuid and /etc/subgid give {name} {seen.ids} "
            "ids: images with files of more users or groups cannot be unpacked.",
            fix=Fix(
                "give the user a range of ids, and start the engine again",
                (f"sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}",),
            ),
            data=data,
        )
    if seen.rootless:
        return Finding(
            "rootless: code runs as 0:0 inside, which is the engine's own user outside", data=data
        )
    if not seen.remapped:
        return Finding("users inside are the users outside", data=data)
    return Finding(
        "the engine maps the users of containers to others (userns-remap)",
        problem="warn",
        why="With userns-remap no user of a container is you, so an executor copies the work_dir; "
        "in one that is shared all the same, code may not write, or its files are not yours.",
        fix=Fix("run without userns-remap, if copies of the work_dir are too slow"),
        data=data,
    )


def runtimes(seen: Runtimes) -> Finding:
    """engine.runtimes."""
    data = {"registered": list(seen.registered), "default": seen.default, "here": list(seen.here)}
    if seen.registered and seen.default not in seen.registered:
        return Finding(
            f"the default runtime {seen.default} is not registered",
            problem="error",
            why=f"The engine's default runtime is {seen.default}, and it knows "
            f"{', '.join(seen.registered)} only: no container starts.",
            fix=Fix(
                f"register {seen.default} under `runtimes` in daemon.json, or drop the setting"
            ),
            data=data,
        )
    idle = [name for name in seen.here if not any(name in known for known in seen.registered)]
    if idle:
        return Finding(
            f"{idle[0]} is installed, and the engine does not know it",
            problem="info",
            why=f"{_STRONGER[idle[0]]} shields the kernel from code; this engine knows "
            f"{', '.join(seen.registered)}.",
            fix=Fix(
                f'add {{"runtimes": {{"{idle[0]}": {{"path": "{idle[0]}"}}}}}} to daemon.json, '
                "and restart the engine"
            ),
            data=data,
        )
    return Finding(f"{', '.join(seen.registered) or 'none told'}; {seen.default}", data=data)


def gpu(seen: Graphics) -> Finding:
    """engine.gpu."""
    data = {"device": seen.device, "runtime": seen.runtime, "cdi": list(seen.cdi)}
    ways = [*(["the nvidia runtime"] if seen.runtime else ()), *seen.cdi]
    if ways:
        return Finding(f"by {', '.join(ways)}", data=data)
    if not seen.device:
        return Finding("no GPU is here, and the engine offers none", data=data)
    return Finding(
        "this machine has a GPU, and the engine cannot give it to containers",
        problem="info",
        why=f"{seen.device} is there; the engine has neither a runtime nor CDI devices for it.",
        fix=Fix(
            "install the GPU vendor's container toolkit, and restart the engine",
            ("sudo nvidia-ctk runtime configure --runtime=docker",),
        ),
        data=data,
    )


def init(seen: Info) -> Finding:
    """engine.init."""
    binary = str(seen.get("InitBinary") or "")
    if binary:
        return Finding(binary, data={"init": binary})
    return Finding(
        "the engine names no init program",
        problem="warn",
        why="The engine's info has no InitBinary: containers with `--init` do not start, those "
        "without stop slowly and keep zombies. Ours are their own init.",
        fix=Fix("install docker-init (tini) where the engine runs"),
        data={"init": ""},
    )


def live_restore(seen: Info) -> Finding:
    """engine.liverestore."""
    data = {"live_restore": bool(seen.get("LiveRestoreEnabled"))}
    if not seen.get("LiveRestoreEnabled"):
        return Finding("containers end with the engine", data=data)
    return Finding(
        "containers live on when the engine is restarted",
        problem="warn",
        why="live-restore is on: a restart cuts the line by which a container knows that its owner "
        "lives. Ours have a heartbeat there, and end by themselves after some silence.",
        fix=Fix("nothing needs to be done; without `live-restore` in daemon.json they end at once"),
        data=data,
    )


def clock(seen: Clock) -> Finding:
    """engine.clock."""
    if seen.seconds is None:
        return Finding("the engine does not tell its time", skipped=True)
    off = abs(seen.seconds)
    data = {"seconds": round(seen.seconds, 3)}
    if off <= _DRIFT:
        return Finding("the engine's clock agrees with this machine's", data=data)
    way = "ahead of" if seen.seconds > 0 else "behind"
    return Finding(
        f"the engine's clock is {off:.0f} s {way} this machine's",
        problem="error" if off > _APART else "warn",
        why=f"The engine's clock is {off:.1f} s {way} this one: certificates seem not valid yet or "
        "any more, and what is new seems old.",
        fix=Fix(
            "set the clock where the engine runs; restart a virtual machine that has slept",
            ("sudo hwclock --hctosys",),
        ),
        data=data,
    )


def latency(seen: Latency) -> Finding:
    """engine.latency."""
    data = {"ms": seen.milliseconds}
    if seen.milliseconds <= _SLOW:
        return Finding(f"{seen.milliseconds} ms a call", data=data)
    fix = Fix("choose an engine that is nearer")
    if seen.address.startswith("ssh://"):
        fix = Fix("let ssh keep one connection open: set ControlMaster auto for that host")
    return Finding(
        f"each call of the engine takes {seen.milliseconds} ms",
        problem="warn",
        why=f"{seen.address} answered after {seen.milliseconds} ms; over {_SLOW} ms are felt with "
        "each block.",
        fix=fix,
        data=data,
    )
