"""The checks of the engine itself."""

from __future__ import annotations

from typing import Final

from toolkit.doctor import engine, features, tried
from toolkit.doctor.check import REACHED, Check, composed

CHECKS: Final = (
    Check(
        id="engine.version",
        title="versions",
        level="error",
        needs=REACHED,
        run=composed(lambda world: world.versions, engine.version),
        counts=True,
    ),
    Check(
        id="engine.os",
        title="system and architecture",
        level="error",
        needs=REACHED,
        run=composed(lambda world: world.versions, engine.system),
        counts=True,
    ),
    Check(
        id="engine.build",
        title="road for builds",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.build, engine.build),
        deeper=composed(lambda world: world.trial_build, tried.build),
    ),
    Check(
        id="engine.storage",
        title="storage driver",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.info, engine.storage),
    ),
    Check(
        id="engine.disk",
        title="disk space",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.disk, engine.disk),
        deeper=composed(lambda world: world.used, engine.disk),
    ),
    Check(
        id="engine.cgroup",
        title="limits",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.info, engine.cgroup),
        deeper=composed(lambda world: world.bounds, tried.limits),
    ),
    Check(
        id="engine.warnings",
        title="the engine's own warnings",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.info, engine.warnings),
    ),
    Check(
        id="engine.security",
        title="security options",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.info, engine.security),
        deeper=composed(lambda world: world.sibling, tried.confinement),
    ),
    Check(
        id="engine.rootless",
        title="users",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.users, features.rootless),
    ),
    Check(
        id="engine.runtimes",
        title="runtimes",
        level="error",
        needs=REACHED,
        run=composed(lambda world: world.runtimes, features.runtimes),
        deeper=composed(lambda world: world.started_runtimes, tried.runtimes),
    ),
    Check(
        id="engine.gpu",
        title="GPU",
        level="info",
        needs=REACHED,
        run=composed(lambda world: world.graphics, features.gpu),
        deeper=composed(lambda world: world.started_gpu, tried.gpu),
    ),
    Check(
        id="engine.init",
        title="init program",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.info, features.init),
        deeper=composed(lambda world: world.started_init, tried.init),
    ),
    Check(
        id="engine.liverestore",
        title="restarts of the engine",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.info, features.live_restore),
    ),
    Check(
        id="engine.clock",
        title="clock",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.clock, features.clock),
    ),
    Check(
        id="engine.latency",
        title="time of a call",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.latency, features.latency),
    ),
)
