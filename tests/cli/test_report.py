"""An error as people see it: its log, what is wrong, what to do; and nothing a terminal obeys."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from toolkit.cli import LOG_LINES, main, printable, report
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
    lines = shown(
        BuildError("it failed", hint="do x", log=[f"line {n}" for n in range(100)]), capsys
    )
    assert lines[0] == f"  | line {100 - LOG_LINES}"
    assert lines[-3:] == ["  | line 99", "error: it failed", "hint: do x"]


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


DOCKERFILE = "".join(f"RUN step {number}\n" for number in range(1, 31)) + "RUN \x1b[2J::error::\n"


@pytest.mark.parametrize(
    ("lines", "shown_lines", "blamed"),
    [
        ((1, 1), range(1, 4), [1]),
        ((10, 12), range(8, 15), [10, 11, 12]),
        ((30, 30), range(28, 32), [30]),
        ((31, 31), range(29, 32), [31]),
        ((5, 25), range(3, 19), list(range(5, 19))),
    ],
)
def test_the_lines_that_failed_are_marked_among_those_around_them(
    capsys: pytest.CaptureFixture[str],
    lines: tuple[int, int],
    shown_lines: range,
    blamed: list[int],
) -> None:
    error = BuildError("it failed", hint="do x").placed(DOCKERFILE, lines)
    first, *rest, last, _hint = shown(error, capsys)
    assert last == "error: it failed"
    assert first == f"Dockerfile:{lines[0]}" + (f"-{lines[1]}" if lines[1] > lines[0] else "")
    numbered = [line for line in rest if "…" not in line]
    assert [int(line[3:6]) for line in numbered] == list(shown_lines)
    assert [int(line[3:6]) for line in numbered if line.startswith(" > ")] == blamed
    assert ("       | …" in rest) == (lines == (5, 25))


def test_a_dockerfile_is_only_text(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(BuildError("it failed", hint="do x").placed(DOCKERFILE, (31, 31)), capsys)
    assert lines[-3] == " >  31 | RUN ::error::"


@pytest.mark.parametrize("lines", [None, (0, 0), (32, 32)])
def test_without_lines_or_text_nothing_is_shown(
    capsys: pytest.CaptureFixture[str], lines: tuple[int, int] | None
) -> None:
    error, expected = BuildError("x", hint="y"), ["error: x", "hint: y"]
    assert shown(error.placed(DOCKERFILE, lines), capsys) == expected
    assert shown(error.placed("", (1, 1)), capsys) == expected


def test_a_failed_build_as_it_is_shown(
    capsys: pytest.CaptureFixture[str],
    golden: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a terminal, and by a runner of GitHub Actions, which obeys `::` and `##[`."""
    log = ["compiling", "::error::owned", "see ##[group]", "\x1b[31mKilled\x1b[0m"]
    message = "requirements.txt:3: 100% of it failed\n  ::add-mask::x ##[error]"
    error = BuildError(message, hint="do x\n::do y", log=log, step="[a 3/9] RUN x")
    error.placed(DOCKERFILE, (3, 3))
    golden("progress/failure.txt", "\n".join(shown(error, capsys)) + "\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    golden("progress/failure-github.txt", "\n".join(shown(error, capsys)) + "\n")


def test_a_failure_for_programs_is_the_last_document(tmp_path: Path) -> None:
    """`--json` makes all of stderr documents, a line each."""
    path = tmp_path / "requirements.txt"
    path.write_text("numpy ==\nfoo bar\n")
    ended = CliRunner().invoke(main, ["build-image", "--deps", str(path), "--json"])
    assert ended.exit_code == 3
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    said = json.loads(line)
    assert (said["version"], said["event"], said["error"]) == (1, "failed", "SpecError")
    assert (said["exit_code"], len(said["problems"])) == (3, 2)
    assert said["message"].startswith(f"{path}:1: ")
