"""What every executor does with blocks: each a file, run one after another, one result of all.

Hidden here: AutoGen's manners, but for what runs a file. An executor supplies that as `run`, which
gets the language's one name and the file's path relative to the work dir.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from toolkit.coding import languages
from toolkit.coding.blocks import Block
from toolkit.coding.changes import Watch
from toolkit.coding.naming import automatic, named_by
from toolkit.coding.recording import log_name
from toolkit.coding.results import BlockResult, CommandLineCodeResult
from toolkit.coding.saving import OutsideError, save
from toolkit.errors import SpecError
from toolkit.worker.result import Result

NO_BLOCKS: Final = "pass at least one CodeBlock"

_LOG: Final = logging.getLogger(__name__)

_ENDED: Final = 128 + signal.SIGTERM

Run = Callable[[str, str], BlockResult]
"""Run a file: `(language, path relative to the work dir)`; what the code does is a result."""


class ExecutorValueError(SpecError, ValueError):
    """An argument that cannot be; a ValueError, as in AutoGen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What differs between the executors of AutoGen's family.

    `unknown`: the words for a language that is none. `bare_names`: whether a first line such as
    `# plot.py` names the file. `delete_automatic`: remove the files that no block named.
    `list_files`: look for what each block created or changed. `check` is called with the language,
    in lower case, and the code; what it raises ends the list.
    """

    unknown: str = "Unsupported language {}\n"
    bare_names: bool = True
    delete_automatic: bool = False
    list_files: bool = True
    check: Callable[[str, str], None] | None = None


@dataclass(frozen=True, slots=True)
class _Saved:
    """A block's code in the work dir; `arrived` is when something came into that before it."""

    language: str
    relative: str
    path: Path
    is_automatic: bool
    arrived: int


class Workspace:
    """One executor's work dir, and what is done in it with blocks of code."""

    def __init__(self, work_dir: Path, manners: Manners) -> None:
        self._work_dir = work_dir
        self._manners = manners
        self._watch = Watch(work_dir)

    def execute(
        self, blocks: Sequence[Block], policies: Mapping[str, bool], run: Run
    ) -> CommandLineCodeResult:
        """Run the blocks until one fails. Raises ValueError for no blocks."""
        if not blocks:
            raise ExecutorValueError("No code blocks to execute.", hint=NO_BLOCKS)
        return joined(self.each(blocks, policies, run))

    def each(
        self, blocks: Sequence[Block], policies: Mapping[str, bool], run: Run
    ) -> Iterator[BlockResult]:
        """The result of each block as it is there; the first failure is the last."""
        for block in blocks:
            result = self._one(block, policies, run)
            yield result
            if result.exit_code != 0:
                return

    def _one(self, block: Block, policies: Mapping[str, bool], run: Run) -> BlockResult:
        if self._manners.check is not None:
            self._manners.check(block.language.lower(), block.code)
        saved = self._save(block)
        if isinstance(saved, BlockResult):
            return saved
        code_file = str(saved.path)
        if not policies.get(saved.language, False):
            return BlockResult(0, f"Code saved to {code_file}\n", code_file=code_file)
        if saved.language not in languages.PROGRAMS:
            text = f"{code_file} is saved, but {saved.language} is not a language that can be run\n"
            return BlockResult(1, text, code_file=code_file)
        return replace(self._run(saved, run), code_file=code_file)

    def _run(self, saved: _Saved, run: Run) -> BlockResult:
        try:
            if not self._manners.list_files:
                return run(saved.language, saved.relative)
            stamp = self._watch.begin(saved.relative, saved.arrived)
            result = run(saved.language, saved.relative)
            ignore = {saved.relative, log_name(saved.relative)}
            return replace(result, files=self._watch.end(stamp, ignore))
        finally:
            if self._manners.delete_automatic and saved.is_automatic:
                _delete(saved.path)

    def _save(self, block: Block) -> _Saved | BlockResult:
        """Write the code into its file, or say why not."""
        language = languages.canonical(block.language)
        if language not in languages.SUFFIXES:
            return BlockResult(1, self._manners.unknown.format(language))
        code = languages.silence_pip(block.code, language)
        named = named_by(code, language, bare=self._manners.bare_names)
        name = named or automatic(code, language)
        arrived = self._watch.arrive()
        try:
            relative = save(self._work_dir, name, code)
        except OutsideError:
            return BlockResult(1, "Filename is not in the workspace")
        except OSError as error:
            return BlockResult(1, f"{name} cannot be written: {error.strerror}\n")
        return _Saved(language, relative, self._work_dir / relative, named is None, arrived)


def joined(results: Iterator[BlockResult]) -> CommandLineCodeResult:
    """One result of all: outputs joined, the last exit code, the first file."""
    total = CommandLineCodeResult(0, "")
    outputs = []
    for one in results:
        total.exit_code = one.exit_code
        total.code_file = total.code_file or one.code_file
        total.blocks.append(one)
        outputs.append(one.output)
    total.output = "".join(outputs)
    return total


def outcome(
    result: Result, *, timeout_text: str = "\nTimeout", log_file: str | None = None
) -> BlockResult:
    """What a program's end means for its block. Output that is not UTF-8 is replaced.

    A program that took its cancellation well has not succeeded all the same.
    """
    stdout = result.stdout.decode("utf-8", "replace")
    stderr = result.stderr.decode("utf-8", "replace")
    code = _ENDED if result.cancelled and not result.exit_code else result.exit_code
    return BlockResult(
        code,
        stdout + stderr + (timeout_text if result.timed_out else ""),
        stdout=stdout,
        stderr=stderr,
        seconds=result.seconds,
        timed_out=result.timed_out,
        cancelled=result.cancelled,
        oom_killed=result.oom_killed,
        truncated=result.truncated,
        log_file=log_file,
    )


def noted(result: BlockResult, problems: Sequence[str]) -> BlockResult:
    """Say at the end of a block's output what of its work is not in the work dir: it has failed."""
    if not problems:
        return result
    words = f"\nNot copied out of the container: {'; '.join(problems)}\n"
    return replace(result, exit_code=result.exit_code or 1, output=result.output + words)


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _LOG.error("Failed to delete temporary file %s: %s", path, error)
