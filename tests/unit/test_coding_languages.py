"""Languages, and quiet installs."""

from __future__ import annotations

import pytest

from toolkit.coding.languages import POLICY, PROGRAMS, SUFFIXES, canonical, silence_pip


def test_every_language_has_a_policy_and_a_suffix_and_is_run_or_saved() -> None:
    assert set(POLICY) == set(SUFFIXES)
    assert set(SUFFIXES) - set(PROGRAMS) == {"html", "css"}
    assert all(language in PROGRAMS for language, run in POLICY.items() if run)


@pytest.mark.parametrize(
    ("given", "name"),
    [("Python", "python"), ("py", "python"), ("python3", "python"), ("JS", "javascript"), ("", "")],
)
def test_a_language_has_one_name(given: str, name: str) -> None:
    assert canonical(given) == name


@pytest.mark.parametrize(
    ("language", "code", "quiet"),
    [
        ("sh", "pip install a", "pip install -qqq a"),
        ("bash", "ls\npip install a b\n", "ls\npip install -qqq a b\n"),
        ("shell", "pip install a && pip install b", "pip install -qqq a && pip install -qqq b"),
        ("sh", "pip install -qqq a", "pip install -qqq a"),
        ("sh", "  pip install a", "  pip install a"),
        ("sh", "pip3 install a", "pip3 install a"),
        ("python", "!pip install a", "!pip install -qqq a"),
        ("python", "! pip install a", "! pip install -qqq a"),
        ("python", "pip install a", "pip install a"),
        ("html", "pip install a", "pip install a"),
    ],
)
def test_installs_are_made_quiet(language: str, code: str, quiet: str) -> None:
    assert silence_pip(code, language) == quiet
