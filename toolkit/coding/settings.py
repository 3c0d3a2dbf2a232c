"""What a Docker executor is told beside AutoGen's eight parameters, checked, as one value.

Hidden here: which of it the container is made from, and that whatever is wrong with an argument is
a ValueError, as in AutoGen.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Final, Literal, TypedDict

from toolkit.coding import languages, proxies
from toolkit.coding.certificates import Choice, bundle, variables
from toolkit.coding.execution import ExecutorValueError, Manners
from toolkit.coding.functions import AnyFunction
from toolkit.container import WORKSPACE, ContainerOptions, Mount, Transfer
from toolkit.container.create_kwargs import applied
from toolkit.container.devices import gpu_requests, requests
from toolkit.container.volumes import mounts
from toolkit.context import ContextFile
from toolkit.engine import Engine
from toolkit.errors import SpecError
from toolkit.profile import Limits, Profile, named
from toolkit.worker.result import OUTPUT_LIMIT

Isolation = Literal["fork", "spawn"]

_UNITS: Final = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_PROGRAMS: Final = tuple(sorted({name for names in languages.PROGRAMS.values() for name in names}))


class ExecutorOptions(TypedDict, total=False):
    """The keyword-only parameters of a Docker executor; see `DockerCommandLineCodeExecutor`."""

    profile: str | Profile
    user: str | None
    environment: Mapping[str, str] | None
    network: str | None
    memory: int | str | None
    cpus: float | None
    pids: int | None
    runtime: str | None
    gpus: int | str | None
    device_requests: Sequence[object] | None
    extra_volumes: Mapping[str, Mapping[str, str]] | None
    extra_hosts: Mapping[str, str] | None
    init_command: str | None
    functions: Sequence[AnyFunction]
    functions_module: str
    delete_tmp_files: bool
    output_limit: int
    preload: Sequence[str]
    isolation: Isolation
    ca_bundle: Choice
    separate_streams: bool
    take_up: bool
    labels: Mapping[str, str] | None
    container_create_kwargs: Mapping[str, Any] | None
    list_files: bool
    manners: Manners
    engine: Engine | None
    transfer: Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The same with its defaults."""

    profile: str | Profile = "standard"
    user: str | None = None
    environment: Mapping[str, str] | None = None
    network: str | None = None
    memory: int | str | None = None
    cpus: float | None = None
    pids: int | None = None
    runtime: str | None = None
    gpus: int | str | None = None
    device_requests: Sequence[object] | None = None
    extra_volumes: Mapping[str, Mapping[str, str]] | None = None
    extra_hosts: Mapping[str, str] | None = None
    init_command: str | None = None
    functions: Sequence[AnyFunction] = ()
    functions_module: str = "functions"
    delete_tmp_files: bool = False
    output_limit: int = OUTPUT_LIMIT
    preload: Sequence[str] = ()
    isolation: Isolation = "fork"
    ca_bundle: Choice = True
    separate_streams: bool = False
    take_up: bool = False
    labels: Mapping[str, str] | None = None
    container_create_kwargs: Mapping[str, Any] | None = None
    list_files: bool = True
    manners: Manners = field(default_factory=Manners)
    engine: Engine | None = None
    transfer: Transfer = "auto"

    def __post_init__(self) -> None:
        if self.isolation not in {"fork", "spawn"}:
            raise ExecutorValueError(
                f"isolation {self.isolation!r} does not exist", hint='choose "fork" or "spawn"'
            )
        if self.transfer not in {"auto", "bind", "copy"}:
            raise ExecutorValueError(
                f"transfer {self.transfer!r} does not exist",
                hint='choose "auto", "bind" or "copy"',
            )
        if self.preload and self.isolation == "spawn":
            raise ExecutorValueError(
                "preload needs an interpreter to fork from, and isolation is 'spawn'",
                hint="leave preload out, or isolation",
            )
        if isinstance(self.preload, str):
            raise ExecutorValueError(
                f"preload {self.preload!r} is no list of modules",
                hint=f'write preload=("{self.preload}",)',
            )
        if self.output_limit < 1:
            raise ExecutorValueError(
                f"output_limit {self.output_limit} is no size", hint="give a number of bytes"
            )


