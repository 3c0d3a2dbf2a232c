"""A kept container taken up again.

Hidden here: a stream that was closed cannot be attached again, so one that runs gets a second
worker, a command attached to an input of its own; one that was stopped is started with its own
worker. And what is never done: touching a container that is not ours, is in the wrong hands, or
was made with other options than are wanted now.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from toolkit import labels as label
from toolkit.container.options import ContainerOptions, Mount, config, fingerprint
from toolkit.container.placing import Placed, is_same
from toolkit.container.refusals import explained, name_taken
from toolkit.container.running import Container
from toolkit.engine import Engine
from toolkit.engine.stream import ByteStream
from toolkit.errors import EngineError, StartError
from toolkit.worker import boot

_HOST: Final = "HostConfig."


def take_up(
    engine: Engine, options: ContainerOptions, *, name: str, caller: str
) -> Container | None:
    """Go on in the kept container of that name; None where there is none.

    Raises StartError for one that is not ours or does not fit; it is as it was then.
    """
    found = engine.inspect_container(name)
    if found is None or found["Name"] != f"/{name}":
        return None
    user = options.user or (caller if options.profile.callers_uid else None)
    _check(found, name, fingerprint(config(options, user, {}), options.mounts))
    container_id = str(found["Id"])
    placed = _placed(found, options)
    with explained(options), _as_it_was(engine, found):
        for mount in options.mounts:
            _check_transfer(found, name, mount)
            if not placed.copied_to and not is_same(engine, container_id, mount):
                raise StartError(
                    f"container {name} was made with another folder than {mount.proof}",
                    hint=f"give the work_dir that it was made with, or {_removing(name)}",
                    container=container_id,
                )
        stream, own = _connected(engine, found)
        container = Container(engine, options, name=name, placed=placed, stream=stream)
        try:
            container.greet(user, persist=own and options.keep_running)
            container.install(options.files)
        except BaseException:
            container.hang_up()
            raise
    return container


def _check(found: Mapping[str, Any], name: str, wanted: str) -> None:
    labels = found["Config"].get("Labels") or {}
    if not label.is_owned(labels, name) or labels[label.KEEP] != "1":
        raise name_taken(name, found)
    made, asked = _parts(labels.get(label.OPTIONS, "")), _parts(wanted)
    differing = sorted(key for key in {*made, *asked} if made.get(key) != asked.get(key))
    if differing:
        named = ", ".join(key.removeprefix(_HOST) for key in differing)
        raise StartError(
            f"container {name} was made with other options: {named}",
            hint=f"give the options that it was made with, or {_removing(name)}",
            container=str(found["Id"]),
        )


def _placed(found: Mapping[str, Any], options: ContainerOptions) -> Placed:
    """Where its owner's folder is in it, and how it came there."""
    container = str(found["Id"])
    target = next((mount.target for mount in options.mounts if mount.proof is not None), None)
    if (found["Config"].get("Labels") or {}).get(label.COPIED) == "1":
        return Placed(container, copied_to=target)
    for mount in found["HostConfig"].get("Mounts") or ():
        if mount.get("Target") == target and mount.get("Type") == "bind":
            return Placed(container, shared_as=mount.get("Source"))
    return Placed(container)


def _check_transfer(found: Mapping[str, Any], name: str, mount: Mount) -> None:
    is_copied = (found["Config"].get("Labels") or {}).get(label.COPIED) == "1"
    other = "copy" if is_copied else "bind"
    if mount.proof is not None and mount.transfer not in {"auto", other}:
        raise StartError(
            f"container {name} was made with transfer={other!r}",
            hint=f"give it again, or {_removing(name)}",
            container=str(found["Id"]),
        )


def _removing(name: str) -> str:
    return f"remove it by `docker rm -f {name}`"


def _parts(written: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in written.split(",") if part)
    return {key: value for key, _, value in pairs}


def _connected(engine: Engine, found: Mapping[str, Any]) -> tuple[ByteStream, bool]:
    """Reach a worker's input in it; whether that is the main process's own."""
    container_id = str(found["Id"])
    if not found["State"]["Running"]:
        if found["Config"].get("Entrypoint") == boot.entrypoint():
            stream = engine.attach_container(container_id)
            if engine.start_container(container_id):
                return stream, True
            stream.close()  # somebody else was quicker: it is his
        else:  # made by another version of ours, whose main process waits for another source
            engine.start_container(container_id)
    return engine.start_exec(engine.create_exec(container_id, boot.entrypoint())), False


@contextlib.contextmanager
def _as_it_was(engine: Engine, found: Mapping[str, Any]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if not found["State"]["Running"]:
            with contextlib.suppress(EngineError):
                engine.end_container(str(found["Id"]))
        raise
