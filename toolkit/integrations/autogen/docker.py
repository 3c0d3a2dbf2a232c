"""`DockerCommandLineCodeExecutor` for AutoGen 0.7: its parameters, its configuration, its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self, TypedDict, Unpack, cast

from autogen_core import Component
from pydantic import BaseModel

from toolkit.coding.docker import DockerCommandLineCodeExecutor as Ours
from toolkit.coding.execution import ExecutorValueError, Manners
from toolkit.coding.function_module import FunctionModule
from toolkit.coding.settings import ExecutorOptions, settled
from toolkit.coding.starting import DockerUnavailableError
from toolkit.errors import NotRunningError
from toolkit.integrations.autogen.asynchronous import Asynchronous, Synchronous, warn_of_current

_MANNERS: Final = Manners(bare_names=False)


class ExecutorNotRunningError(NotRunningError, ValueError):
    """It was not started, or is stopped; a ValueError, as in AutoGen."""


class ExecutorStateError(NotRunningError, RuntimeError):
    """There is no such thing before the start; a RuntimeError, as in AutoGen."""


class Options(TypedDict, total=False):
    """What our executor takes beside AutoGen's own; see `toolkit.DockerCommandLineCodeExecutor`."""

    profile: str
    user: str | None
    environment: Mapping[str, str] | None
    network: str | None
    memory: int | str | None
    cpus: float | None
    pids: int | None
    runtime: str | None
    gpus: int | str | None
    output_limit: int
    preload: Sequence[str]
    isolation: str
    ca_bundle: bool | str
    labels: Mapping[str, str] | None
    container_create_kwargs: Mapping[str, Any] | None


class DockerConfig(BaseModel):
    """What is written of an executor, and enough to make its like.

    `container_name` is there only where the caller gave one: a twin with a name of its own leaves
    the first one's container alone. The environment's values are written as they are.
    """

    image: str | None = None
    container_name: str | None = None
    timeout: int = 60
    work_dir: str | None = None
    bind_dir: str | None = None
    auto_remove: bool = True
    stop_container: bool = True
    device_requests: list[dict[str, Any]] | None = None
    functions_module: str = "functions"
    extra_volumes: dict[str, dict[str, str]] = {}
    extra_hosts: dict[str, str] = {}
    init_command: str | None = None
    delete_tmp_files: bool = False
    options: dict[str, Any] = {}


class DockerCommandLineCodeExecutor(Asynchronous, Component[DockerConfig]):
    """Runs blocks in a container, from `start()` or `async with` until `stop()` or its end.

    The arguments are those of autogen-ext's class of this name, and `Options`. Without `image` it
    is $TOOLKIT_DEFAULT_IMAGE, else python:3-slim. Without `work_dir` it is a temporary folder that
    goes after the container. One executor may be used from several event loops and threads.
    `start()` raises RuntimeError when no engine answers, ValueError when no container starts.
    """

    component_config_schema = DockerConfig
    component_provider_override = "toolkit.integrations.autogen.DockerCommandLineCodeExecutor"
    SUPPORTED_LANGUAGES: ClassVar[list[str]] = list(Ours.DEFAULT_EXECUTION_POLICY)
    _cancelled = (1, "Code execution was cancelled.")
    _timed_out = "\n Timeout"

    def __init__(  # noqa: PLR0913 - the names and the order are AutoGen's
        self,
        image: str | None = None,
        container_name: str | None = None,
        *,
        timeout: int = 60,
        work_dir: Path | str | None = None,
        bind_dir: Path | str | None = None,
        auto_remove: bool = True,
        stop_container: bool = True,
        device_requests: Sequence[Mapping[str, Any]] | None = None,
        functions: Sequence[Any] = (),
        functions_module: str = "functions",
        extra_volumes: Mapping[str, Mapping[str, str]] | None = None,
        extra_hosts: Mapping[str, str] | None = None,
        init_command: str | None = None,
        delete_tmp_files: bool = False,
        **options: Unpack[Options],
    ) -> None:
        """Check the arguments and make the work dir; the engine is not touched before `start()`."""
        super().__init__(timeout, work_dir, FunctionModule(functions, functions_module))
        settled(cast("ExecutorOptions", options))  # a mistake is told here, not at the start
        self._config = DockerConfig(
            image=image,
            container_name=container_name,
            timeout=timeout,
            work_dir=_text(work_dir),
            bind_dir=_text(bind_dir),
            auto_remove=auto_remove,
            stop_container=stop_container,
            device_requests=None if device_requests is None else [*map(dict, device_requests)],
            functions_module=functions_module,
            extra_volumes={name: dict(value) for name, value in (extra_volumes or {}).items()},
            extra_hosts=dict(extra_hosts or {}),
            init_command=init_command,
            delete_tmp_files=delete_tmp_files,
            options=dict(options),
        )
        if self._given is not None:
            self._given.mkdir(exist_ok=True, parents=True)

    @property
    def work_dir(self) -> Path:
        """The folder of the blocks' files. Raises RuntimeError while there is none."""
        if self._given is not None:
            warn_of_current(self._given)
            return self._given
        scratch = self._scratch
        if scratch is None:
            raise ExecutorStateError(
                "Working directory not properly initialized",
                hint="await start() first, or give a work_dir",
            )
        return scratch.folder

    @property
    def bind_dir(self) -> Path:
        """The same folder as the engine's host knows it."""
        given = self._config.bind_dir
        return self.work_dir if given is None else Path(given)

    @property
    def container_name(self) -> str | None:
        """The running container's name, else the one that was asked for."""
        executor = self._executor
        return self._config.container_name if executor is None else executor.container_name

    def _running(self) -> Synchronous:
        executor: Ours | None = self._executor
        if executor is None:
            raise ExecutorNotRunningError(
                "Container is not running. Must first be started with either start or a "
                "context manager.",
                hint="await start(), or use `async with`",
            )
        return executor

    def _made(self, work_dir: Path) -> Synchronous:
        """Start the container, told of nothing but what differs from the defaults."""
        apart = {"work_dir", "options"}
        given = self._config.model_dump(exclude=apart, exclude_defaults=True)
        if self._functions.functions:
            given["functions"] = self._functions.functions
        try:
            return Ours(work_dir=work_dir, manners=_MANNERS, **given, **self._config.options)
        except DockerUnavailableError as error:
            raise DockerUnavailableError(
                "Failed to connect to Docker. Please ensure Docker is installed and running. "
                f"({error.message})",
                hint=error.hint,
            ) from error

    def _is_over(self) -> bool:
        return self._config.stop_container

    def _to_config(self) -> DockerConfig:
        """What `dump_component()` writes. Raises ValueError for what cannot be written."""
        refuse_functions(self._functions)
        written: DockerConfig = self._config.model_copy(deep=True)
        return written

    @classmethod
    def _from_config(cls, config: DockerConfig) -> Self:
        return cls(**config.model_dump(exclude={"options"}), **config.options)


def refuse_functions(module: FunctionModule) -> None:
    """Functions are code and not configuration: to lose them silently would be worse."""
    if module.functions:
        raise ExecutorValueError(
            "functions cannot be written into a component's configuration",
            hint="write the functions into a file of the work dir, or into the image",
        )


def _text(path: Path | str | None) -> str | None:
    return None if path is None else str(path)
