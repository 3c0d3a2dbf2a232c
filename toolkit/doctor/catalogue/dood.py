"""The checks of an application in a container, and of the work dir anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from toolkit.doctor import dood, workdir
from toolkit.doctor.check import Check, Finding, Seen, composed
from toolkit.doctor.world import World


def _if_inside(
    look: Callable[[World], Seen], judge: Callable[[Seen], Finding]
) -> Callable[[World], Finding]:
    """Make a check that has nothing to look at where this process is in no container."""
    return lambda world: judge(look(world)) if world.inside.sure else dood.OUTSIDE


def _if_outside(
    look: Callable[[World], Seen], judge: Callable[[Seen], Finding]
) -> Callable[[World], Finding]:
    """Make a check whose paths are those of the engine's machine, or of the one around it."""
    return lambda world: dood.INSIDE if world.inside.sure else judge(look(world))


CHECKS: Final = (
    Check(
        id="dood.in_container",
        title="container around us",
        level="info",
        needs=("client.python",),
        run=composed(lambda world: world.inside, dood.in_container),
    ),
    Check(
        id="dood.identity",
        title="own container",
        level="warn",
        needs=("dood.in_container", "endpoint.reach"),
        run=_if_inside(lambda world: world.identity, dood.identity),
    ),
    Check(
        id="dood.socket",
        title="socket in the container",
        level="error",
        needs=("dood.in_container", "endpoint.resolve"),
        run=_if_inside(lambda world: world.socket_mount, dood.socket),
    ),
    Check(
        id="dood.workdir",
        title="mount of the work dir",
        level="error",
        needs=("dood.in_container",),
        run=composed(lambda world: world.mounted, dood.work_dir),
    ),
    Check(
        id="dood.bind",
        title="work dir on the engine's host",
        level="error",
        needs=("dood.workdir", "endpoint.reach"),
        run=composed(lambda world: world.bound, dood.bind),
        counts=True,
        # An engine without rights may copy an image for its first container.
        seconds=20.0,
    ),
    Check(
        id="dood.roundtrip",
        title="files there and back",
        level="error",
        needs=("dood.bind",),
        run=composed(lambda world: world.sibling, dood.round_trip),
        seconds=20.0,
        deep=True,
    ),
    Check(
        id="dood.ownership",
        title="owner of files",
        level="warn",
        needs=("dood.roundtrip",),
        run=composed(lambda world: world.sibling, dood.ownership),
        seconds=20.0,
        deep=True,
    ),
    Check(
        id="dood.sharing",
        title="folders of the virtual machine",
        level="error",
        needs=("dood.in_container", "endpoint.reach"),
        run=_if_outside(lambda world: world.sharing, dood.sharing),
    ),
    Check(
        id="dood.selinux",
        title="label of the work dir",
        level="warn",
        needs=("dood.in_container", "endpoint.reach"),
        run=_if_outside(lambda world: world.relabel, dood.selinux),
        deeper=composed(lambda world: world.read_inside, dood.denied),
    ),
    Check(
        id="workdir.local",
        title="work directory",
        level="error",
        needs=("client.python",),
        run=composed(lambda world: world.work_dir, workdir.local),
        counts=True,
    ),
)
