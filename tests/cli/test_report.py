"""An error as people see it: its log, what is wrong, what to do; and nothing a terminal obeys."""

from __future__ import annotations

import pytest

from toolkit.cli import LOG_LINES, printable, report
from toolkit.errors import BuildError, Problem, SpecError


def shown(error: SpecError | BuildError, capsys: pytest.CaptureFixture[str]) -> list[str]:
    report(error)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_every_problem_has_a_line_and_a_hint_may_have_several(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All that is wrong with a file is read at once."""
    problems = [Problem("requirements.txt:1", "a"), Problem("requirements.txt:2", "b")]
    assert shown(SpecError.gathered(problems, hint="do x\ndo y"), capsys) == [
        "error: requirements.txt:1: a",
        "error: requirements.txt:2: b",
        "hint: do x",
        "      do y",
    ]


def test_a_failed_build_shows_the_last_lines_of_its_log_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The sentence stands where the eye ends up."""
    lines = shown(BuildError("it failed", log=[f"line {n}" for n in range(100)]), capsys)
    assert lines[0] == f"  | line {100 - LOG_LINES}"
    assert lines[-2:] == ["  | line 99", "error: it failed"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("plain\ttext ü 漢", "plain\ttext ü 漢"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07shown", "shown"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("over\rwritten\x08", "over\N{REPLACEMENT CHARACTER}written\N{REPLACEMENT CHARACTER}"),
        ("\x1bc", "\N{REPLACEMENT CHARACTER}c"),
        ("\u202eevil", "\N{REPLACEMENT CHARACTER}evil"),
    ],
)
def test_a_foreign_line_is_only_text(line: str, expected: str) -> None:
    """A package's build script must not move our cursor or name our window."""
    assert printable(line) == expected
