"""Whole files, as people have them: tests/cases/requirements/NAME/ and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.deps import read
from toolkit.errors import SpecError

CASES = Path(__file__).parents[1] / "cases" / "requirements"


@pytest.mark.parametrize("name", sorted(path.parent.name for path in CASES.glob("*/expected.txt")))
def test_a_file_becomes_this_context(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES / name)
    files = read([Path("requirements.txt")], env={}).context_files()
    text = "".join(f"== {file.path}\n{file.read().decode()}" for file in files)
    assert text == Path("expected.txt").read_text()


@pytest.mark.parametrize("name", sorted(path.parent.name for path in CASES.glob("*/error.txt")))
def test_a_file_is_refused_with_these_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES / name)
    with pytest.raises(SpecError) as caught:
        read([Path("requirements.txt")], env={})
    assert f"{caught.value}\n" == Path("error.txt").read_text()


def test_there_are_cases_of_both_kinds() -> None:
    """An empty glob would make the tests above vanish in silence."""
    assert len(list(CASES.glob("*/expected.txt"))) >= 5
    assert len(list(CASES.glob("*/error.txt"))) >= 1
