"""Which way a build takes to the engine's BuildKit, found by going it.

| road | where | how |
|---|---|---|
| `grpc` | Docker | `/session` and `/grpc`, two upgraded connections |
| `listener` | Docker that has given these up | both as calls of gRPC on the API's own listener |
| `build` | before a proxy that lets `/grpc` not through | `/session` and `POST /build?version=2` |
| `podman` | Podman | `POST /build` |

Hidden here: what is tried in which order, and that whatever was opened is closed in the right
order: the calls first, for their end is what ends the build at the engine.
"""

from __future__ import annotations

import secrets as randomness
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from toolkit.engine.client import Engine
from toolkit.errors import EngineError, EngineRefusedError, EngineTooOldError, Hint

if TYPE_CHECKING:
    from toolkit.engine.buildkit.calls import Channel
    from toolkit.engine.buildkit.services import Services
    from toolkit.engine.buildkit.session import Session

_GONE: Final = frozenset({400, 404, 405, 501})
_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Road:
    """A way to build; `loses` says in plain words what is lost by it, a phrase each."""

    name: Literal["grpc", "listener", "build", "podman"]
    loses: tuple[str, ...] = ()


GRPC: Final = Road("grpc")
LISTENER: Final = Road("listener")
BUILD: Final = Road(
    "build",
    (
        "a base image that the engine has may be looked for in its registry first",
        "errors name no line of the Dockerfile",
        "a build cache is exported only inside the image",
    ),
)
PODMAN: Final = Road(
    "podman",
    (
        "secrets lie in a file on Podman's disk while a build runs",
        "a base image that needs a login must be there before the build",
        "no build cache is imported or exported",
        "a step that runs while a build is interrupted goes on to its end",
    ),
)


@dataclass(frozen=True, slots=True)
class RoadTaken:
    """The way that a build takes; its first event."""

    road: Road


@dataclass(frozen=True, slots=True)
class Way:
    """An open road: the session's id, and the channel for calls where the road has one."""

    road: Road
    session: str = ""
    channel: Channel | None = None


def road(engine: Engine) -> Road:
    """Say which road a build would take. Raises `EngineTooOldError` where there is none."""
    from toolkit.engine.buildkit.services import Services

    with opened(engine, Services({})) as way:
        return way.road


@contextmanager
def opened(engine: Engine, services: Services) -> Iterator[Way]:
    """Open the road for the block, and serve what the engine asks for meanwhile."""
    with ExitStack() as stack:
        name = randomness.token_hex(12)
        try:
            way = _by_upgrade(engine, services, stack, name)
        except EngineRefusedError as error:
            if error.status not in _GONE:
                raise
            way = _without_session(engine, services, stack, name)
        yield way


def _by_upgrade(engine: Engine, services: Services, stack: ExitStack, name: str) -> Way:
    from toolkit.engine.buildkit.calls import Channel
    from toolkit.engine.buildkit.session import Session  # they import h2

    headers = {"X-Docker-Expose-Session-Uuid": name}
    stream = engine.upgrade("/session", doing="opening a build session", headers=headers)
    session = Session(stream, services)
    stack.callback(session.close)
    session.start()
    try:
        calls = engine.upgrade("/grpc", doing="opening a connection to BuildKit")
    except EngineRefusedError:
        return Way(BUILD, name)
    channel = Channel(calls)
    stack.callback(channel.close)
    channel.start()
    _bind(session, channel)
    return Way(GRPC, name, channel)


def _without_session(engine: Engine, services: Services, stack: ExitStack, name: str) -> Way:
    found = engine.version()
    if found.flavour == "podman":
        return Way(PODMAN)
    channel = _by_listener(engine, services, stack, name)
    if channel is None:
        raise EngineTooOldError(
            f"the Docker engine {found.version} at {engine.endpoint} has no BuildKit, which is"
            " required for building images",
            hint=Hint("use a Docker engine, 20.10 or newer, with BuildKit", check="engine.build"),
        )
    return Way(LISTENER, name, channel)


def _by_listener(engine: Engine, services: Services, stack: ExitStack, name: str) -> Channel | None:
    from toolkit.engine.buildkit.calls import Channel
    from toolkit.engine.buildkit.session import Session
    from toolkit.engine.buildkit.tunnel import Tunnel

    try:
        stream = engine.dial(doing="opening a connection to BuildKit", alpn="h2")
    except EngineError:
        return None
    channel = Channel(stream)
    stack.callback(channel.close)
    channel.start()
    tunnel = Tunnel(channel, [(b"x-docker-expose-session-uuid", name.encode())])
    stack.callback(tunnel.close)
    if tunnel.opened(timeout=_SECONDS) is not None:
        return None
    session = Session(tunnel.stream, services)
    stack.callback(session.close)
    # Once more, to be the first that is done: closing the session alone ends no build.
    stack.callback(channel.close)
    session.start()
    _bind(session, channel)
    return channel


def _bind(session: Session, channel: Channel) -> None:
    """End the build with its session: else the engine goes on until it needs something of it."""
    session.at_end(lambda: channel.close(timeout=0))
