"""Everything that is said to Docker, behind one door: `connect()` gives an `Engine`.

Hidden here: where the engine is (contexts, sockets, TLS, ssh), the ways to talk to it, the wire
formats, what registries answer through it, and how failures of all these become our errors.
Importing it does nothing and loads no docker.
"""

from toolkit.engine.client import Engine, EngineVersion, connect
from toolkit.engine.endpoint import Endpoint
from toolkit.engine.pulling import PullEvent, PushEvent, RetryEvent
from toolkit.engine.stream import ByteStream

__all__ = [
    "ByteStream",
    "Endpoint",
    "Engine",
    "EngineVersion",
    "PullEvent",
    "PushEvent",
    "RetryEvent",
    "connect",
]
