"""The one label namespace: what is put on what, and which things are ours.

Ownership labels (`managed`, `session`, `owner.*`, `keep`, `expires`) are for containers, networks
and volumes only. A container inherits its image's labels and an image those of its base, so an
ownership label on an image would make strangers' containers look like ours. No function here builds
one for an image.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NAMESPACE: Final = "org.executor-toolkit"

# On images.
DIGEST: Final = f"{NAMESPACE}.digest"
"""The full sha256 of everything that determines the image (design, decision 3)."""
INPUTS: Final = f"{NAMESPACE}.inputs"
"""Canonical JSON of the parts of the digest, so that a later miss can be explained."""
NAME: Final = f"{NAMESPACE}.name"
EXCUSED: Final = f"{NAMESPACE}.excused"
"""Modules whose failing import was excused by name, separated by commas."""
PRELOAD: Final = f"{NAMESPACE}.preload"
"""Modules that blocks of Python begin with, imported once for a container, separated by commas."""
UNVERIFIED: Final = f"{NAMESPACE}.unverified"
"""`1` on an image that was built with `--no-verify`, empty on one that was proven."""
DEPENDENCIES: Final = f"{NAMESPACE}.dependencies"
"""JSON: what was asked for, shortly, for the list of images."""
UV: Final = f"{NAMESPACE}.uv"
"""The version of uv that the build took where it could."""
INSTRUCTIONS: Final = f"{NAMESPACE}.instructions"
"""The keywords that the image's history ends with; after more of them it is a derived image."""
SOURCE_DIGEST: Final = f"{NAMESPACE}.base.source-digest"
"""On a base made locally: what it was made from, so that two machines agree on it."""
TITLE: Final = "org.opencontainers.image.title"
DESCRIPTION: Final = "org.opencontainers.image.description"
BASE_NAME: Final = "org.opencontainers.image.base.name"
BASE_DIGEST: Final = "org.opencontainers.image.base.digest"

# On containers, networks and volumes.
MANAGED: Final = f"{NAMESPACE}.managed"
SESSION: Final = f"{NAMESPACE}.session"
ROLE: Final = f"{NAMESPACE}.role"
KEEP: Final = f"{NAMESPACE}.keep"
CREATED: Final = f"{NAMESPACE}.created"
EXPIRES: Final = f"{NAMESPACE}.expires"
"""Seconds since 1970, after which it may go though its owner cannot be looked for."""
VERSION: Final = f"{NAMESPACE}.version"
OPTIONS: Final = f"{NAMESPACE}.options"
"""On a container to be kept: what it was made with, so that it is taken up as nothing else."""
COPIED: Final = f"{NAMESPACE}.copied"
"""On a container: `1` where its work dir is a copy of its owner's, which is nobody else's."""
SELF: Final = f"{NAMESPACE}.self"
"""The name of what was labelled. On anything else the labels were inherited, by an image that
somebody made of a container of ours."""
OWNER_HOST: Final = f"{NAMESPACE}.owner.host"
OWNER_BOOT: Final = f"{NAMESPACE}.owner.boot"
OWNER_PID: Final = f"{NAMESPACE}.owner.pid"
OWNER_START: Final = f"{NAMESPACE}.owner.start"
OWNER_PIDNS: Final = f"{NAMESPACE}.owner.pidns"
OWNER_CONTAINER: Final = f"{NAMESPACE}.owner.container"
"""The container of the same engine in which the owner is, or empty."""

_OWNERSHIP: Final = (
    SESSION,
    KEEP,
    CREATED,
    EXPIRES,
    OWNER_HOST,
    OWNER_BOOT,
    OWNER_PID,
    OWNER_START,
    OWNER_PIDNS,
    OWNER_CONTAINER,
)


def is_ours(labels: Mapping[str, str] | None) -> bool:
    """Whether a container, network or volume with these labels was made by this project."""
    return bool(labels) and labels is not None and labels.get(MANAGED) == "1"


def is_owned(labels: Mapping[str, str] | None, name: str) -> bool:
    """Whether what has that name was labelled by us, with all that the sweep judges by."""
    found = labels or {}
    return is_ours(found) and found.get(SELF) == name and all(key in found for key in _OWNERSHIP)
