"""`container_create_kwargs`: what docker-py's `containers.create` takes, put over our own options.

Hidden here: which of these keywords are options of ours by another name, which the engine gets in
docker-py's own translation, and which would take the worker's place. A terminal and an open input
of the main process, its log and its being detached are nothing that a block can see, so they are
left out with a warning. Another main process would be: that is refused, and so is what would let
the container outlive its owner or end processes that are none of its own.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from toolkit.container.options import WORKSPACE, ContainerOptions
from toolkit.container.volumes import mounts, placed
from toolkit.errors import SpecError

_LOG: Final = logging.getLogger(__name__)

_OVERRIDING: Final = ("entrypoint", "volumes", "working_dir", "tty")
"""AutoGen warns of these."""

_WITHOUT_EFFECT: Final = ("tty", "stdin_open", "detach", "log_config")

_REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    "entrypoint": (
        "the main process is the worker",
        "run it with init_command, or start it from a block",
    ),
    "command": (
        "the main process is the worker",
        "run it with init_command, or start it from a block",
    ),
    "restart_policy": (
        "a container that starts again by itself outlives its owner",
        "leave it out, and use stop_container=False for a container that stays",
    ),
    "pid_mode": (
        "the worker ends every process that it sees",
        "leave it out; a container has processes of its own",
    ),
    "platform": (
        "the image decides it",
        "pull the image for that platform, and name it",
    ),
    "version": ("it is the engine's", "leave it out"),
}
_IDLE_SHELLS: Final = ("sh", "bash", "/bin/sh", "/bin/bash", "/usr/bin/sh", "/usr/bin/bash")


def applied(options: ContainerOptions, given: Mapping[str, Any]) -> ContainerOptions:
    """Put docker-py's keywords over the options. Raises SpecError for one that cannot be had."""
    rest = _allowed(given)
    for key, change in _OPTIONS.items():
        if key in rest:
            options = change(options, rest.pop(key))
    return dataclasses.replace(options, body=_translated(rest))


def _allowed(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is left when it was warned of, left out and refused."""
    rest = dict(given)
    for key in _OVERRIDING:
        if key in rest:
            _LOG.warning("DockerCommandLineCodeExecutor: overriding default %s=%s", key, rest[key])
    if _is_idle_shell(rest.get("entrypoint")) and not rest.get("command"):
        rest.pop("entrypoint")  # AutoGen's own; it waits, as the worker does
    rest.pop("use_config_proxy", None)  # for whoever reads docker's configuration
    for key in [key for key in _WITHOUT_EFFECT if key in rest]:
        _LOG.warning("container_create_kwargs: %s=%r has no effect", key, rest.pop(key))
    for key, (reason, hint) in _REFUSED.items():
        if rest.pop(key, None):
            raise SpecError(f"container_create_kwargs cannot set {key}: {reason}", hint=hint)
    return rest


def _is_idle_shell(entrypoint: object) -> bool:
    words = [entrypoint] if isinstance(entrypoint, str) else entrypoint
    return isinstance(words, list | tuple) and len(words) == 1 and words[0] in _IDLE_SHELLS


def _field(name: str, kind: Callable[[Any], Any]) -> Callable[[ContainerOptions, Any], Any]:
    def change(options: ContainerOptions, value: object) -> ContainerOptions:
        changed: Any = None if value is None else kind(value)
        return dataclasses.replace(options, **{name: changed})

    return change


def _volumes(options: ContainerOptions, value: object) -> ContainerOptions:
    """Add them; one that is bound where the work dir is says where that is on the engine's host."""
    if not value:
        return options
    proofs = {mount.target: mount.proof for mount in options.mounts}
    added = [
        dataclasses.replace(mount, proof=proofs.get(mount.target) if mount.kind == "bind" else None)
        for mount in mounts(value)
    ]
    return dataclasses.replace(options, mounts=placed(options.mounts, added))


def _working_dir(options: ContainerOptions, value: object) -> ContainerOptions:
    """Move the work dir, too: blocks are run by a name that is relative to it."""
    if not value:
        return options
    folder = str(value)
    moved = [
        dataclasses.replace(mount, target=folder) if mount.target == WORKSPACE else mount
        for mount in options.mounts
    ]
    return dataclasses.replace(options, working_dir=folder, mounts=tuple(moved))


_OPTIONS: Final[Mapping[str, Callable[[ContainerOptions, Any], ContainerOptions]]] = {
    "image": _field("image", str),
    "name": _field("name", str),
    "auto_remove": _field("auto_remove", bool),
    "user": _field("user", str),
    "working_dir": _working_dir,
    "volumes": _volumes,
}
"""What is an option of ours; the working directory before what may be bound there."""


def _translated(given: Mapping[str, Any]) -> dict[str, Any]:
    """The engine's form of the keywords: docker-py's translation, less that of no keyword."""
    if not given:
        return {}
    asked, plain = _docker_py(given), _docker_py({})
    host, plain_host = asked.pop("HostConfig"), plain.pop("HostConfig")
    body = {key: value for key, value in asked.items() if value != plain.get(key)}
    body["HostConfig"] = {k: value for k, value in host.items() if value != plain_host.get(k)}
    if given.get("read_only") is False:  # a profile's that docker-py would not contradict
        body["HostConfig"]["ReadonlyRootfs"] = False
    return body


def _docker_py(given: Mapping[str, Any]) -> dict[str, Any]:
    from docker import constants, errors, types
    from docker.models import containers

    version = constants.DEFAULT_DOCKER_API_VERSION
    keywords = {**given, "image": "", "command": None, "version": version}
    try:
        arguments = containers._create_container_args(keywords)  # type: ignore[attr-defined] # noqa: SLF001 - the translation has no public name
        config = types.ContainerConfig(version, **arguments)
    except (errors.DockerException, TypeError, ValueError, AttributeError) as error:
        raise SpecError(
            f"container_create_kwargs are not what docker-py takes: {error}".rstrip("."),
            hint="see the keywords of docker-py's containers.create",
        ) from error
    return {**config, "HostConfig": dict(config["HostConfig"])}
