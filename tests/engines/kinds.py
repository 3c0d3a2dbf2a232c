"""The engines that are tried, and what differs between them: facts in one table.

A test asks for a fact by its name, and never for an engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """An engine of Debian's, by the suite whose packages it is made of.

    `version` is how its version begins; `settings` is its daemon.json. The rest are facts:

    `road`: how builds go to it. `lines`: whether a failure says which lines of the Dockerfile.
    `registry`: what it puts before a tag that names no registry. `stops_steps`: whether a build
    that is interrupted ends the step that runs. `any_label`: whether a label given to a build may
    hold whatever one likes. `whole_logs`: whether it tells a log of which more than 1 MiB waits to
    its end, and not empty messages for ever. `packed`: whether it keeps layers packed (containerd's
    store). `subpaths`: whether it mounts a folder of a volume as such. `uid`: under which user it
    runs. `userns` is what its containers.conf says of the users of containers, if anything.
    """

    name: str
    suite: str
    program: Literal["dockerd", "podman", "rootlesskit"] = "dockerd"
    version: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    road: Literal["grpc", "podman"] = "grpc"
    lines: bool = True
    registry: str = ""
    stops_steps: bool = True
    any_label: bool = True
    whole_logs: bool = True
    packed: bool = False
    subpaths: bool = True
    uid: int = 0
    userns: str = ""


def _podman(name: str, *, suite: str, version: str) -> Kind:
    return Kind(
        name=name,
        suite=suite,
        program="podman",
        version=version,
        road="podman",
        registry="docker.io/",
        stops_steps=False,
        any_label=False,
        subpaths=False,
    )


KINDS: Final = (
    Kind(
        name="docker-20.10",
        suite="bookworm",
        version="20.10.",
        lines=False,
        whole_logs=False,
        subpaths=False,
    ),
    Kind(name="docker-26.1", suite="trixie", version="26.1."),
    Kind(name="docker-28.5", suite="sid", version="28."),
    Kind(
        name="docker-28.5-containerd",
        suite="sid",
        version="28.",
        settings={"features": {"containerd-snapshotter": True}},
        packed=True,
    ),
    _podman("podman-4.3", suite="bookworm", version="4."),
    _podman("podman-5.4", suite="trixie", version="5."),
    _podman("podman-5.8", suite="sid", version="5."),
)

_OLD: Final[Mapping[str, Any]] = {
    "suite": "bookworm",
    "lines": False,
    "whole_logs": False,
    "subpaths": False,
}
REMAPPED: Final = Kind(
    name="docker-20.10-remapped", version="20.10.", settings={"userns-remap": "default"}, **_OLD
)
ROOTLESS: Final = (
    Kind(name="docker-20.10-rootless", version="20.10.", program="rootlesskit", uid=1500, **_OLD),
    replace(KINDS[4], name="podman-4.3-rootless", uid=1500),
)
KEEPING: Final = replace(ROOTLESS[1], name="podman-4.3-keep-id", userns="keep-id")
"""Of these only the users are tried."""
