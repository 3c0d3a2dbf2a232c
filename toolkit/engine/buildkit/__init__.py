"""BuildKit spoken natively over the engine's socket: no docker command, no buildx.

Hidden here: the session that serves secrets (HTTP/2 and gRPC with the roles turned round), the
progress messages, and which of several failed steps is the one to blame. h2 is loaded on use.
"""

from toolkit.engine.buildkit.build import build
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
