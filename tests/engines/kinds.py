"""The engines that are tried, and what differs between them: facts in one table.

A test asks for a fact by its name, and never for an engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """An engine of Debian's, by the suite whose packages it is made of.

    `version` is how its version begins; `settings` is its daemon.json. The rest are facts:

    `road`: how builds go to it. `lines`: whether a failure says which lines of the Dockerfile.
    `registry`: what its names begin with where they name no registry. `partial_load`: whether it
    loads an image of which it has the lower layers already and the archive has not.
    `checks_sources`: whether it refuses a mount whose source is missing as it creates a container.
    `unpacked_size`: whether an image's size is that of its files, and not of its packed layers.
    """

    name: str
    suite: str
    program: Literal["dockerd", "podman"]
    version: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    road: Literal["grpc", "podman"] = "grpc"
    lines: bool = True
    registry: str = ""
    partial_load: bool = True
    checks_sources: bool = True
    unpacked_size: bool = True


KINDS: Final = (
    Kind(name="docker-20.10", suite="bookworm", program="dockerd", version="20.10.", lines=False),
    Kind(name="docker-26.1", suite="trixie", program="dockerd", version="26.1."),
    Kind(name="docker-28.5", suite="sid", program="dockerd", version="28."),
    Kind(
        name="docker-28.5-containerd",
        suite="sid",
        program="dockerd",
        version="28.",
        settings={"features": {"containerd-snapshotter": True}},
        partial_load=False,
        unpacked_size=False,
    ),
    Kind(
        name="podman-4.3",
        suite="bookworm",
        program="podman",
        version="4.",
        road="podman",
        registry="localhost/",
        checks_sources=False,
        partial_load=False,
    ),
    Kind(
        name="podman-5.4",
        suite="trixie",
        program="podman",
        version="5.",
        road="podman",
        registry="localhost/",
        checks_sources=False,
        partial_load=False,
    ),
    Kind(
        name="podman-5.8",
        suite="sid",
        program="podman",
        version="5.",
        road="podman",
        registry="localhost/",
        checks_sources=False,
        partial_load=False,
    ),
)
