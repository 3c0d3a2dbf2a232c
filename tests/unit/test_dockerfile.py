"""A Dockerfile is taken apart as BuildKit does it."""

from __future__ import annotations

import pytest

from toolkit.dockerfile import Instruction, instructions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n# FROM x\n", []),
        ("FROM x\n", [Instruction("FROM", "x", (1, 1))]),
        ("FROM x", [Instruction("FROM", "x", (1, 1))]),
        (
            "from x\n\n# RUN y\nrun \\\n# inside\n\n  z\n",
            [Instruction("FROM", "x", (1, 1)), Instruction("RUN", "z", (4, 7))],
        ),
        ("  RUN a \\ \n b \r\n", [Instruction("RUN", "a  b", (1, 2))]),
        ("RUN a\u2028RUN b\x85RUN c\n", [Instruction("RUN", "a\u2028RUN b\x85RUN c", (1, 1))]),
        (
            "RUN a \\\u2028\nRUN b\n",
            [Instruction("RUN", "a \\", (1, 1)), Instruction("RUN", "b", (2, 2))],
        ),
        (
            "# syntax=x\n# escape=`\nRUN a `\n b\nRUN c\\\n",
            [Instruction("RUN", "a  b", (3, 4)), Instruction("RUN", "c\\", (5, 5))],
        ),
        (
            "FROM x\n# escape=`\nRUN a`\n",
            [Instruction("FROM", "x", (1, 1)), Instruction("RUN", "a`", (3, 3))],
        ),
        ("RUN a \\\n\n", [Instruction("RUN", "a", (1, 1), ended=False)]),
        ("RUN a \\\n b \\", [Instruction("RUN", "a  b", (1, 2), ended=False)]),
    ],
)
def test_every_instruction_is_found_with_its_lines(text: str, expected: list[Instruction]) -> None:
    """Continuations, comments and empty lines inside them; and only a newline ends a line."""
    assert list(instructions(text)) == expected
