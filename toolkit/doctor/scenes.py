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
    """Whether the engine confines containers by SELinux, and the label of the work dir.

    `denied` is why a container could not read there, where one was tried; `untried` why none was.
    """

    confined: bool
    path: str
    label: str = ""
    given: bool = True
    untried: str = ""
    denied: str = ""


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
    name, the route or the certificate, and `late` whether nothing at all came back. `cut_off`: it
    was started without a network, for none could be had. `status` is of the kernel's words for the
    code's process, `disk` what is free and what there is at its root. `read` and `wrote` are None
    without a work dir; `files` says why they are not true.
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
    late: bool = False
    proxied: bool = False
    cut_off: bool = False
    status: Mapping[str, str] = field(default_factory=dict)
    disk: tuple[int, int] = (0, 0)
    milliseconds: int = 0
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


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of starting a container in some way: the engine's words where it did not start."""

    way: str
    error: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Launch:
    """Whether containers start at all, and on the engine's default network."""

    runtime: Attempt
    network: Attempt


@dataclass(frozen=True, slots=True)
class Launches:
    """Containers that were started in several ways; `untried` says why none was."""

    untried: str = ""
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which limits held when a program went beyond each; `error` where none could be given."""

    untried: str = ""
    error: str = ""
    hint: str = ""
    held: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Built:
    """What a build of one step showed: whether a secret arrived, and how far the index's way goes.

    `stage` and `late` are as in `Sibling`; `error` says why the build failed.
    """

    untried: str = ""
    error: str = ""
    hint: str = ""
    secret: bool = False
    index: str = ""
    stage: str = ""
    said: str = ""
    late: bool = False
    proxied: bool = False


@dataclass(frozen=True, slots=True)
class Forwarding:
    """Whether what a container sends gets anywhere; `here`: whether this machine reaches it.

    `policy` is what drops it, and `table` that of nftables, where we may look.
    """

    untried: str = ""
    index: str = ""
    late: bool = False
    here: bool = True
    interface: str = ""
    policy: str = ""
    table: str = ""
