"""What comes of starting a container in one way or another; whatever it was, it is removed.

Hidden here: what is an image's fault, and says nothing about the way it was started in.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from toolkit.container.creation import Creation
from toolkit.doctor import facts, scenes
from toolkit.engine import Engine
from toolkit.errors import EngineRefusedError
from toolkit.lifecycle.ownership import ownership

NO_IMAGE: Final = "no image is at hand to try it with; name one with --image"
_ALONE: Final = {"NetworkMode": "none"}
_OF_THE_IMAGE: Final = ('"sh"', "exec format error", "No such image", "image not known")
_USUAL: Final = ("runc", "crun", "io.containerd.runc.v2", "io.containerd.runtime.v1.linux")
"""What every engine registers; one of them is the default, and the rest are as good."""
_SECONDS: Final = 10.0


def attempt(engine: Engine, image: str, way: str, host: Mapping[str, Any]) -> scenes.Attempt:
    """Start a container that does nothing, with this HostConfig, and wait for its end."""
    session, name = secrets.token_hex(8), f"tk-doctor-{secrets.token_hex(4)}"
    body = {
        "Image": image,
        "Entrypoint": ["sh", "-c", ":"],
        "Cmd": [],
        "Labels": ownership(session, name, role="doctor", kept=False, container=""),
        "HostConfig": dict(host),
    }
    creation = Creation(engine, name, session=session)
    try:
        container = creation.ask(body)
        engine.start_container(container)
        engine.wait_container(container, timeout=_SECONDS)
    except EngineRefusedError as error:
        if any(words in error.message for words in _OF_THE_IMAGE):
            return scenes.Attempt(way)
        words = error.message.partition(" failed: ")[2] or error.message
        return scenes.Attempt(way, words, error.hint or "")
    finally:
        creation.discard()
    return scenes.Attempt(way)


def launch(engine: Engine, image: str, runtime: str, *, starts: bool) -> scenes.Launch:
    """Find out what is to blame that an image's container does not start, if anything is.

    `starts`: one did, which answers it.
    """
    fine = scenes.Launch(scenes.Attempt(runtime), scenes.Attempt("the default network"))
    if starts or not image:
        return fine
    alone = attempt(engine, image, runtime, _ALONE)
    if alone.error:
        return scenes.Launch(alone, fine.network)
    return scenes.Launch(alone, attempt(engine, image, fine.network.way, {}))


def runtimes(
    engine: Engine, image: str, info: facts.Info, first: scenes.Attempt
) -> scenes.Launches:
    """Start a container with each runtime that is not of the usual ones; `first` is the default."""
    if not image:
        return scenes.Launches(NO_IMAGE)
    others = sorted(set(info.get("Runtimes") or {}) - {first.way, *_USUAL})
    found = [attempt(engine, image, name, {**_ALONE, "Runtime": name}) for name in others]
    return scenes.Launches(attempts=(first, *found))


def init(engine: Engine, image: str) -> scenes.Launches:
    """Start a container with the engine's own init program."""
    if not image:
        return scenes.Launches(NO_IMAGE)
    return scenes.Launches(attempts=(attempt(engine, image, "init", {**_ALONE, "Init": True}),))


def gpu(engine: Engine, image: str, seen: facts.Graphics) -> scenes.Launches:
    """Start a container with a GPU, where the engine has a way to give it one."""
    if not image:
        return scenes.Launches(NO_IMAGE)
    ways: list[tuple[str, dict[str, Any]]] = []
    if seen.runtime:
        ways.append(("the nvidia runtime", {"Count": -1, "Capabilities": [["gpu"]]}))
    ways += [(name, {"Driver": "cdi", "DeviceIDs": [name]}) for name in seen.cdi[:1]]
    if not ways:
        return scenes.Launches("the engine offers no GPU")
    return scenes.Launches(
        attempts=tuple(
            attempt(engine, image, way, {**_ALONE, "DeviceRequests": [asked]})
            for way, asked in ways
        )
    )
