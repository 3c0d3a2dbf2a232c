"""What both adapters share: a synchronous executor, started, used and stopped from threads.

Hidden here: the temporary work dir, that two starts are one, and that whoever cancels gets control
back only when every process of the code is dead.
"""

from __future__ import annotations

import threading
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock, CodeExecutor, CodeResult

from toolkit.coding import CommandLineCodeResult as Result
from toolkit.coding.execution import ExecutorValueError
from toolkit.coding.function_module import PROMPT_TEMPLATE, FunctionModule
from toolkit.coding.results import BlockResult
from toolkit.coding.scratch import Scratch
from toolkit.coding.streaming import uninterrupted
from toolkit.worker.result import Cancellation


@dataclass
class CommandLineCodeResult(CodeResult):
    """AutoGen's result, and one of each block: its own exit code, output, files, and more."""

    code_file: str | None = None
    blocks: list[BlockResult] = field(default_factory=list, repr=False, compare=False)


class Synchronous(Protocol):
    """What is adapted."""

    def execute_code_blocks(
        self, code_blocks: Sequence[CodeBlock], *, cancellation: Cancellation | None = None
    ) -> Result: ...

    def restart(self) -> None: ...

    def stop(self) -> None: ...


class Asynchronous(CodeExecutor):
    """An executor of AutoGen, from `start()` or `async with` until `stop()` or its end.

    It may be used from several event loops and threads.
    """

    FUNCTION_PROMPT_TEMPLATE: ClassVar[str] = PROMPT_TEMPLATE
    _cancelled: ClassVar[tuple[int, str]]
    _timed_out: ClassVar[str]

    def __init__(
        self, timeout: int, work_dir: Path | str | None, functions: FunctionModule
    ) -> None:
        if timeout < 1:
            raise ExecutorValueError(
                "Timeout must be greater than or equal to 1.",
                hint="give a number of seconds from 1",
            )
        self._timeout = timeout
        self._given = None if work_dir is None else Path(work_dir)
        if self._given is not None:
            warn_of_current(self._given)
        self._functions = functions
        self._scratch: Scratch | None = None
        self._executor: Any = None
        self._changing = threading.Lock()

    @property
    def timeout(self) -> int:
        """Seconds that a block may take."""
        return self._timeout

    @property
    def functions_module(self) -> str:
        """The name of the module that has the functions."""
        return self._functions.name

    def format_functions_for_prompt(self, prompt_template: str = PROMPT_TEMPLATE) -> str:
        """Describe the functions to a model; the template has $module_name and $functions."""
        return self._functions.prompt(prompt_template)

    async def start(self) -> None:
        """Make it ready; nothing happens when it is."""
        await uninterrupted(lambda _cancellation: self._start())

    async def stop(self) -> None:
        """End everything, then remove the temporary work dir. Idempotent; it may start again."""
        await uninterrupted(lambda _cancellation: self._stop())

    async def restart(self) -> None:
        """End every process of the code; files stay."""
        executor = self._running()
        await uninterrupted(lambda _cancellation: executor.restart())

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CommandLineCodeResult:
        """Run the blocks one after another until one fails; what the code does is in the result.

        Whoever cancels, by the token or this task, has every process of the code dead when this
        returns. Raises ValueError for no blocks, and when not running; ContainerError when a
        container is gone.
        """
        executor = self._running()

        def execute(cancellation: Cancellation) -> CommandLineCodeResult:
            cancellation_token.add_callback(cancellation.cancel)
            result = executor.execute_code_blocks(code_blocks, cancellation=cancellation)
            return self._translated(result)

        return await uninterrupted(execute)

    @abstractmethod
    def _made(self, work_dir: Path) -> Synchronous:
        """Make the synchronous executor, which is ready then."""

    @abstractmethod
    def _running(self) -> Synchronous:
        """Give what runs blocks, or raise."""

    def _folder(self) -> Path:
        """The work dir, made where it is a temporary one."""
        if self._given is not None:
            return self._given
        if self._scratch is None:
            self._scratch = Scratch("executor")
        return self._scratch.folder

    def _start(self) -> None:
        with self._changing:
            if self._executor is None:
                try:
                    self._executor = self._made(self._folder())
                except BaseException:
                    self._forget_folder()
                    raise

    def _stop(self) -> None:
        with self._changing:
            executor, self._executor = self._executor, None
            if executor is not None:
                executor.stop()
            if self._is_over():
                self._forget_folder()

    def _is_over(self) -> bool:
        """Whether nothing needs the temporary folder after a stop."""
        return True

    def _forget_folder(self) -> None:
        scratch, self._scratch = self._scratch, None
        if scratch is not None:
            scratch.close()

    def _translated(self, result: Result) -> CommandLineCodeResult:
        """The same result with the texts of AutoGen's class, and the output that it keeps."""
        exit_code, output = result.exit_code, result.output
        last = result.blocks[-1]
        if last.cancelled:
            exit_code, text = self._cancelled
            output += text.lstrip("\n") if not output or output.endswith("\n") else f"\n{text}"
        elif last.timed_out:
            output = output.removesuffix("\nTimeout") + self._timed_out
        return CommandLineCodeResult(exit_code, output, result.code_file, result.blocks)


def warn_of_current(path: Path) -> None:
    """Say what AutoGen says of a work dir that is the current one."""
    if path.absolute() == Path.cwd():
        warnings.warn(
            "Using the current directory as work_dir is deprecated.",
            DeprecationWarning,
            stacklevel=4,
        )
