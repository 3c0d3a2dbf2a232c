"""Blocks of code in messages (autogen.md, section 4.9)."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.coding.blocks import CodeBlock
from toolkit.coding.extraction import MarkdownCodeExtractor

AUTOGEN = re.compile(r"```[ \t]*(\w+)?[ \t]*\r?\n(.*?)\r?\n[ \t]*```", re.DOTALL)
"""What AutoGen finds: the contract for messages without corners."""


def extract(message: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - wrong ones, too
    blocks = MarkdownCodeExtractor().extract_code_blocks(message)
    assert all(isinstance(block, CodeBlock) for block in blocks)
    return [(block.language, block.code) for block in blocks]


@pytest.mark.parametrize(
    ("message", "blocks"),
    [
        ("no code", []),
        ("", []),
        (None, []),
        ("```python\nprint(1)\n```", [("python", "print(1)")]),
        ("a\n``` \tpython \t\nb\n```\nc\n```sh\nd\n```\n", [("python", "b"), ("sh", "d")]),
        ("```py\nx\n```", [("py", "x")]),
        ("```Python\nx\n```", [("Python", "x")]),
        ("```unknown\nx\n```", [("", "x")]),
        ("```\nprint(1)\n```", [("python", "print(1)")]),
        ("```\npip install x\n```", [("sh", "pip install x")]),
        ("```\npython a.py\n```", [("sh", "python a.py")]),
        ("```\npython3 a.py\n```", [("sh", "python3 a.py")]),
        ("```\n$ ls\n```", [("", "$ ls")]),
        ("```\nreturn 1\n```", [("", "return 1")]),
        ("```\na\0b\n```", [("", "a\0b")]),
        ("```python\n\n```", [("python", "")]),
        ("```python\n\na\n\n```", [("python", "\na\n")]),
        ("```python\n```", []),
        ("```python\nprint(1)```", []),
        ("```python\nnever closed", []),
        ("```python\nx\n```and more", [("python", "x")]),
        ("```python\nx\n``` and more words", [("python", "x")]),
        ("Run this: ```sh\nls\n```", [("sh", "ls")]),
        ("`a` and ```\nx = 1\n```", [("python", "x = 1")]),
        ("1. ```sh\n   ls\n   ```", [("sh", "ls")]),
        ("inline ```code``` is none\n", []),
        ("```python\r\nx = 1\r\ny = 2\r\n```\r\n", [("python", "x = 1\ny = 2")]),
        ("~~~python\nx\n~~~", [("python", "x")]),
        ("~~~python\n```\nx\n~~~", [("python", "```\nx")]),
        ("````python\n```\nx\n```\n````", [("python", "```\nx\n```")]),
        ("````python\nx\n`````", [("python", "x")]),
        ("```python title=x\ny\n```", [("python", "y")]),
        ("```{.python .numberLines}\ny\n```", [("python", "y")]),
        ("```c++\ny\n```", [("c++", "y")]),
        ("```sh {cmd=true}\nls\n```", [("sh", "ls")]),
    ],
)
def test_a_message_has_these_blocks(message: str | None, blocks: list[tuple[str, str]]) -> None:
    assert extract(message) == blocks


def test_code_that_writes_markdown_is_one_block() -> None:
    code = 'text = """\n```sh\nls\n```\n"""\nprint(text)'
    assert extract(f"```python\n{code}\n```\nthen\n```sh\nls\n```") == [
        ("python", code),
        ("sh", "ls"),
    ]


def test_a_block_that_was_not_closed_ends_where_the_next_one_begins() -> None:
    assert extract("```python\nx\n```sh\nls\n```") == [("python", "x"), ("sh", "ls")]


def test_a_block_loses_the_indentation_of_its_fence_and_no_other() -> None:
    block = "    ```python\n    if x:\n\n        y\n    ```"
    assert extract(f"- a list\n\n{block}\n") == [("python", "if x:\n\n    y")]
    assert extract("    ```python\nif x:\n    y\n    ```") == [("python", "if x:\n    y")]
    assert extract("```python\n  x\n```") == [("python", "  x")]


def test_a_list_of_parts_is_read_as_one_text() -> None:
    parts = [
        {"type": "text", "text": "```python\nx"},
        {"type": "image_url", "image_url": {"url": "data:"}},
        {"type": "text", "text": "\n```"},
    ]
    assert extract(parts) == [("python", "x<image>")]
    assert extract([]) == []


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(ValueError, match=r"(?m)^message has a part of the unknown type 'audio'$"):
        extract([{"type": "audio"}])
    with pytest.raises(TypeError, match=r"(?m)^message has a part of type str$"):
        extract(["text"])
    with pytest.raises(TypeError, match=r"(?m)^message of type int has no blocks of code$"):
        extract(1)


WORDS = st.text(st.characters(exclude_characters="`~\r\n\f\v\x1c\x1d\x1e\x85\u2028\u2029"))
LINES = st.lists(WORDS, min_size=1).map("\n".join)
BLOCKS = st.tuples(st.sampled_from(["python", "sh", "js", "C99"]), LINES)


@given(st.lists(st.tuples(LINES, BLOCKS)))
def test_what_has_no_corners_is_found_as_autogen_finds_it(
    parts: list[tuple[str, tuple[str, str]]],
) -> None:
    text = "".join(f"{words}\n```{of}\n{code}\n```\n" for words, (of, code) in parts)
    assert extract(text) == AUTOGEN.findall(text) == [block for _, block in parts]


@given(
    st.lists(st.tuples(LINES, BLOCKS)),
    st.sampled_from(["```", "````", "~~~", "~~~~~"]),
    st.sampled_from(["\n", "\r\n"]),
    st.text(" \t", max_size=3),
)
def test_blocks_come_back_whatever_their_fences_were(
    parts: list[tuple[str, tuple[str, str]]], fence: str, end: str, margin: str
) -> None:
    lines = []
    for words, (language, code) in parts:
        indented = [margin + line for line in code.split("\n")]
        lines += [*words.split("\n"), f"{margin}{fence}{language}", *indented, margin + fence]
    assert extract(end.join(lines)) == [block for _, block in parts]


@given(st.lists(st.sampled_from(["```", "````", "~~~", "```sh", "a", " ", "\n", "\r\n", "  "])))
def test_any_mixture_of_fences_is_read(pieces: list[str]) -> None:
    """Nothing is raised, and no code is invented."""
    text = "".join(pieces)
    for _, code in extract(text):
        assert all(line.strip() in text for line in code.split("\n"))


@given(st.lists(BLOCKS, min_size=1), BLOCKS)
def test_blocks_within_a_block_belong_to_it(
    inner: list[tuple[str, str]], outer: tuple[str, str]
) -> None:
    code = "\n".join(f"```{of}\n{text}\n```" for of, text in inner)
    assert extract(f"```{outer[0]}\n{code}\n{outer[1]}\n```") == [(outer[0], f"{code}\n{outer[1]}")]


@pytest.mark.parametrize(
    "unit",
    [
        "`",
        "~",
        "```\n",
        "```sh\n",
        "```sh\n```\n",
        "````\n```sh\n",
        " ",
        "\t```",
        " ```a",
        "```a b",
        "{.",
        "a ",
        "- ",
        "1. ```\n",
    ],
)
def test_time_grows_with_the_length_and_not_faster(unit: str) -> None:
    """What is quadratic takes minutes for these."""
    text = unit * (300_000 // len(unit))
    for message in (text, f"```{text}\nx\n```", "\n".join("`" * n for n in range(800))):
        started = time.process_time()
        extract(message)
        assert time.process_time() - started < 10
