"""The checks of the way to the engine."""

from __future__ import annotations

from typing import Final

from toolkit.doctor import endpoint
from toolkit.doctor.check import REACHED, Check, composed

CHECKS: Final = (
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
        needs=REACHED,
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
        needs=REACHED,
        run=composed(lambda world: world.others, endpoint.others),
    ),
)
