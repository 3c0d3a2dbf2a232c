"""`LocalCommandLineCodeExecutor` for AutoGen 0.7: its parameters, its configuration, its words."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

from autogen_core import Component
from pydantic import BaseModel

from toolkit.coding.execution import ExecutorValueError
from toolkit.coding.function_module import FunctionModule
from toolkit.coding.local import MANNERS
from toolkit.coding.local import LocalCommandLineCodeExecutor as Ours
from toolkit.integrations.autogen.asynchronous import Asynchronous, Synchronous
from toolkit.integrations.autogen.docker import refuse_functions


class LocalConfig(BaseModel):
    """What is written of an executor; a temporary work dir is not, for it is gone then."""

    timeout: int = 60
    work_dir: str | None = None
    functions_module: str = "functions"
    cleanup_temp_files: bool = True


class LocalCommandLineCodeExecutor(Asynchronous, Component[LocalConfig]):
    """Runs blocks on this machine, with all the rights of this user, and warns of it each time.

    Danger: take it only for code that you have read or whose author you trust. The arguments are
    those of autogen-ext's class of this name. It needs no start.
    """

    component_config_schema = LocalConfig
    component_provider_override = "toolkit.integrations.autogen.LocalCommandLineCodeExecutor"
    SUPPORTED_LANGUAGES: ClassVar[list[str]] = list(Ours.DEFAULT_EXECUTION_POLICY)
    _cancelled = (125, "\nCancelled")
    _timed_out = "\nTimeout"

    def __init__(
        self,
        timeout: int = 60,
        work_dir: Path | str | None = None,
        functions: Sequence[Any] = (),
        functions_module: str = "functions",
        cleanup_temp_files: bool = True,  # noqa: FBT001, FBT002 - as above
        virtual_env_context: Any = None,  # noqa: ANN401 - any object with bin_path and env_exe
    ) -> None:
        warnings.warn(
            "Using LocalCommandLineCodeExecutor may execute code on the local machine which can be "
            "unsafe. For security, it is recommended to use DockerCommandLineCodeExecutor instead.",
            UserWarning,
            stacklevel=2,
        )
        super().__init__(timeout, work_dir, FunctionModule(functions, functions_module))
        self._cleanup = cleanup_temp_files
        self._context = virtual_env_context
        if self._given is not None:
            self._given.mkdir(exist_ok=True)

    @property
    def work_dir(self) -> Path:
        """The folder of the blocks' files, made now where it is a temporary one."""
        return self._folder()

    @property
    def cleanup_temp_files(self) -> bool:
        """Whether the files of blocks that name none are removed after their run."""
        return self._cleanup

    def _running(self) -> Synchronous:
        self._start()
        executor: Ours = self._executor
        return executor

    def _made(self, work_dir: Path) -> Synchronous:
        return Ours(
            timeout=self._timeout,
            virtual_env_context=self._context,
            work_dir=work_dir,
            functions=self._functions.functions,
            functions_module=self._functions.name,
            manners=replace(MANNERS, bare_names=False, delete_automatic=self._cleanup),
        )

    def _to_config(self) -> LocalConfig:
        """What `dump_component()` writes. Raises ValueError for what cannot be written."""
        refuse_functions(self._functions)
        if self._context is not None:
            raise ExecutorValueError(
                "virtual_env_context cannot be written into a component's configuration",
                hint="put the environment first on PATH, or make the executor in code",
            )
        return LocalConfig(
            timeout=self._timeout,
            work_dir=None if self._given is None else str(self._given),
            functions_module=self._functions.name,
            cleanup_temp_files=self._cleanup,
        )

    @classmethod
    def _from_config(cls, config: LocalConfig) -> Self:
        return cls(**config.model_dump())
