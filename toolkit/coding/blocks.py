"""A block of code, as a model writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Block(Protocol):
    """What is asked of a block: any framework's own block will do."""

    @property
    def code(self) -> str: ...

    @property
    def language(self) -> str: ...


@dataclass(slots=True)
class CodeBlock:
    """Code, and the language that its fence named. Mutable, as AutoGen's is."""

    code: str
    language: str
