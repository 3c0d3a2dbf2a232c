"""What the source distribution and the wheel have in them, and what they have not."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, Built, run
from toolkit import __version__

INFO = f"executor_toolkit-{__version__}.dist-info"


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def files(folder: str) -> set[str]:
    """The files of a folder of the checkout, but for what Python compiled there."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def wheel(built: Built) -> dict[str, bytes]:
    return contents(built.wheel)


@pytest.fixture(scope="module")
def metadata(wheel: dict[str, bytes]) -> Message:
    return Parser().parsestr(wheel[f"{INFO}/METADATA"].decode())


def test_the_wheel_has_the_package_and_both_trees_and_nothing_else(
    wheel: dict[str, bytes],
) -> None:
    """No tests, no caches, no file of somebody's editor."""
    trees = {f"toolkit/_data/{name}" for name in files("templates") | files("images")}
    about = {
        f"{INFO}/{name}"
        for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
    }
    assert set(wheel) == files("toolkit") | trees | about
    assert "toolkit/_data/templates/python.Dockerfile.j2" in wheel
    assert "toolkit/_data/images/demo/requirements.txt" in wheel


def test_the_wheel_is_typed_and_pure(wheel: dict[str, bytes], built: Built) -> None:
    assert wheel["toolkit/py.typed"] == b""
    assert built.wheel.name.endswith("-py3-none-any.whl")


def test_the_trees_are_the_checkouts_own(wheel: dict[str, bytes]) -> None:
    """Byte for byte: they are in the digest of every image."""
    for name in files("templates") | files("images"):
        assert wheel[f"toolkit/_data/{name}"] == (ROOT / name).read_bytes(), name


def test_the_metadata_says_what_it_is(metadata: Message) -> None:
    assert metadata["Name"] == "executor-toolkit"
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert metadata.get_payload() == (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_depends_on_these_alone(metadata: Message) -> None:
    """Everything else is an extra (design, decision 1)."""
    wanted = metadata.get_all("Requires-Dist") or []
    assert [text for text in wanted if "extra ==" not in text] == [
        "click>=8.1",
        "docker>=7.2",
        "h2<5,>=4.1",
        "jinja2>=3.1",
        "packaging>=26.1",
        "rich>=13.7",
        "tomli-w>=1.0",
    ]


def test_the_wheel_of_the_source_distribution_is_the_wheel_of_the_checkout(
    wheel: dict[str, bytes], tmp_path: Path
) -> None:
    """Whoever builds from source gets what we ship."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    run(command, cwd=ROOT)
    (direct,) = tmp_path.glob("*.whl")
    assert contents(direct) == wheel


def test_the_source_distribution_has_what_its_tests_need(built: Built) -> None:
    """And no cache, environment or version control."""
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    folders = ("toolkit", "templates", "images", "tests", "benchmarks", ".github")
    assert set().union(*map(files, folders)) - names == set()
    assert {"README.md", "CHANGELOG.md", "LICENSE", "Makefile", "pyproject.toml"} <= names
    assert {
        name for name in names if name.startswith((".git/", ".venv")) or ".pyc" in name
    } == set()
