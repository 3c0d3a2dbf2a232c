"""What an agent framework asks of an executor: AutoGen's protocol, which nobody has to subclass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from toolkit.coding.extraction import CodeExtractor


@runtime_checkable
class CodeExecutor(Protocol):
    """Executes blocks of code; `isinstance` holds for anything that has these three."""

    @property
    def code_extractor(self) -> CodeExtractor:
        """What finds the blocks in a message."""

    def execute_code_blocks(self, code_blocks: Sequence[Any]) -> Any:  # noqa: ANN401 - theirs, ours
        """Run the blocks; the result has an `exit_code` and an `output`."""

    def restart(self) -> None:
        """Begin anew, as far as the executor can."""
