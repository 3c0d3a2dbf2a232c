"""BuildKit spoken natively over the engine's socket: no docker command, no buildx.

Usable by itself, with an `Engine` or with a client of docker-py:

    image = build(docker.from_env(), BuildRequest(context=tar), secrets={"token": b"..."})

Hidden here: the session that serves secrets, logins and the context (HTTP/2 and gRPC with the roles
turned round), the calls that solve a build and tell its progress, by which road both reach the
engine, and which of several failed steps is the one to blame. h2 is loaded on use.
"""

from toolkit.engine.buildkit.build import LARGEST_SECRET, build
from toolkit.engine.buildkit.progress import (
    BuildEvent,
    StepCompleted,
    StepFailed,
    StepLog,
    StepProgress,
    StepStarted,
    Warned,
)
from toolkit.engine.buildkit.request import BuildRequest, Cache
from toolkit.engine.buildkit.roads import Road, RoadTaken, road

__all__ = [
    "LARGEST_SECRET",
    "BuildEvent",
    "BuildRequest",
    "Cache",
    "Road",
    "RoadTaken",
    "StepCompleted",
    "StepFailed",
    "StepLog",
    "StepProgress",
    "StepStarted",
    "Warned",
    "build",
    "road",
]
