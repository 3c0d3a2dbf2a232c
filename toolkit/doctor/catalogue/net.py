"""The checks of networks."""

from __future__ import annotations

from typing import Final

from toolkit.doctor import net, tried
from toolkit.doctor.check import REACHED, Check, Finding, composed
from toolkit.doctor.world import World


def _passes(world: World) -> Finding:
    """Whether a container is let out: first that it starts there, then what it sends."""
    started = tried.network(world.linked)
    return net.forwarded(world.forwarding) if started.problem is None else started


def _builds_reach(world: World) -> Finding:
    """What stops a container stops a build, and was told."""
    if world.outward.stage or world.outward.cut_off:
        return Finding("see what is said of containers", skipped=True)
    return net.index_of_builds(world.trial_build)


CHECKS: Final = (
    Check(
        id="net.registry",
        title="registry",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.registry, net.registry),
        seconds=20.0,
        deep=True,
        outward=True,
    ),
    Check(
        id="net.proxy",
        title="proxies",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.proxies, net.proxies),
    ),
    Check(
        id="net.bridge",
        title="networks",
        level="error",
        needs=REACHED,
        run=composed(lambda world: world.bridge, net.bridge),
        deeper=_passes,
    ),
    Check(
        id="net.dns",
        title="names in containers",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.outward, net.dns),
        seconds=20.0,
        deep=True,
        outward=True,
    ),
    Check(
        id="net.index",
        title="package index from containers",
        level="warn",
        needs=("net.dns",),
        run=composed(lambda world: world.outward, net.index),
        seconds=20.0,
        deep=True,
        outward=True,
        deeper=_builds_reach,
    ),
)