def settled(options: ExecutorOptions) -> Settings:
    """Check the keywords. Raises TypeError for an unknown one, ValueError for what cannot be."""
    if unknown := sorted(options.keys() - ExecutorOptions.__annotations__.keys()):
        raise TypeError(
            f"DockerCommandLineCodeExecutor() got an unexpected keyword argument {unknown[0]!r}"
        )
    settings = Settings(**options)
    manners = replace(
        settings.manners,
        delete_automatic=settings.delete_tmp_files or settings.manners.delete_automatic,
        list_files=settings.list_files and settings.manners.list_files,
    )
    return replace(settings, manners=manners)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """AutoGen's own parameters, as far as the container is made from them."""

    image: str
    name: str | None
    work: Mount
    auto_remove: bool
    stop_container: bool


def container_options(
    settings: Settings, place: Place, environment: Mapping[str, str]
) -> ContainerOptions:
    """The container that is wanted.

    `environment` is the caller's: nothing of it is passed on, but it may name a CA bundle and a
    configuration of docker's with proxies, for a container that has a network. Raises ValueError
    for an argument that cannot be.
    """
    with as_value_errors():
        profile = _profile(settings.profile)
        # A read-only root has no place for it, and without a network there is no use.
        extra = settings.container_create_kwargs or {}
        proxied = not profile.read_only and extra.get("use_config_proxy", True)
        trusted = _trusted(profile, settings.ca_bundle, environment)
        options = ContainerOptions(
            image=place.image,
            name=place.name,
            profile=profile,
            limits=_limits(settings),
            user=settings.user,
            mounts=(place.work, *_beside(place.work, settings.extra_volumes or {})),
            working_dir=WORKSPACE,
            environment={
                **(proxies.variables(environment) if proxied else {}),
                **variables(trusted),
                **(settings.environment or {}),
            },
            labels=dict(settings.labels or {}),
            auto_remove=place.auto_remove,
            keep_running=not place.stop_container,
            take_up=settings.take_up,
            programs=_PROGRAMS,
            warm=settings.isolation == "fork",
            preload=tuple(settings.preload),
            runtime=settings.runtime,
            device_requests=_devices(settings),
            extra_hosts=dict(settings.extra_hosts or {}),
            files=() if trusted is None else (trusted,),
        )
        return applied(options, extra)


def _trusted(
    profile: Profile, choice: Choice, environment: Mapping[str, str]
) -> ContextFile | None:
    if not profile.read_only:
        return bundle(choice, environment)
    if not isinstance(choice, bool):
        raise ExecutorValueError(
            f"CA bundle {choice} has no place in profile {profile.name!r}",
            hint="leave ca_bundle out, or choose the profile 'standard'",
        )
    return None


def limits(options: ExecutorOptions) -> Limits:
    """The memory and processors that a container of these options may use, by its profile or not.

    Raises ValueError for what cannot be.
    """
    with as_value_errors():
        profile = _profile(options.get("profile", "standard"))
        memory, cpus = size(options.get("memory")), options.get("cpus")
    return Limits(
        memory=profile.memory if memory is None else memory,
        cpus=profile.cpus if cpus is None else cpus,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(settings.network, size(settings.memory), settings.cpus, settings.pids)


def _profile(profile: str | Profile) -> Profile:
    return profile if isinstance(profile, Profile) else named(profile)


def _beside(work: Mount, volumes: Mapping[str, Mapping[str, str]]) -> tuple[Mount, ...]:
    found = mounts(volumes)
    for mount in found:
        if PurePosixPath(mount.target) == PurePosixPath(work.target):
            raise ExecutorValueError(
                f"extra volume {mount.source!r} is bound to {mount.target}, where the work_dir is",
                hint="choose another path for it, or make it the work_dir",
            )
    return found


def _devices(settings: Settings) -> tuple[Mapping[str, Any], ...]:
    return (*gpu_requests(settings.gpus), *requests(settings.device_requests or ()))


@contextlib.contextmanager
def as_value_errors() -> Iterator[None]:
    """Turn what is wrong with an argument into a ValueError of the same words."""
    try:
        yield
    except ExecutorValueError:
        raise
    except SpecError as error:
        raise ExecutorValueError(error.message, hint=error.hint) from error


def size(memory: int | str | None) -> int | None:
    """Bytes from a number or from text such as `512m`, in the units of docker run."""
    if memory is None or isinstance(memory, int):
        return memory
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([bkmg]?)b?", memory.strip().lower())
    if found is None:
        raise ExecutorValueError(
            f"memory {memory!r} is no size", hint='write a number of bytes, or "512m", or "2g"'
        )
    return int(float(found[1]) * _UNITS[found[2]])
