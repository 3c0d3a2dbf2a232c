"""The checks, in the order in which they are made: read it from top to bottom.

Ids, levels, prerequisites and what counts are those of the reference (issue #2: the thin set).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from toolkit.doctor import client, dood, endpoint, engine, features, gc, image, net, workdir
from toolkit.doctor.check import Check, Finding, Seen, composed
from toolkit.doctor.world import World

_REACHED: Final = ("endpoint.reach",)


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


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="client.python",
        title="Python and docker-py",
        level="error",
        needs=(),
        run=composed(lambda world: world.client, client.python),
        counts=True,
    ),
    Check(
        id="client.config",
        title="docker's configuration",
        level="warn",
        needs=("client.python",),
        run=composed(lambda world: world.docker_config, client.config),
    ),
    Check(
        id="client.env",
        title="environment variables",
        level="warn",
        needs=("client.python",),
        run=composed(lambda world: world.environment, client.environment),
    ),
    Check(
        id="endpoint.resolve",
        title="choice of the engine",
        level="error",
        needs=("client.python",),
        run=composed(lambda world: world.chosen, endpoint.resolve),
        counts=True,
    ),
    Check(
        id="endpoint.socket",
        title="socket",
        level="error",
        needs=("endpoint.resolve",),
        run=composed(lambda world: world.socket, endpoint.socket),
        counts=True,
    ),
    Check(
        id="endpoint.permission",
        title="permission",
        level="error",
        needs=("endpoint.socket",),
        run=composed(lambda world: world.permission, endpoint.permission),
        counts=True,
    ),
    Check(
        id="endpoint.reach",
        title="answer of the engine",
        level="error",
        needs=("endpoint.permission",),
        run=composed(lambda world: world.reach, endpoint.reach),
        counts=True,
    ),
    Check(
        id="endpoint.kind",
        title="kind of engine",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.kind, endpoint.kind),
    ),
    Check(
        id="endpoint.proxy",
        title="way to the engine",
        level="warn",
        needs=("endpoint.resolve",),
        run=composed(lambda world: world.detour, endpoint.proxy),
    ),
    Check(
        id="endpoint.others",
        title="other engines",
        level="info",
        needs=_REACHED,
        run=composed(lambda world: world.others, endpoint.others),
    ),
    Check(
        id="engine.version",
        title="versions",
        level="error",
        needs=_REACHED,
        run=composed(lambda world: world.versions, engine.version),
        counts=True,
    ),
    Check(
        id="engine.os",
        title="system and architecture",
        level="error",
        needs=_REACHED,
        run=composed(lambda world: world.versions, engine.system),
        counts=True,
    ),
    Check(
        id="engine.build",
        title="road for builds",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.build, engine.build),
    ),
    Check(
        id="engine.storage",
        title="storage driver",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.info, engine.storage),
    ),
    Check(
        id="engine.disk",
        title="disk space",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.disk, engine.disk),
    ),
    Check(
        id="engine.cgroup",
        title="limits",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.info, engine.cgroup),
    ),
    Check(
        id="engine.warnings",
        title="the engine's own warnings",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.info, engine.warnings),
    ),
    Check(
        id="engine.security",
        title="security options",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.info, engine.security),
    ),
    Check(
        id="engine.rootless",
        title="users",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.users, features.rootless),
    ),
    Check(
        id="engine.runtimes",
        title="runtimes",
        level="error",
        needs=_REACHED,
        run=composed(lambda world: world.runtimes, features.runtimes),
    ),
    Check(
        id="engine.gpu",
        title="GPU",
        level="info",
        needs=_REACHED,
        run=composed(lambda world: world.graphics, features.gpu),
    ),
    Check(
        id="engine.init",
        title="init program",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.info, features.init),
    ),
    Check(
        id="engine.liverestore",
        title="restarts of the engine",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.info, features.live_restore),
    ),
    Check(
        id="engine.clock",
        title="clock",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.clock, features.clock),
    ),
    Check(
        id="engine.latency",
        title="time of a call",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.latency, features.latency),
    ),
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
    ),
    Check(
        id="workdir.local",
        title="work directory",
        level="error",
        needs=("client.python",),
        run=composed(lambda world: world.work_dir, workdir.local),
        counts=True,
    ),
    Check(
        id="image.present",
        title="image",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.image, image.present),
    ),
    Check(
        id="image.contents",
        title="programs of the image",
        level="error",
        needs=("image.present", "endpoint.reach"),
        run=composed(lambda world: world.sibling, image.contents),
        seconds=20.0,
        deep=True,
    ),
    Check(
        id="image.stale",
        title="age of the image",
        level="warn",
        needs=("image.present",),
        run=composed(lambda world: world.stale, image.stale),
    ),
    Check(
        id="image.orphans",
        title="images of ours",
        level="info",
        needs=_REACHED,
        run=composed(lambda world: world.orphans, image.orphans),
    ),
    Check(
        id="net.registry",
        title="registry",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.registry, net.registry),
        seconds=20.0,
        deep=True,
        outward=True,
    ),
    Check(
        id="net.proxy",
        title="proxies",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.proxies, net.proxies),
    ),
    Check(
        id="net.bridge",
        title="networks",
        level="error",
        needs=_REACHED,
        run=composed(lambda world: world.bridge, net.bridge),
    ),
    Check(
        id="net.dns",
        title="names in containers",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.sibling, net.dns),
        seconds=20.0,
        deep=True,
        outward=True,
    ),
    Check(
        id="net.index",
        title="package index from containers",
        level="warn",
        needs=("net.dns",),
        run=composed(lambda world: world.sibling, net.index),
        seconds=20.0,
        deep=True,
        outward=True,
    ),
    Check(
        id="gc.containers",
        title="containers of ours",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.belongings, gc.containers),
    ),
    Check(
        id="gc.volumes",
        title="networks and volumes of ours",
        level="info",
        needs=_REACHED,
        run=composed(lambda world: world.belongings, gc.volumes),
    ),
    Check(
        id="gc.files",
        title="files of ours",
        level="info",
        needs=("client.python",),
        run=composed(lambda world: world.files, gc.files),
    ),
    Check(
        id="gc.tether",
        title="end of a killed owner's container",
        level="warn",
        needs=_REACHED,
        run=composed(lambda world: world.tether, gc.tether),
        seconds=20.0,
        deep=True,
    ),
)
