"""What is to be done so that an engine answers: facts in, acts out; nothing is touched here.

The engine of another endpoint (DOCKER_HOST, a context) is never replaced, and a daemon that runs
already is never joined by a second one: it may be starting, and two daemons in one network
namespace take each other's bridge away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Answer = Literal["answers", "denied", "silent"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found on this machine.

    `daemon` is the process id of a running dockerd; `leftovers` are files of dead daemons that
    would keep a new one from starting; `log` is where a daemon that we start writes.
    """

    answer: Answer
    local: bool
    installed: bool
    daemon: int | None
    systemd: bool
    init_script: bool
    cgroups: bool
    leftovers: tuple[str, ...]
    log: str


@dataclass(frozen=True, slots=True)
class UseIt:
    """The engine answers: nothing to do."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nothing can be done: the endpoint is not ours to start, or not ours to talk to."""

    why: Literal["denied", "elsewhere"]


@dataclass(frozen=True, slots=True)
class Install:
    """Install the engine's package, then look again: that may have started it."""


@dataclass(frozen=True, slots=True)
class Await:
    """A daemon runs already; it may still be starting."""

    daemon: int


@dataclass(frozen=True, slots=True)
class AsRoot:
    """Run a command with root's rights; `done` says afterwards what it did."""

    command: tuple[str, ...]
    done: str


@dataclass(frozen=True, slots=True)
class Start:
    """Start the daemon and wait. `otherwise` is tried where that way itself does not work."""

    way: Literal["systemd", "service", "direct"]
    log: str | None
    otherwise: tuple[Act, ...] = ()


Act = UseIt | Refuse | Install | Await | AsRoot | Start

SERVICE_LOG = "/var/log/docker.log"
"""Where the init script of Debian's package lets the daemon write."""


_MOUNT_CGROUPS: Final = AsRoot(
    ("mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup"),
    "mounted the control groups at /sys/fs/cgroup, without which no daemon starts",
)


def plan(facts: Facts) -> tuple[Act, ...]:
    """Give the acts, in order. After an `Install`, gather the facts and plan anew."""
    if facts.answer == "answers":
        return (UseIt(),)
    if facts.answer == "denied":
        return (Refuse("denied"),)
    if not facts.local:
        return (Refuse("elsewhere"),)
    if facts.daemon is not None:
        return (Await(facts.daemon),)
    if not facts.installed:
        return (Install(),)
    return _start(facts)


def _start(facts: Facts) -> tuple[Act, ...]:
    cleared = tuple(_clear(path) for path in facts.leftovers)
    mounted = () if facts.cgroups else (_MOUNT_CGROUPS,)
    direct: tuple[Act, ...] = (*mounted, Start("direct", facts.log))
    if facts.systemd:
        return (*cleared, Start("systemd", None))
    if facts.init_script:
        return (*cleared, Start("service", SERVICE_LOG, otherwise=direct))
    return (*cleared, *direct)


def _clear(path: str) -> AsRoot:
    return AsRoot(("rm", "-f", "--", path), f"removed {path}, which a dead daemon had left behind")
