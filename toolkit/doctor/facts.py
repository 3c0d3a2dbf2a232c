"""What doctor sees, as plain values: the probe that the checks are functions of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Client:
    """The running Python, and docker-py's version where it is installed."""

    python: tuple[int, int, int]
    docker_py: str | None


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """docker's config.json; `error` says why it is of no use; helpers by name: on PATH or not."""

    path: Path
    present: bool
    error: str | None = None
    helpers: Mapping[str, bool] = field(default_factory=dict)
    current_context: str | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables that steer docker and installers, and what they point to."""

    variables: Mapping[str, str]
    current_context: str | None = None
    certificates: bool = True
    """Whether DOCKER_CERT_PATH, where it is set, is a folder with something in it."""
    no_bundles: tuple[str, ...] = ()
    """Variables for a CA bundle that name no file of certificates."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The endpoint as it is shown, and why it was chosen; or the error that came of choosing."""

    address: str
    origin: str
    error: str | None = None
    hint: str | None = None


SocketKind = Literal["remote", "missing", "dangling", "directory", "other", "hidden", "socket"]


@dataclass(frozen=True, slots=True)
class Socket:
    """What lies at the endpoint's path; `hidden` where we may not even look.

    `others` are sockets at which another engine answers, looked for where this one is no good.
    """

    kind: SocketKind
    path: str = ""
    owner: str = ""
    group: str = ""
    gid: int = -1
    mode: int = 0
    target: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether this process may talk to the socket, and what decides about that."""

    socket: Socket
    writable: bool
    user: str
    uid: int
    groups: tuple[int, ...]
    in_group_file: bool = False
    in_container: bool = False
    selinux: bool = False
    rootless: str | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether the engine answered; else the error, and other sockets at which one does."""

    address: str
    milliseconds: int = 0
    error: str | None = None
    hint: str | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """What tells a local engine from one in a virtual machine and one far away."""

    address: str
    secure: bool
    operating_system: str = ""
    name: str = ""
    flavour: str = "docker"


@dataclass(frozen=True, slots=True)
class Versions:
    """The engine's versions as it writes them, its system, and this machine's architecture."""

    version: str
    api: str
    min_api: str
    os: str
    arch: str
    flavour: str
    here: str


@dataclass(frozen=True, slots=True)
class Build:
    """Which road a build takes, and what is lost by it; `refused` says why there is none."""

    flavour: str
    refused: str | None = None
    road: str = "grpc"
    loses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system of the engine's data, where it can be seen; bytes.

    `freeable` is what nobody uses, by kind, where the engine was asked for it.
    """

    path: str
    local: bool
    free: int = 0
    total: int = 0
    freeable: Mapping[str, int] = field(default_factory=dict)


Info = Mapping[str, Any]
"""The engine's answer to `GET /info`."""


@dataclass(frozen=True, slots=True)
class Detour:
    """What stands between us and the engine; `variable` names a proxy that would be asked first.

    `refuses` is what a proxy before the engine's socket answered to a POST.
    """

    host: str
    variable: str = ""
    proxy: str = ""
    refuses: str = ""


@dataclass(frozen=True, slots=True)
class Others:
    """Sockets of other engines that answer."""

    here: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Users:
    """Whose ids the users in containers are.

    `ids` is how many subordinate ones the user has, of users or of groups, the fewer of both.
    """

    rootless: bool
    remapped: bool
    user: str = ""
    ids: int | None = None


@dataclass(frozen=True, slots=True)
class Runtimes:
    """The engine's runtimes, and programs of this machine that could be some."""

    registered: tuple[str, ...]
    default: str
    here: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graphics:
    """A GPU's device here, if any, and the engine's ways to give one to containers."""

    device: str = ""
    runtime: bool = False
    cdi: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clock:
    """How far the engine's clock is ahead of ours."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a call takes on a connection that is open."""

    address: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class WorkDir:
    """The work directory, or where one would be made; sizes in bytes.

    `mount` is the mount point that it is on, `read_only` how that is mounted. `stray`: an empty
    folder of somebody else in one of ours, as an engine makes of a missing bind source.
    """

    path: Path
    given: bool
    kind: Literal["directory", "absent", "other"]
    writable: bool
    free: int
    noexec: bool
    file_system: str
    place: Literal["root", "home", "current", ""] = ""
    mount: str = "/"
    read_only: bool = False
    stray: bool = False


@dataclass(frozen=True, slots=True)
class Belongings:
    """Names of what is on the engine and has our labels: of the dead, and of what is kept.

    The first four are containers, `…_stores` are networks and volumes. `oldest` is for how many
    seconds the oldest dead container has been there, as far as it is known.
    """

    dead: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    dead_stores: tuple[str, ...] = ()
    kept_stores: tuple[str, ...] = ()
    oldest: float = 0.0


@dataclass(frozen=True, slots=True)
class Files:
    """Our temporary folders and proofs that dead processes left; `others`: files of other users."""

    work_dir: str = ""
    folders: tuple[str, ...] = ()
    proofs: tuple[str, ...] = ()
    others: int = 0
    example: str = ""


@dataclass(frozen=True, slots=True)
class ImageSeen:
    """The image that was asked for, as the engine has it; `error` where the name is none.

    `files` are the dependency files that were named for it.
    """

    name: str | None
    error: str | None = None
    id: str | None = None
    created: str = ""
    size: int = 0
    platform: str = ""
    engine: str = ""
    digest: str | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stale:
    """What an image of ours was made from, held against what is here now.

    `files` are the dependency files that were named, `changed` the parts in which they differ from
    those of the image.
    """

    name: str | None = None
    ours: bool = False
    verified: bool = True
    newer: str = ""
    base: str = ""
    base_moved: bool = False
    files: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Orphans:
    """Images of ours that no container and no newer image of their name needs; size in bytes."""

    names: tuple[str, ...] = ()
    size: int = 0
