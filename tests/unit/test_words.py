"""Messages and hints of all errors are written in one manner (style, section 4)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import toolkit

PACKAGE = Path(toolkit.__file__).parent
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)


def texts(node: ast.expr) -> Iterator[str]:
    """The literal text of an expression, with `…` for what is put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        yield "".join(str(part) for part in parts)
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def hints(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "hint":
            yield from ((node.value.lineno, text) for text in texts(node.value))
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Hint":
            yield from ((node.lineno, text) for text in texts(node.args[0]))


def messages(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        # The executor's own errors speak AutoGen's words, to the letter.
        if node.func.id.endswith("Error") and not node.func.id.startswith(AUTOGEN):
            for argument in node.args[:1]:
                yield from ((node.lineno, text) for text in texts(argument))


AUTOGEN = ("Executor", "DockerUnavailable")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_hint_is_one_imperative_sentence_in_lower_case_without_a_full_stop(path: Path) -> None:
    """As in `hint: package names are strings; write "libpq5"`."""
    bad = [
        f"{path.name}:{line}: {text!r}"
        for line, text in hints(path)
        if text and (text.rstrip().endswith(".") or (text[0].isupper() and not text[:2].isupper()))
    ]
    assert bad == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_message_is_one_sentence_without_a_full_stop(path: Path) -> None:
    """Subject first, the value in it."""
    bad = [
        f"{path.name}:{line}: {text!r}"
        for line, text in messages(path)
        if text.rstrip().endswith((".", "!"))
    ]
    assert bad == []
