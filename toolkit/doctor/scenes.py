"""What doctor sees of containers and networks, as plain values: the other half of the facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from toolkit.doctor.facts import Kind, SocketKind


@dataclass(frozen=True, slots=True)
class Inside:
    """What tells that this process is in a container; `sure` where the kernel does."""

    sure: bool
    signs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """The container around us: the id that was proven, and those that were only suggested."""

    address: str
    id: str = ""
    suspects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SocketMount:
    """The endpoint's socket in this container, and the mount that it is on."""

    kind: SocketKind
    path: str = ""
    point: str = ""


@dataclass(frozen=True, slots=True)
class Mounted:
    """The mount that holds the work dir, whose links are resolved to `folder`."""

    path: str
    folder: str
    point: str
    file_system: str
    inside: bool = True
    given: bool = True
    whole: bool = False
    """Whether the mount shows the root of its file system."""
    read_only: bool = False
    nested: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """What the engine has been proven to know the work dir as, or why it was not.

    `untried` says why nothing was tried; `given` is what the user says of it.
    """

    folder: str = ""
    untried: str = ""
    given: str = ""
    from_env: str = ""
    source: str = ""
    error: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Sharing:
    """An engine in a virtual machine, and the folder of this machine that it is to see."""

    kind: Kind
    path: str
    home: str


@dataclass(frozen=True, slots=True)
class Relabel:
    """Whether the engine confines containers by SELinux, and the label of the work dir."""

    confined: bool
    path: str
    label: str = ""
    given: bool = True


@dataclass(frozen=True, slots=True)
class Proxies:
    """HTTP_PROXY, HTTPS_PROXY and NO_PROXY of three places, the containers' from `config`.

    `silent`: variables of the environment at whose address nothing answers.
    """

    env: Mapping[str, str] = field(default_factory=dict)
    engine: Mapping[str, str] = field(default_factory=dict)
    containers: Mapping[str, str] = field(default_factory=dict)
    config: str = ""
    silent: tuple[str, ...] = ()
    local: bool = True


@dataclass(frozen=True, slots=True)
class Pool:
    """A range of addresses, of which each network gets a part with a prefix of that length."""

    base: str
    size: int


@dataclass(frozen=True, slots=True)
class Bridge:
    """The engine's networks; `interface` is the default bridge's, where it is of this machine.

    No pools are the engine's own.
    """

    forwarding: bool | None = True
    subnets: tuple[str, ...] = ()
    pools: tuple[Pool, ...] = ()
    interface: str = ""
    has_interface: bool = True


@dataclass(frozen=True, slots=True)
class Registry:
    """What a registry said when the engine asked it for an image's digest."""

    image: str
    host: str
    login: bool = False
    digest: str = ""
    mirrors: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    error: str = ""
    hint: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Sibling:
    """What became of a real container, as an executor has it.

    `untried` says why there was none; `stage` is where the way to the package index ends: at the
    name, the route or the certificate. `read` and `wrote` are None without a work dir; `files` says
    why they are not true.
    """

    image: str = ""
    untried: str = ""
    error: str = ""
    hint: str = ""
    python: str = ""
    programs: Mapping[str, str | None] = field(default_factory=dict)
    nameservers: tuple[str, ...] = ()
    index: str = ""
    stage: str = ""
    said: str = ""
    proxied: bool = False
    work_dir: str = ""
    read: bool | None = None
    wrote: bool | None = None
    files: str = ""
    owner: tuple[int, int] = (0, 0)
    mine: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Tether:
    """How long a container outlived its owner, which was killed; `lasted`: it was still there."""

    untried: str = ""
    seconds: float = 0.0
    lasted: bool = False
