"""The checks on this side of the socket."""

from __future__ import annotations

from typing import Final

from toolkit.doctor import client
from toolkit.doctor.check import Check, composed

CHECKS: Final = (
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
)
