"""The cells: which faults, at which stages, and what may be seen of each."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tests.faults.cell import STAGES, Cell, Fault, Scene
from tests.faults.client import KEY
from toolkit.errors import EngineRefusedError

_HINT: Final = r"\(hint: (?!None).+\)"
_THEN: Final = r"$[\s\S]*^"
_SEEN: Final = rf"error (DiedError|StartError|NotRunningError): .+ {_HINT}"
_CLEAR: Final = rf"^{_SEEN}{_THEN}again alive"
_CLEAR_OR_NOT_SEEN: Final = rf"^(done|{_SEEN}){_THEN}again alive"


def _sends(number: int) -> Callable[[Scene], None]:
    return lambda scene: scene.process.send_signal(number)


def _signal(name: str, complains: str = "") -> Fault:
    number = signal.Signals[name]
    leaves = number != signal.SIGINT  # which Python turns into an exception
    return Fault(name, "signal", _sends(number), -number, complains=complains, may_leave=leaves)


def _children(name: str) -> Fault:
    """Have a child at the stage, do the work to its end, and be killed while the child lives."""
    kill = _sends(signal.SIGKILL)
    return Fault(name, deed=kill, code=-signal.SIGKILL, says="^done$", goes_on=True)


OF_CLIENTS: Final = (
    Fault("normal-end"),
    Fault("exception", code=1, complains="Traceback.*UsersOwnError"),
    Fault("thread-exit", says="^done$", goes_on=True),
    _signal("SIGINT", complains="Traceback.*KeyboardInterrupt"),
    _signal("SIGTERM"),
    _signal("SIGHUP"),
    _signal("SIGKILL"),
    Fault("os-exit", code=9, may_leave=True),
    Fault("client-oom", code=-signal.SIGKILL, may_leave=True, confined=True),
    _children("fork"),
    _children("fork-exec"),
    _children("mp-fork"),
    _children("mp-spawn"),
    Fault("loop-closed", says="^done$", goes_on=True),
    Fault("live-thread", says="^done$", goes_on=True),
)


def _kill_container(scene: Scene) -> None:
    for found in scene.world.engine.list_containers(f"{KEY}={scene.part.cell}"):
        with contextlib.suppress(EngineRefusedError):  # it may be going already
            scene.world.engine.kill_container(found["Id"])


def _remove_container(scene: Scene) -> None:
    """Until it is gone: one that is being created is listed before it can be removed."""
    engine, wanted = scene.world.engine, f"{KEY}={scene.part.cell}"
    while found := engine.list_containers(wanted):
        engine.remove_container(found[0]["Id"])


def _remove_image(scene: Scene) -> None:
    scene.world.engine.remove_image(scene.part.image, force=True)


_EATER: Final = """exec python3 -c '
hoard = []
while True:
    hoard.append(b"x" * (1 << 20))
    print("all the world is a stage" * {lines}, flush=True)
'"""
_STARVED: Final = rf"result 137 for want of memory{_THEN}then alive"
_KILLED: Final = Fault("container-killed", "outside", _kill_container, says=_CLEAR)
_REMOVED: Final = Fault("container-removed", "outside", _remove_container, says=_CLEAR)
_OOM: Final = Fault(
    "container-oom",
    "outside",
    says=rf"^({_STARVED}|error DiedError: .+ memory.* {_HINT}){_THEN}again alive",
    memory=64 << 20,
)
IMAGE_REMOVED: Final = Fault(
    "image-removed",
    "outside",
    _remove_image,
    says=rf"^(done|error StartError: .+ {_HINT}){_THEN}again StartError: .+ {_HINT}",
    goes_on=True,
)


def _too_late(fault: Fault) -> Fault:
    """At the stage `stopping` the client may get to see nothing of it."""
    return replace(fault, says=_CLEAR_OR_NOT_SEEN)


# Of an engine: one that may be killed is needed.

_LOST: Final = rf"error (Died|Start|NotRunning|EngineUnreachable|EngineNotFound)Error: .+ {_HINT}"
_GONE: Final = rf"^(done|{_LOST}){_THEN}again Engine(Unreachable|NotFound)Error: .+ {_HINT}"
_LEFT: Final = r"(a container may be left: [^\n]+\n?)*"

ENGINE_KILLED: Final = Fault(
    "engine-killed", "outside", says=_GONE, complains=_LEFT, may_leave=True
)
ENGINE_RESTARTED: Final = Fault(
    "engine-restarted",
    "outside",
    says=rf"^{_LOST}{_THEN}again alive",
    complains=_LEFT,
    may_leave=True,
)
ALL_KILLED: Final = Fault(
    "all-killed", "outside", code=-signal.SIGKILL, complains=_LEFT, may_leave=True
)

OF_ENGINES: Final = (
    *(Cell(stage, ENGINE_KILLED) for stage in STAGES),
    *(Cell(stage, ENGINE_RESTARTED) for stage in STAGES if stage != "stopping"),
    Cell("stopping", replace(ENGINE_RESTARTED, says=rf"^(done|{_LOST}){_THEN}again alive")),
    *(Cell(stage, ALL_KILLED) for stage in ("created", "opening", "running")),
)


_OF_POOLS: Final = frozenset(
    ("normal-end", "exception", "SIGINT", "SIGKILL", "client-oom", "fork", "live-thread")
)
"""One of each kind: a pool is four containers, and what it adds is its threads and its folder."""


def _leaving_files(fault: Fault) -> Fault:
    """A pool has a temporary folder, which a client that is killed leaves to the next one."""
    return replace(fault, may_leave=fault.may_leave or fault.code == -signal.SIGKILL)


MATRIX: Final = (
    *(Cell(stage, fault) for fault in OF_CLIENTS for stage in (*STAGES, "executor")),
    *(Cell("pool", _leaving_files(fault)) for fault in OF_CLIENTS if fault.name in _OF_POOLS),
    *(Cell(stage, _KILLED) for stage in ("opening", "running", "streaming")),
    *(Cell(stage, _REMOVED) for stage in ("created", "opening", "running", "streaming")),
    *(Cell("stopping", _too_late(fault)) for fault in (_KILLED, _REMOVED)),
    Cell("running", replace(_OOM, script=_EATER.format(lines=1))),
    Cell("streaming", replace(_OOM, script=_EATER.format(lines=40_000))),
    *(Cell(stage, IMAGE_REMOVED) for stage in STAGES),
)
