"""A lock is held against the wish that it was made for, on the machine that it is read for."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit import deps
from toolkit.deps import Dependencies, Selection, Target
from toolkit.errors import SpecError

TARGET = Target("3.11.2", "linux/amd64")
AGAIN = "lock again with `toolkit lock --spec FILE`, or build with --unlocked"
LOCK = """\
lock-version = "1.0"
created-by = "uv"

[[packages]]
name = "idna"
version = "3.8"
wheels = [{{ url = "https://files.pythonhosted.org/x/idna-3.8-py3-none-any.whl", \
hashes = {{ sha256 = "{0}" }} }}]

[[packages]]
name = "six"
version = "1.17.0"
wheels = [{{ url = "https://files.pythonhosted.org/x/six-1.17.0-py3-none-any.whl", \
hashes = {{ sha256 = "{0}" }} }}]
""".format("0" * 64)
EMPTY = 'lock-version = "1.0"\ncreated-by = "uv"\npackages = []\n'


def wanted(*packages: str, newest: str | None = None) -> Dependencies:
    return deps.read([], env={}, selection=Selection(packages=packages, newest=newest))


def lock(folder: Path, text: str, table: str = "") -> Dependencies:
    path = folder / "pylock.toml"
    path.write_text(text + table)
    return deps.read([path], env={}, root=folder)


def said(folder: Path, error: SpecError) -> tuple[str, str]:
    return str(error).replace(f"{folder}/", ""), error.hint


def test_what_is_wanted_is_installed_as_the_lock_has_it(tmp_path: Path) -> None:
    found = deps.select(deps.pinned(wanted("idna<3.9", "six"), lock(tmp_path, LOCK)), TARGET)
    assert [each.text for each in found.requirements] == ["idna==3.8", "six==1.17.0"]
    assert found.is_locked
    assert "locked.txt" in {file.path for file in found.context_files()}


@pytest.mark.parametrize(
    ("packages", "message"),
    [
        (("tomli",), "--with: tomli is asked for, and is not in pylock.toml"),
        (("six", "idna>=3.9"), "--with: idna>=3.9 is asked for, and pylock.toml has 3.8"),
    ],
)
def test_a_lock_that_lacks_something_is_refused(
    tmp_path: Path, packages: tuple[str, ...], message: str
) -> None:
    """Whoever made it: the versions themselves tell."""
    pinned = deps.pinned(wanted(*packages), lock(tmp_path, LOCK))
    with pytest.raises(SpecError) as caught:
        deps.select(pinned, TARGET)
    assert said(tmp_path, caught.value) == (message, AGAIN)


def test_what_is_not_for_this_machine_may_be_missing(tmp_path: Path) -> None:
    asked = wanted("six", "colorama ; sys_platform == 'win32'")
    found = deps.select(deps.pinned(asked, lock(tmp_path, LOCK)), TARGET)
    assert {each.name for each in found.requirements} == {"idna", "six"}


@pytest.mark.parametrize(
    ("table", "problems"),
    [
        (
            "requirements = ['idna', 'six<2']",
            [
                "pylock.toml: 'six' is asked for, and was not when it was locked",
                "pylock.toml: 'six<2' was asked for when it was locked, and is not now",
            ],
        ),
        (
            "requirements = ['idna', 'six', 'tomli']\nexclude-newer = '2026-01-31'",
            [
                "pylock.toml: 'tomli' was asked for when it was locked, and is not now",
                "pylock.toml: exclude-newer is not given, and was '2026-01-31' when it was locked",
            ],
        ),
        (
            "requirements = 7",
            [
                "pylock.toml: 'idna' is asked for, and was not when it was locked",
                "pylock.toml: 'six' is asked for, and was not when it was locked",
            ],
        ),
    ],
)
def test_a_lock_that_was_made_for_something_else_is_refused(
    tmp_path: Path, table: str, problems: list[str]
) -> None:
    """Also where all that is asked for is in it: what is in it besides must go."""
    made = lock(tmp_path, LOCK, f"\n[tool.toolkit]\n{table}\n")
    with pytest.raises(SpecError) as caught:
        deps.pinned(wanted("idna", "six"), made)
    assert said(tmp_path, caught.value) == ("\n".join(problems), AGAIN)


def test_what_is_recorded_is_what_is_compared(tmp_path: Path) -> None:
    """In whatever order the packages are written, and with a constraint."""
    (tmp_path / "requirements.txt").write_text("-c limits.txt\nsix\nidna\n")
    (tmp_path / "limits.txt").write_text("six<2\n")
    selection = Selection(newest="2026-01-31")
    asked = deps.read([tmp_path / "requirements.txt"], env={}, selection=selection)
    record = deps.record(asked)
    assert record == {
        "requirements": ["idna", "six"],
        "constraints": ["six<2"],
        "exclude-newer": "2026-01-31",
    }
    lines = "".join(f"{key} = {value!r}\n" for key, value in record.items())
    made = lock(tmp_path, LOCK, f"\n[tool.toolkit]\n{lines}")
    assert deps.pinned(asked, made).locks == made.locks


def test_a_constraint_counts_for_what_is_locked(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-c limits.txt\nsix\n")
    (tmp_path / "limits.txt").write_text("idna<3\ntomli<1\n")
    asked = deps.read([tmp_path / "requirements.txt"], env={})
    with pytest.raises(SpecError) as caught:
        deps.select(deps.pinned(asked, lock(tmp_path, LOCK)), TARGET)
    assert said(tmp_path, caught.value) == (
        "limits.txt:1: idna<3 is asked for, and pylock.toml has 3.8",
        AGAIN,
    )


def test_a_lock_of_nothing_is_one(tmp_path: Path) -> None:
    """For an image without packages: nothing is installed, and nothing may be asked for."""
    empty = lock(tmp_path, EMPTY)
    assert deps.select(deps.pinned(Dependencies(), empty), TARGET).requirements == ()
    with pytest.raises(SpecError, match=r"--with: six is asked for, and is not in "):
        deps.select(deps.pinned(wanted("six"), empty), TARGET)


def test_a_file_that_is_no_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("six==1.17.0\n")
    listed = deps.read([tmp_path / "requirements.txt"], env={})
    with pytest.raises(SpecError) as caught:
        deps.pinned(wanted("six"), listed)
    assert said(tmp_path, caught.value) == (
        "requirements.txt is not a lock",
        "write one with `toolkit lock --spec`, and name that",
    )


def test_a_lock_of_a_lock_is_refused(tmp_path: Path) -> None:
    made = lock(tmp_path, LOCK)
    with pytest.raises(SpecError) as caught:
        deps.pinned(made, made)
    assert said(tmp_path, caught.value) == (
        "pylock.toml is a lock, and pylock.toml is named as the lock of it",
        "leave one of the two out",
    )


def test_a_local_file_is_in_no_lock(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "pyproject.toml").write_text("[project]\nname = 'own'\nversion = '1'\n")
    (tmp_path / "requirements.txt").write_text("./own\n")
    asked = deps.read([tmp_path / "requirements.txt"], env={})
    with pytest.raises(SpecError) as caught:
        deps.pinned(asked, lock(tmp_path, LOCK))
    assert said(tmp_path, caught.value) == (
        "./own is a file of this machine, which a lock cannot name",
        "leave it out, or leave the lock out",
    )
