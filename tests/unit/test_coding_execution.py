"""What every executor does with blocks, whatever runs them (autogen.md, section 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.coding import CodeBlock, languages
from toolkit.coding.execution import Manners, Workspace, noted, outcome
from toolkit.coding.results import BlockResult, CommandLineCodeResult
from toolkit.worker.result import Result

POLICY = languages.POLICY


def execute(
    work_dir: Path,
    *blocks: tuple[str, str],
    manners: Manners | None = None,
    policies: Mapping[str, bool] = POLICY,
) -> CommandLineCodeResult:
    """Run blocks by saying what would be run; `fail` in the code is exit code 3."""

    def run(language: str, relative: str) -> BlockResult:
        code = 3 if "fail" in (work_dir / relative).read_text() else 0
        return BlockResult(code, f"{language} {relative}\n")

    workspace = Workspace(work_dir, manners or Manners())
    return workspace.execute([CodeBlock(code, of) for of, code in blocks], policies, run)


def test_a_runner_gets_the_one_name_of_the_language_and_the_relative_path(tmp_path: Path) -> None:
    result = execute(tmp_path, ("Py", "# filename: sub/a.py\n"))
    assert result == CommandLineCodeResult(0, "python sub/a.py\n", str(tmp_path / "sub/a.py"))


def test_the_first_failure_ends_the_list_and_is_the_last_of_the_blocks(tmp_path: Path) -> None:
    named = "# filename: {}\n{}"
    blocks = [("sh", named.format(f"{name}.sh", name)) for name in ("one", "fail", "three")]
    result = execute(tmp_path, *blocks)
    assert result == CommandLineCodeResult(3, "sh one.sh\nsh fail.sh\n", str(tmp_path / "one.sh"))
    assert [(block.exit_code, block.code_file) for block in result.blocks] == [
        (0, str(tmp_path / "one.sh")),
        (3, str(tmp_path / "fail.sh")),
    ]
    assert not (tmp_path / "three.sh").exists()


def test_a_comment_is_a_bare_name_only_where_that_is_the_manner(tmp_path: Path) -> None:
    code = "# test.py\n"
    assert execute(tmp_path, ("python", code)).output == "python test.py\n"
    plain = execute(tmp_path, ("python", code), manners=Manners(bare_names=False))
    assert plain.output.startswith("python tmp_code_")


def test_only_files_that_no_block_named_are_deleted(tmp_path: Path) -> None:
    manners = Manners(delete_automatic=True)
    result = execute(tmp_path, ("sh", "fail"), manners=manners)
    assert result.code_file is not None
    assert not Path(result.code_file).exists()
    execute(tmp_path, ("sh", "# filename: kept.sh\n"), manners=manners)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.sh"]


def test_a_check_sees_each_block_before_anything_is_written(tmp_path: Path) -> None:
    def check(language: str, code: str) -> None:
        raise ValueError(f"{language}: {code}")

    with pytest.raises(ValueError, match=r"(?m)^bash: rm$"):
        execute(tmp_path, ("BASH", "rm"), manners=Manners(check=check))
    assert list(tmp_path.iterdir()) == []


def test_the_words_for_an_unknown_language_are_the_executors(tmp_path: Path) -> None:
    manners = Manners(unknown="\nunknown language {}")
    assert execute(tmp_path, ("Cobol", "x"), manners=manners).output == "\nunknown language cobol"
    assert execute(tmp_path, ("{}", "x")).output == "Unsupported language {}\n"


def test_an_outcome_keeps_the_streams_apart_from_what_is_added() -> None:
    result = Result(("sh",), 124, b"out\xff", b"err", 1.5, timed_out=True, truncated=True)
    assert outcome(result) == BlockResult(
        124,
        "out\ufffderr\nTimeout",
        stdout="out\ufffd",
        stderr="err",
        seconds=1.5,
        timed_out=True,
        truncated=True,
    )


def test_what_was_cancelled_has_not_succeeded() -> None:
    """A shell may come to exit code 0 when what it waited for is ended first."""
    ended = Result(("sh",), 0, b"", b"", 0.1, timed_out=False, cancelled=True)
    assert outcome(ended).exit_code == 143
    assert outcome(replace(ended, exit_code=3)).exit_code == 3


def test_what_could_not_be_carried_out_fails_the_block() -> None:
    done = BlockResult(0, "said\n", stdout="said\n")
    assert noted(done, []) is done
    failed = noted(done, ["one", "two"])
    assert (failed.exit_code, failed.output) == (
        1,
        "said\n\nNot copied out of the container: one; two\n",
    )
    assert noted(BlockResult(3, ""), ["one"]).exit_code == 3
