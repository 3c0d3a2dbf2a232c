"""`LocalCommandLineCodeExecutor`: blocks of code, run on this machine.

Hidden here: what runs a language here, and in which environment. What happens to blocks before and
after is in `execution`, and how a program and all that it starts is ended, in `process_tree`.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

from toolkit.coding import languages, process_tree, sanitizing
from toolkit.coding.command_line import CommandLineExecutor, RunFile
from toolkit.coding.execution import Manners, outcome
from toolkit.coding.function_module import FunctionModule
from toolkit.coding.functions import AnyFunction
from toolkit.coding.programs import Listener
from toolkit.coding.recording import Recorder
from toolkit.coding.results import BlockResult
from toolkit.coding.virtual_env import EnvironmentContext, interpreter
from toolkit.worker.result import OUTPUT_LIMIT, Cancellation, Command, Result, Stream

MANNERS: Final = Manners(unknown="\nunknown language {}", check=sanitizing.sanitize_command)
_NOTHING: Final = 0
"""The recorder keeps the output."""


class LocalCommandLineCodeExecutor(CommandLineExecutor):
    """Runs blocks of Python and shell on this machine; each block is a process of its own.

    Danger: code that a model wrote runs here with all the rights of this user: it can read, change
    and send away whatever this user can. Use it only for code that you have read or whose author
    you trust; `DockerCommandLineCodeExecutor` runs the same blocks in a container.

    Positional parameters are AutoGen 0.2's. `timeout`: seconds a block; at its end the block and
    every process that it started are ended. `virtual_env_context`: the environment for Python and
    for packages, from `create_virtual_env` or any object with `bin_path` and `env_exe`; None is
    this process's own. `work_dir`: the blocks' folder, made if its parent is there. `functions`:
    what blocks may import from `functions_module`.

    By keyword only: `environment`: all the variables that blocks see, beside PATH; None is this
    process's own, with what secrets there are in it. `output_limit`: bytes of a block's output that
    a result holds, head and tail; more is in `log_file`. `separate_streams`: stderr is not put into
    stdout. `delete_tmp_files`: of blocks that name no file. `list_files=False`: do not look for the
    files that a block made or changed. `manners`: for adapters. Raises ValueError for an argument
    that cannot be.
    """

    SUPPORTED_LANGUAGES: ClassVar[list[str]] = list(languages.POLICY)

    def __init__(  # noqa: PLR0913 - the names and the order are AutoGen's
        self,
        timeout: float = 60,
        virtual_env_context: EnvironmentContext | None = None,
        work_dir: Path | str = Path(),
        functions: Sequence[AnyFunction] = (),
        functions_module: str = "functions",
        execution_policies: Mapping[str, bool] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        output_limit: int = OUTPUT_LIMIT,
        separate_streams: bool = False,
        delete_tmp_files: bool = False,
        list_files: bool = True,
        manners: Manners = MANNERS,
    ) -> None:
        super().__init__(
            timeout=timeout,
            work_dir=work_dir,
            functions=FunctionModule(functions, functions_module),
            execution_policies=execution_policies,
        )
        self._interpreter = interpreter(virtual_env_context)
        self._environment = None if environment is None else dict(environment)
        self._output_limit = output_limit
        self._separate = separate_streams
        manners = replace(
            manners,
            delete_automatic=delete_tmp_files or manners.delete_automatic,
            list_files=list_files and manners.list_files,
        )
        self._make_workspace(manners)

    @staticmethod
    def sanitize_command(lang: str, code: str) -> None:
        """Raise ValueError for shell code that would do harm: a guard against accidents only."""
        sanitizing.sanitize_command(lang, code)

    def restart(self) -> None:
        """Warn that there is nothing to restart: no process outlives its block."""
        warnings.warn(
            "Restarting local command line code executor is not supported. No action is taken.",
            stacklevel=2,
        )

    def stop(self) -> None:
        """Do nothing, for there is nothing to stop: for code that may have either executor."""

    def _ready(self, listener: Listener) -> RunFile:
        self._setup_functions(listener.cancellation)
        return lambda language, relative: self._run(language, relative, listener)

    def _run(self, language: str, relative: str, listener: Listener) -> BlockResult:
        """Run a block's file, by its path relative to the work dir."""
        argv = [self._program(language), str((self._work_dir / relative).absolute())]
        merged = not (listener.separate or self._separate)
        command = replace(
            self._command(argv, _NOTHING, merged=merged), cancellation=listener.cancellation
        )
        with Recorder(self._work_dir, relative, self._output_limit) as record:

            def take(stream: Stream, data: bytes) -> None:
                record.add(stream, data)
                if listener.on_output is not None:
                    listener.on_output(stream, data)

            result = process_tree.run(command, on_output=take)
        return outcome(record.completed(result), log_file=record.log_file)

    def _setup_functions(self, cancellation: Cancellation | None = None) -> None:
        def python(arguments: Sequence[str]) -> Result:
            argv = [self._interpreter.program, *arguments]
            return process_tree.run(replace(self._command(argv), cancellation=cancellation))

        self._functions.load(self._work_dir, python)

    def _command(
        self, argv: Sequence[str], output_limit: int = OUTPUT_LIMIT, *, merged: bool = False
    ) -> Command:
        return Command(
            tuple(argv),
            timeout=self._timeout,
            environment=self._variables(),
            cwd=str(self._work_dir),
            merged=merged,
            output_limit=output_limit,
        )

    def _variables(self) -> dict[str, str]:
        given = os.environ if self._environment is None else self._environment
        return self._interpreter.environment(given)

    def _program(self, language: str) -> str:
        """Choose what runs the language here; a program that is missing is exit code 127."""
        if language == "python":
            return self._interpreter.program
        names = languages.PROGRAMS[language]
        path = self._variables()["PATH"]
        return next((name for name in names if shutil.which(name, path=path)), names[0])
