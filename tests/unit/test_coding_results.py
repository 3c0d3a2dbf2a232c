"""The values that AutoGen's users see."""

from __future__ import annotations

from toolkit.coding import CodeBlock, CommandLineCodeResult


def test_a_result_prints_as_on_the_page() -> None:
    result = CommandLineCodeResult(exit_code=0, output="Hello, World!\n", code_file="coding/a.py")
    assert str(result) == r"exit_code=0 output='Hello, World!\n' code_file='coding/a.py'"
    assert str(CommandLineCodeResult(1, "a")) == "exit_code=1 output='a' code_file=None"


def test_the_representation_has_the_class() -> None:
    text = "CommandLineCodeResult(exit_code=0, output='a', code_file=None)"
    assert repr(CommandLineCodeResult(0, "a")) == text


def test_a_result_can_be_written_into_and_compared() -> None:
    result = CommandLineCodeResult(0, "a")
    result.output = "b"
    assert result == CommandLineCodeResult(0, "b")


def test_a_block_is_made_by_position_or_keyword() -> None:
    assert CodeBlock("x", "python") == CodeBlock(language="python", code="x")
