"""What the executors have in common: blocks in, results out, at once, as they come, or awaited.

Hidden here: that there is one road of a list of blocks. Where a block runs is the executor's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from toolkit.coding import languages
from toolkit.coding.blocks import Block
from toolkit.coding.execution import NO_BLOCKS, ExecutorValueError, Manners, Workspace, joined
from toolkit.coding.extraction import CodeExtractor, MarkdownCodeExtractor
from toolkit.coding.function_module import PROMPT_TEMPLATE, FunctionModule
from toolkit.coding.functions import AnyFunction
from toolkit.coding.programs import Listener
from toolkit.coding.results import BlockResult, CommandLineCodeResult
from toolkit.coding.streaming import Emit, Streamed, Teller, streamed, uninterrupted
from toolkit.worker.result import Cancellation

RunFile = Callable[[str, str], BlockResult]
"""Runs a block's file: its language, and its path relative to the work dir."""


class CommandLineExecutor(ABC):
    """An executor whose blocks are files, each run by a program of its language."""

    DEFAULT_EXECUTION_POLICY: ClassVar[dict[str, bool]] = dict(languages.POLICY)
    FUNCTION_PROMPT_TEMPLATE: ClassVar[str] = PROMPT_TEMPLATE

    def __init__(
        self,
        *,
        timeout: float,
        work_dir: Path | str,
        functions: FunctionModule,
        execution_policies: Mapping[str, bool] | None,
    ) -> None:
        """Nothing is made yet; see `_make_workspace`."""
        if timeout < 1:
            raise ExecutorValueError(
                "Timeout must be greater than or equal to 1.",
                hint="give a number of seconds from 1",
            )
        self._timeout = timeout
        self._work_dir = Path(work_dir)
        self._functions = functions
        self.execution_policies = {**self.DEFAULT_EXECUTION_POLICY, **(execution_policies or {})}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await uninterrupted(lambda _cancellation: self.stop())

    @property
    def timeout(self) -> float:
        """Seconds that a block may take."""
        return self._timeout

    @property
    def work_dir(self) -> Path:
        """The folder of the blocks' files, as it was given."""
        return self._work_dir

    @property
    def code_extractor(self) -> CodeExtractor:
        """What finds the blocks in a message."""
        return MarkdownCodeExtractor()

    @property
    def functions(self) -> list[AnyFunction]:
        """What blocks may import, from `functions_module`."""
        return self._functions.functions

    @property
    def functions_module(self) -> str:
        """The name of the module that has the functions."""
        return self._functions.name

    def format_functions_for_prompt(self, prompt_template: str = PROMPT_TEMPLATE) -> str:
        """Describe the functions to a model; the template has `$module_name` and `$functions`."""
        return self._functions.prompt(prompt_template)

    def execute_code_blocks(
        self, code_blocks: Sequence[Block], *, cancellation: Cancellation | None = None
    ) -> CommandLineCodeResult:
        """Run the blocks one after another until one fails.

        What the code does is in the result, a time-out too (exit code 124), and that it was ended
        by `cancellation`. Raises ValueError for no blocks, for functions that cannot be loaded, and
        (on this machine) for shell code that would do harm; ContainerError when there is no
        container any more.
        """
        _check(code_blocks)
        return joined(self._execute(code_blocks, Listener(cancellation=cancellation)))

    async def aexecute_code_blocks(self, code_blocks: Sequence[Block]) -> CommandLineCodeResult:
        """Do the same and await it. A cancelled task has ended every process of the block first."""
        return await uninterrupted(
            lambda cancellation: self.execute_code_blocks(code_blocks, cancellation=cancellation)
        )

    def stream(self, code_blocks: Sequence[Block]) -> Streamed:
        """Run the blocks and yield their output as it comes, `Output` by `Output`.

        The last thing yielded is the result. Both streams are apart, each in its own order. To
        close the generator ends every process of the block, and nothing else.
        """
        _check(code_blocks)
        return streamed(lambda emit, cancel: self._tell(list(code_blocks), emit, cancel))

    @abstractmethod
    def restart(self) -> None:
        """Begin anew, as far as there is something that lasts from block to block."""

    @abstractmethod
    def stop(self) -> None:
        """Let go of everything. Idempotent; `with` does it for you."""

    @abstractmethod
    def _ready(self, listener: Listener) -> RunFile:
        """Make sure that blocks can be run, and can import the functions; say how to run one."""

    def _make_workspace(self, manners: Manners) -> None:
        if self._work_dir.is_symlink() and not self._work_dir.exists():
            raise ExecutorValueError(
                f"work_dir {self._work_dir} is a link to {self._work_dir.readlink()}, which is not "
                "there",
                hint="name a folder that this process can see; the link may be meant for another",
            )
        self._work_dir.mkdir(exist_ok=True)
        self._workspace = Workspace(self._work_dir, manners)

    def _execute(self, code_blocks: Sequence[Block], listener: Listener) -> Iterator[BlockResult]:
        """The result of each block as it is there."""
        run = self._ready(listener)
        return self._workspace.each(code_blocks, self.execution_policies, run)

    def _tell(
        self, code_blocks: Sequence[Block], emit: Emit, cancellation: Cancellation
    ) -> CommandLineCodeResult:
        teller = Teller(emit)
        listener = Listener(on_output=teller.take, separate=True, cancellation=cancellation)
        results = []
        for result in self._execute(code_blocks, listener):
            teller.end(result)
            results.append(result)
        return joined(iter(results))


def _check(code_blocks: Sequence[Block]) -> None:
    if not code_blocks:
        raise ExecutorValueError("No code blocks to execute.", hint=NO_BLOCKS)
