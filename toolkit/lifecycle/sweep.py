"""What a process that was killed has left: found by labels, and removed when proven dead.

Hidden here: the rule, as a pure function. Nothing is removed on suspicion: an owner on another
machine, in another pid namespace or of an unknown kind may live.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from toolkit import labels as label
from toolkit.engine import Engine
from toolkit.errors import EngineError, EngineRefusedError
from toolkit.lifecycle.ownership import HIDDEN, Place, here, starts

Kind = Literal["container", "network", "volume"]
Standing = Literal["used", "kept", "dead", "unknown", "foreign"]

_NEVER_STARTED: Final = 300.0
"""Seconds after which a container that was created is not going to be started."""
_SECONDS: Final = 1.0
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """How something stands, and why: `dead` is to be removed, all others are left alone.

    `used`: its owner lives. `kept`: it was asked to stay. `foreign`: it is not ours.
    """

    standing: Standing
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known where the judgement is made.

    `starts`: the start of each process that exists, by pid. `containers`: whether an owner's own
    container runs, by id.
    """

    place: Place
    now: float
    starts: Mapping[str, str] = field(default_factory=dict)
    containers: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Belonging:
    """A container, network or volume with our labels. `state` is the engine's word for it."""

    kind: Kind
    id: str
    name: str
    state: str
    image: str
    labels: Mapping[str, str]


def judge(belonging: Belonging, facts: Facts) -> Verdict:
    """Say how something stands. Pure."""
    labels = belonging.labels
    # Only a container inherits labels; a volume of an image has no name of ours.
    name = belonging.name if belonging.kind == "container" else labels.get(label.SELF, "")
    if not label.is_owned(labels, name):
        return Verdict("foreign", "its labels are not those that we give")
    if labels[label.KEEP] != "0":
        return Verdict("kept", "it was asked to stay")
    known = _owner(labels, facts)
    if known is not None:
        return known
    expires, created = _number(labels[label.EXPIRES]), _number(labels[label.CREATED])
    if expires is not None and expires < facts.now:
        return Verdict("dead", "its time is over")
    if (
        belonging.state == "created"
        and created is not None
        and facts.now - created > _NEVER_STARTED
    ):
        return Verdict("dead", "it was never started")
    return Verdict("unknown", "its owner cannot be looked for from here")


def _owner(labels: Mapping[str, str], facts: Facts) -> Verdict | None:
    """Say whether the owner lives, where that can be known."""
    theirs = Place(labels[label.OWNER_HOST], labels[label.OWNER_BOOT], labels[label.OWNER_PIDNS])
    mine, pid = facts.place, labels[label.OWNER_PID]
    if all((theirs.host, theirs.boot, mine.boot)) and theirs.host == mine.host:
        if theirs.boot != mine.boot:
            return Verdict("dead", "its owner's machine was started anew")
        if theirs.pidns and theirs.pidns == mine.pidns:
            start, wanted = facts.starts.get(pid), labels[label.OWNER_START]
            if start is None:
                return Verdict("dead", f"its owner, process {pid}, is gone")
            if start in {HIDDEN, wanted}:
                return Verdict("used", f"process {pid} uses it")
            if wanted:
                return Verdict("dead", f"its owner is gone, and process {pid} is another one")
    container = labels[label.OWNER_CONTAINER]
    if container and facts.containers.get(container) is False:
        return Verdict("dead", f"its owner's container {container[:12]} does not run")
    return None


def _number(text: str) -> float | None:
    return float(text) if text.isdecimal() else None


def survey(
    engine: Engine, *, kinds: tuple[Kind, ...] = ("container", "network", "volume")
) -> list[tuple[Belonging, Verdict]]:
    """List what has our labels, with the verdict on each. Raises EngineError."""
    found = [each for kind in kinds for each in _belongings(engine, kind)]
    facts = _facts(engine, found)
    return [(each, judge(each, facts)) for each in found]


def sweep(engine: Engine, *, seconds: float) -> list[Belonging]:
    """Remove what is proven dead, for so long at most; return what was. Raises EngineError.

    Several at a time: one takes the engine a tenth of a second, and what a pool has left is many.
    Containers go before the networks and volumes that they use.
    """
    deadline = time.monotonic() + seconds

    def removed(belonging: Belonging) -> bool:
        if time.monotonic() < deadline:
            with contextlib.suppress(EngineRefusedError):  # a volume that somebody uses
                remove(engine, belonging)
                return True
        return False

    dead = [each for each, verdict in survey(engine) if verdict.standing == "dead"]
    gone: list[Belonging] = []
    if not dead:  # as nearly always: not even the import below
        return gone
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_AT_ONCE, "toolkit sweep") as pool:
        for is_container in (True, False):
            kind = [each for each in dead if (each.kind == "container") is is_container]
            gone += [each for each, done in zip(kind, pool.map(removed, kind), strict=True) if done]
    return gone


def clear(engine: Engine, name: str) -> None:
    """Remove the container of that name where it is ours and proven dead. Raises EngineError.

    Its owner may have died after this process has swept.
    """
    found = engine.inspect_container(name)
    if found is None or found["Name"] != f"/{name}":
        return
    config, state = found["Config"], str(found["State"]["Status"])
    labels = config.get("Labels") or {}
    holder = Belonging("container", str(found["Id"]), name, state, str(config["Image"]), labels)
    if judge(holder, _facts(engine, [holder])).standing == "dead":
        remove(engine, holder)


def sweep_at_start(engine: Engine) -> None:
    """Sweep in 2 s at most. It never raises: what it could not do, the next one does."""
    with Engine(engine.endpoint, timeout=_SECONDS) as hurried:
        try:
            sweep(hurried, seconds=_SECONDS)
        except EngineError:
            return


def remove(engine: Engine, belonging: Belonging) -> None:
    """Remove a container, network or volume. Raises EngineError."""
    verbs = {
        "container": engine.remove_container,
        "network": engine.remove_network,
        "volume": engine.remove_volume,
    }
    verbs[belonging.kind](belonging.id)


def _belongings(engine: Engine, kind: Kind) -> list[Belonging]:
    ours = f"{label.MANAGED}=1"
    if kind == "container":
        return [_belonging(kind, each) for each in engine.list_containers(ours)]
    listed = engine.list_networks(ours) if kind == "network" else engine.list_volumes(ours)
    return [_belonging(kind, each) for each in listed]


def _belonging(kind: Kind, said: Mapping[str, Any]) -> Belonging:
    names = said.get("Names") or [said.get("Name", "")]
    return Belonging(
        kind,
        id=str(said.get("Id") or said.get("Name", "")),
        name=str(names[0]).removeprefix("/"),
        state=str(said.get("State", "")) if kind == "container" else "",
        image=str(said.get("Image", "")),
        labels=said.get("Labels") or {},
    )


def _facts(engine: Engine, found: list[Belonging]) -> Facts:
    """What is known now of those who own these."""
    return Facts(
        here(),
        time.time(),
        starts({each.labels.get(label.OWNER_PID, "") for each in found}),
        _containers(engine, found),
    )


def _containers(engine: Engine, found: list[Belonging]) -> dict[str, bool]:
    """Whether the containers of the owners run: of those that are in one."""
    ids = {each.labels.get(label.OWNER_CONTAINER, "") for each in found} - {""}
    states = {each: (engine.inspect_container(each) or {}).get("State") or {} for each in ids}
    return {each: bool(state.get("Running")) for each, state in states.items()}
