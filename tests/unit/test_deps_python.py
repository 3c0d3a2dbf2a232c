"""Which Python the files ask for, and which are at odds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.deps import PythonWish, preferred_python, read, unmet_python
from toolkit.deps.python import conflict, wish
from toolkit.errors import SpecError


def wishes(*specifiers: str) -> tuple[PythonWish, ...]:
    return tuple(PythonWish(each, f"file {n}") for n, each in enumerate(specifiers, start=1))


@pytest.mark.parametrize(
    ("specifiers", "preferred"),
    [
        ([], None),
        ([">=3.11"], None),
        ([">=3.9,<4"], None),
        (["!=3.13.*"], None),
        (["<3.13"], "3.12"),
        ([">=3.9,<3.13", "<3.12"], "3.11"),
        (["~=3.10.2"], "3.10"),
        (["==3.12.*", ">=3.12.4"], "3.12"),
        ([">=3.13a1,<3.14"], "3.13"),
    ],
)
def test_the_newest_python_is_taken_that_all_admit(
    specifiers: list[str], preferred: str | None
) -> None:
    assert preferred_python(wishes(*specifiers)) == preferred
    assert conflict(wishes(*specifiers)) is None


def test_a_pinned_version_is_taken_as_it_is() -> None:
    pinned = (PythonWish("==3.11.*", "a", "3.11"), PythonWish("==3.11.4", "b", "3.11.4"))
    assert preferred_python((*wishes(">=3.9"), *pinned)) == "3.11.4"


@pytest.mark.parametrize(
    ("specifiers", "said"),
    [
        ([">=3.12", "<3.11"], "file 1 asks for Python >=3.12, and file 2 for <3.11"),
        ([">=3.8", ">=3.12", "==3.9.*"], "file 2 asks for Python >=3.12, and file 3 for ==3.9.*"),
        ([">=3.12.4", "<3.12.4"], "file 1 asks for Python >=3.12.4, and file 2 for <3.12.4"),
        (["<2"], "no Python is what all ask for: file 1 (<2)"),
        (
            [">=3.9,!=3.11.*", "<3.12", "!=3.9.*,!=3.10.*"],
            (
                "no Python is what all ask for: file 1 (>=3.9,!=3.11.*) and file 2 (<3.12) "
                "and file 3 (!=3.9.*,!=3.10.*)"
            ),
        ),
    ],
)
def test_what_no_python_can_be_is_said_with_both_places(specifiers: list[str], said: str) -> None:
    assert conflict(wishes(*specifiers)) == said


@pytest.mark.parametrize(
    ("specifier", "version", "admitted"),
    [
        (">=3.11", "3.11", True),
        (">=3.11.5", "3.11", True),
        (">=3.11.5", "3.11.4", False),
        ("<3.11", "3.11", False),
        ("<=3.11", "3.11", True),
        ("==3.11.2", "3.11", True),
        (">3.11", "3.11", True),  # of its releases all but the first
        (">=3.11", "not-a-version", False),
    ],
)
def test_a_wish_is_held_against_a_version_or_its_beginning(
    specifier: str, version: str, admitted: bool
) -> None:
    (one,) = wishes(specifier)
    assert (unmet_python([one], version) is None) == admitted


@given(st.text())
def test_no_text_makes_a_traceback(text: str) -> None:
    try:
        found = wish(text, "x")
    except SpecError:
        return
    found.admits("3.12")
    conflict([found])
    preferred_python([found])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("pyproject.toml", '[project]\nrequires-python = "<3.12"\n', ": project.requires-python"),
        ("job.py", '# /// script\n# requires-python = "<3.12"\n# ///\n', ": requires-python"),
        (
            "pylock.toml",
            'lock-version = "1.0"\ncreated-by = "x"\nrequires-python = "<3.12"\npackages = []\n',
            ": requires-python",
        ),
        (
            "poetry.lock",
            'package = []\n[metadata]\nlock-version = "2.1"\npython-versions = "<3.12"\n',
            ": metadata.python-versions",
        ),
        (
            "Pipfile.lock",
            '{"_meta": {"requires": {"python_version": "3.11"}}, "default": {}}',
            ": _meta.requires.python_version",
        ),
        ("environment.yml", "dependencies:\n- python<3.12\n- pip: [six]\n", ":2"),
    ],
)
def test_a_python_that_a_file_rules_out_is_told_with_both_places(
    name: str, content: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the format."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(content, encoding="utf-8")
    Path(".python-version").write_text("3.13\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read([Path(name), Path(".python-version")], env={})
    wish = "3.11" if name == "Pipfile.lock" else "<3.12"
    told = f"{name}{said} asks for Python {wish}, and .python-version for 3.13"
    assert told in str(caught.value).splitlines()
