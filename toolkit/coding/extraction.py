"""`MarkdownCodeExtractor`: the blocks of code in a message, as AutoGen's agents ask for them.

Hidden here: the forms that a message may have, and the guess at a block's language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from toolkit.coding.blocks import CodeBlock
from toolkit.coding.fences import fenced
from toolkit.errors import SpecError

_OF_THE_SHELL: Final = ("python ", "pip", "python3 ")


class MessageError(SpecError, ValueError):
    """A message with a part of an unknown kind; a ValueError, as in AutoGen."""


class MessageTypeError(SpecError, TypeError):
    """A message that is none; a TypeError, as in AutoGen."""


class CodeExtractor(Protocol):
    """Finds the blocks of code in an agent's message."""

    def extract_code_blocks(self, message: str | list[Any] | None) -> list[Any]: ...


class MarkdownCodeExtractor:
    """Finds the fenced blocks of a Markdown message.

    AutoGen's own, and: longer fences and tildes, blocks within blocks, info strings, CRLF; a block
    in a list loses the indentation of its fence.
    """

    def extract_code_blocks(self, message: str | list[Mapping[str, Any]] | None) -> list[CodeBlock]:
        """The blocks, in order; a language that no fence names is guessed, or else empty.

        `message`: text, None, or the list of parts of a multimodal message. Raises ValueError for a
        part of an unknown kind, TypeError for one that is no mapping.
        """
        blocks = fenced("".join(_texts(message)))
        return [
            CodeBlock(code=one.code, language=_language(one.language, one.code)) for one in blocks
        ]


def infer_language(code: str) -> str:
    """The language of code that says none: `sh`, `python`, or nothing when it is neither."""
    if code.startswith(_OF_THE_SHELL):
        return "sh"
    try:
        compile(code, "<block>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return ""
    return "python"


def _language(written: str, code: str) -> str:
    language = written or infer_language(code)
    return "" if language == "unknown" else language


def _texts(message: str | list[Mapping[str, Any]] | None) -> Iterator[str]:
    if isinstance(message, str):
        yield message
    elif isinstance(message, list):
        yield from map(_text, message)
    elif message is not None:
        raise MessageTypeError(
            f"message of type {type(message).__name__} has no blocks of code",
            hint="pass text, a list of parts, or None",
        )


def _text(part: Mapping[str, Any]) -> str:
    if not isinstance(part, Mapping):
        raise MessageTypeError(
            f"message has a part of type {type(part).__name__}",
            hint='write each part as a mapping such as {"type": "text", "text": "…"}',
        )
    kind = part.get("type")
    if kind == "text":
        return str(part.get("text", ""))
    if kind == "image_url":
        return "<image>"
    raise MessageError(
        f"message has a part of the unknown type {kind!r}", hint='use "text" or "image_url"'
    )
