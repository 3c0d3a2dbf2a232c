"""`--fix`: only what is safe, only with consent, and each act is said."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.doctor import CHECKS, Hands, Question, diagnose, mend
from toolkit.doctor.check import Finding, Fix, Result
from toolkit.doctor.report import Report


@pytest.fixture
def question(tmp_path: Path) -> Question:
    return Question(env={}, home=tmp_path, work_dir=tmp_path / "a" / "work")


def absent(question: Question) -> Report:
    """What is said of a work dir that is not there."""
    return diagnose(question, only=("workdir.local",))


def test_a_work_dir_that_is_not_there_is_made_with_consent(question: Question) -> None:
    said: list[str] = []
    asked: list[str] = []

    def consent(text: str) -> bool:
        asked.append(text)
        return True

    assert mend(absent(question), question, Hands(consent, said.append)) == ("workdir.local",)
    assert question.work_dir is not None
    assert question.work_dir.is_dir()
    assert asked == [f"workdir.local: make it ({question.work_dir}, can be made)?"]
    assert said == ["did workdir.local: make it"]
    assert mend(absent(question), question, Hands(consent, said.append)) == ()


@pytest.mark.parametrize(
    ("dry_run", "said"),
    [
        (False, "left as it is, workdir.local: make it"),
        (True, "would do workdir.local: make it"),
    ],
)
def test_without_consent_and_in_a_dry_run_nothing_is_done(
    question: Question, dry_run: bool, said: str
) -> None:
    told: list[str] = []
    hands = Hands(lambda _text: dry_run, told.append, dry_run=dry_run)
    assert mend(absent(question), question, hands) == ()
    assert told == [said]
    assert question.work_dir is not None
    assert not question.work_dir.exists()


def test_an_act_that_fails_is_said_and_is_no_crash(question: Question) -> None:
    report = absent(question)
    assert question.work_dir is not None
    question.work_dir.parent.touch()
    told: list[str] = []
    assert mend(report, question, Hands(lambda _text: True, told.append)) == ()
    assert told[0].startswith("could not mend workdir.local: ")


def test_a_fix_that_is_for_people_is_left_to_them(question: Question) -> None:
    """Nothing edits groups, contexts or the engine's configuration."""
    finding = Finding("bad", problem="error", fix=Fix("do it", ("sudo true",), auto=False))
    results = tuple(Result(check, "fail", finding, 0.0) for check in CHECKS)
    asked: list[str] = []
    assert mend(Report({}, results), question, Hands(lambda _text: True, asked.append)) == ()
    assert asked == []


def test_of_what_is_left_over_only_stale_proofs_go(question: Question, tmp_path: Path) -> None:
    names = (".toolkit-proof-a", ".toolkit-proof-b", "c")
    stale, fresh, other = (tmp_path / name for name in names)
    for path in (stale, fresh, other):
        path.touch()
    os.utime(stale, (0, 0))
    os.utime(other, (0, 0))
    here = replace(question, work_dir=tmp_path)
    report = diagnose(here, only=("gc.files",))
    assert mend(report, here, Hands(lambda _text: True, lambda _line: None)) == ("gc.files",)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".toolkit-proof-b", "c"]
