"""What a model is told is what the executors do."""

from __future__ import annotations

import re

from toolkit import SYSTEM_PROMPT
from toolkit.coding.extraction import MarkdownCodeExtractor
from toolkit.coding.languages import PROGRAMS
from toolkit.coding.naming import named_by


def test_the_languages_it_asks_for_are_run() -> None:
    """Both of the page's."""
    asked = re.findall(r"```(\w+) block", SYSTEM_PROMPT)
    assert asked == ["python", "sh"]
    assert set(asked) <= set(PROGRAMS)


def test_the_file_name_in_its_example_is_taken() -> None:
    """The line is quoted from the prompt as it stands."""
    lines = re.findall(r"`(# filename: [^`]+)`", SYSTEM_PROMPT)
    assert [named_by(f"{line}\nprint(1)", "python") for line in lines] == ["NAME", "plots/sales.py"]


def test_it_has_no_block_that_would_be_run() -> None:
    """Where frameworks put it into the conversation, an executor may read it."""
    assert MarkdownCodeExtractor().extract_code_blocks(SYSTEM_PROMPT) == []


def test_it_is_short_enough_to_be_sent_each_time_and_ends_a_line() -> None:
    assert len(SYSTEM_PROMPT.split()) < 350
    assert SYSTEM_PROMPT.endswith(".\n")
