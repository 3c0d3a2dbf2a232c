"""Judgements on what was tried: limits, confinement, a build, runtimes, init and GPUs, for real.

Hidden here: what a container of the standard profile must say of itself when all is well.
"""

from __future__ import annotations

from typing import Final

from toolkit.doctor.check import Finding, Fix
from toolkit.doctor.scenes import Bounds, Built, Launches, Sibling

_FILTERED: Final = "2"
_GRANTED: Final = sum(1 << number for number in (0, 1, 3, 5, 6, 7))
"""CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID and SETUID: what code that is root may have."""


def limits(seen: Bounds) -> Finding:
    """engine.cgroup, with --deep."""
    data = {"held": dict(seen.held)}
    if seen.untried:
        return Finding(seen.untried, skipped=True, data=data)
    if seen.error:
        return Finding(
            "the engine starts no container with limits",
            problem="error",
            why=f"{seen.error}. It was tried with limits of memory, CPU time and processes.",
            fix=Fix(seen.hint or "enable these controllers where the engine runs"),
            data=data,
        )
    if let := [name for name, held in seen.held.items() if not held]:
        return Finding(
            f"limits that do not bite: {', '.join(let)}",
            problem="warn",
            why=f"A program went beyond its limit of {', '.join(let)}, and was let go on: the "
            "engine's machine does not enforce it.",
            fix=Fix("enable these controllers in the kernel, or delegate them to the user"),
            data=data,
        )
    return Finding(f"limits of {', '.join(seen.held)} hold, tried", data=data)


def confinement(seen: Sibling) -> Finding:
    """engine.security, with --deep."""
    data = {"status": dict(seen.status)}
    if seen.untried or not seen.status:
        return Finding(seen.untried or "no container told of it", skipped=True, data=data)
    why, fix = "", Fix("set the engine's own seccomp profile and runtime again in its daemon.json")
    capabilities = int(seen.status.get("CapEff") or "0", 16)
    if seen.status.get("Seccomp", _FILTERED) != _FILTERED:
        why = f"it has no seccomp filter (Seccomp {seen.status['Seccomp']})"
    elif seen.status.get("NoNewPrivs", "1") != "1":
        why = "a program may give it new privileges (NoNewPrivs 0)"
        fix = Fix("use an engine and a runtime that know no-new-privileges")
    elif capabilities & ~_GRANTED:
        why = f"it has capabilities that nobody gave it (CapEff {capabilities:x})"
        fix = Fix("use an engine and a runtime that drop capabilities when they are told to")
    if not why:
        return Finding("code is confined: seccomp, no new privileges, few capabilities", data=data)
    return Finding(
        "code in a container is less confined than it was asked for",
        problem="warn",
        why=f"A process in a container of the standard profile was looked at: {why}.",
        fix=fix,
        data=data,
    )


def build(seen: Built) -> Finding:
    """engine.build, with --deep."""
    data = {"secret": seen.secret}
    if seen.untried:
        return Finding(seen.untried, skipped=True, data=data)
    if seen.error:
        return Finding(
            "a build of one step fails",
            problem="warn",
            why=f"{seen.error}. It was one step with a secret, on an image that is here.",
            fix=Fix(seen.hint or "look into the engine's own log"),
            data=data,
        )
    if not seen.secret:
        return Finding(
            "secrets do not reach the steps of a build",
            problem="warn",
            why="A build was given a secret, and its step did not find it: logins, certificates "
            "and proxies are not there either.",
            fix=Fix("reach the engine without a proxy that refuses /session"),
            data=data,
        )
    return Finding("one step with a secret was built", data=data)


def runtimes(seen: Launches) -> Finding:
    """engine.runtimes, with --deep."""
    data = {"started": [each.way for each in seen.attempts if not each.error]}
    if seen.untried:
        return Finding(seen.untried, skipped=True, data=data)
    failed = next((each for each in seen.attempts if each.error), None)
    if failed is None:
        return Finding(f"tried: {', '.join(data['started'])}", data=data)
    default = failed is seen.attempts[0]
    return Finding(
        "no container starts" if default else f"no container starts with {failed.way}",
        problem="error",
        why=f"{failed.error}. It was tried with the runtime {failed.way}"
        + (", which is the default." if default else "."),
        fix=Fix(
            f"install {failed.way} where the engine runs, at the path that its daemon.json "
            "names, or drop it there"
        ),
        data=data,
    )


def init(seen: Launches) -> Finding:
    """engine.init, with --deep."""
    if seen.untried:
        return Finding(seen.untried, skipped=True)
    failed = next((each for each in seen.attempts if each.error), None)
    if failed is None:
        return Finding("it starts, tried")
    return Finding(
        "no container starts with --init",
        problem="warn",
        why=f"{failed.error}. It was tried with Init, which needs a program. Ours are their own "
        "init.",
        fix=Fix("install docker-init (tini; for Podman, catatonit) where the engine runs"),
    )


def gpu(seen: Launches) -> Finding:
    """engine.gpu, with --deep."""
    if seen.untried:
        return Finding(seen.untried, skipped=True)
    failed = next((each for each in seen.attempts if each.error), None)
    if failed is None:
        return Finding("a container with a GPU starts")
    return Finding(
        f"no container with a GPU starts, by {failed.way}",
        problem="error",
        why=f"{failed.error}.",
        fix=Fix(failed.hint or "install the GPU vendor's container toolkit, and start it again"),
    )


def network(seen: Launches) -> Finding:
    """net.bridge, with --deep: its first part."""
    if seen.untried:
        return Finding(seen.untried, skipped=True)
    failed = next((each for each in seen.attempts if each.error), None)
    if failed is None:
        return Finding("a container on the default network starts")
    return Finding(
        "no container starts on the default network",
        problem="error",
        why=f"{failed.error}. Without a network, one starts.",
        fix=Fix(
            "start the engine again, which makes its bridge", ("sudo systemctl restart docker",)
        ),
    )
