"""Poetry's ranges, and its locks held against another reader of them, which is in daily use."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from packaging.requirements import Requirement as Parsed
from packaging.version import Version

from toolkit.deps import Requirement, Selection, Target, read, select
from toolkit.deps.poetry_graph import Graph, Need, Package
from toolkit.deps.poetry_ranges import Range
from toolkit.errors import SpecError

CASES = Path(__file__).parents[1] / "cases" / "formats"


@pytest.mark.parametrize(
    ("text", "within", "without"),
    [
        ("*", "0.1 3.0rc1", ""),
        ("", "1", ""),
        ("^1.2.3", "1.2.3 1.9", "1.2.2 2.0 2.0rc1"),
        ("^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2"),
        ("^0.0.3", "0.0.3", "0.0.4 0.1"),
        ("^0.0", "0.0.9", "0.1"),
        ("^0", "0.9", "1.0"),
        ("^1.2b1", "1.2b1 1.9", "1.2a1 2.0"),
        ("~1.2.3", "1.2.3 1.2.9", "1.3"),
        ("~1.2", "1.2.9", "1.3"),
        ("~1", "1.9", "2.0"),
        ("~=1.4.5", "1.4.9", "1.5"),
        ("1.2.3", "1.2.3", "1.2.4"),
        ("1.2.*", "1.2.9", "1.3"),
        ("==1.*", "1.9", "2.0"),
        ("!=1.5.*", "1.4 1.6", "1.5.1"),
        (">=1,<2 || >=3", "1.5 3.1", "2.5"),
        (">=1 <2", "1.5", "2.5"),
        (">= 1 , < 2", "1.5", "2.5"),
        ("<1 | >2", "0.5 3", "1.5"),
    ],
)
def test_a_range_has_what_poetry_has_in_it(text: str, within: str, without: str) -> None:
    found = Range.parse(text)
    assert all(found.has(Version(each)) for each in within.split())
    assert not any(found.has(Version(each)) for each in without.split())


@pytest.mark.parametrize("text", ["^x", "~1.", ">=1 and <2", "^" + "9" * 5000, "=1"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"is not a range of versions"):
        Range.parse(text)


def package(name: str, version: str, *needs: tuple[str, str]) -> Package:
    found = Requirement(name=name, specifier=f"=={version}")
    wants = tuple(Need(other, Range.parse(text), Range()) for other, text in needs)
    return Package(found, Version(version), Range(), wants, {})


def chosen(roots: dict[str, str], *packages: Package) -> set[str]:
    by_name: dict[str, list[Package]] = {}
    for each in packages:
        by_name.setdefault(each.found.name or "", []).append(each)
    needs = tuple(Need(name, Range.parse(text), Range()) for name, text in roots.items())
    graph = Graph("poetry.lock", by_name, needs)
    return {each.text for each in graph.selected(Target("3.11.2", "linux/amd64"))}


def test_what_a_later_need_rules_out_is_taken_back() -> None:
    """With all that it would have needed, also where the lock has none of that for this machine."""
    found = chosen(
        {"a": "*", "b": "*"},
        package("a", "1"),
        package("a", "2", ("only-for-a-2", ">=1")),
        package("b", "1", ("c", "*")),
        package("c", "1", ("a", "<2")),
    )
    assert found == {"a==1", "b==1", "c==1"}


def test_two_who_never_agree_are_refused() -> None:
    """The newer brings what rules it out, and without it the newer is back."""
    with pytest.raises(SpecError, match=r"^poetry.lock: the lock has no one answer for this"):
        chosen(
            {"a": "*"},
            package("a", "1"),
            package("a", "2", ("b", "*")),
            package("b", "1", ("a", "1")),
        )


@pytest.mark.parametrize(
    ("case", "wish", "others"),
    [
        ("poetry-lock-1-1", Selection(groups=("dev",)), set()),
        ("poetry-lock-2-0", Selection(("dates", "words"), ("docs", "test")), {"colorama"}),
    ],
)
def test_a_lock_says_what_micropipenv_says(
    case: str, wish: Selection, others: set[str], tmp_path: Path
) -> None:
    """The same versions and hashes, and of names those that it takes for every machine besides."""
    for name in ("poetry.lock", "pyproject.toml"):
        shutil.copy(CASES / case / name, tmp_path)
    program = Path(sysconfig.get_path("scripts")) / "micropipenv"
    command = [str(program), "requirements", "--method", "poetry", "--no-comments", "--no-indexes"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    theirs = {}
    for entry in said.replace("\\\n", "").splitlines():
        text, *hashes = entry.split(" --hash=")
        wanted = Parsed(text.strip())
        theirs[wanted.name] = (str(wanted.specifier), {each.strip() for each in hashes})
    target = Target("3.11.2", "linux/amd64")
    found = select(read([tmp_path / "poetry.lock"], env={}, selection=wish), target)
    ours = {each.name: (each.specifier, set(each.hashes)) for each in found.requirements}
    assert theirs.keys() - ours.keys() == others
    assert ours == {name: theirs[name] for name in ours if name is not None}
