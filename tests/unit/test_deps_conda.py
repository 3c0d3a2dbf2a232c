"""What packages of conda's do to everything else that is wished for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit import deps
from toolkit.deps import Dependencies, Selection
from toolkit.errors import SpecError
from toolkit.spec import ImageSpec

Read = Callable[..., Dependencies]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Reads an environment.yml of these lines."""
    monkeypatch.chdir(tmp_path)

    def found(*lines: str, **selection: str) -> Dependencies:
        Path("environment.yml").write_text("".join(f"{line}\n" for line in lines))
        return deps.read([Path("environment.yml")], env={}, selection=Selection(**selection))  # type: ignore[arg-type]

    return found


def wishes(dependencies: Dependencies) -> dict[str, list[str]]:
    (file,) = (each for each in dependencies.context_files() if each.path == "conda.json")
    found: dict[str, list[str]] = json.loads(file.read())
    return found


def test_pythons_list_alone_needs_no_conda(read: Read) -> None:
    found = read("channels: [a]", "dependencies: [python=3.11, pip, {pip: [six]}]")
    assert (found.conda, found.channels) == ((), ())
    assert "conda.json" not in {file.path for file in found.context_files()}


def test_without_a_channel_it_is_conda_forge(read: Read) -> None:
    assert wishes(read("dependencies: [gdal]")) == {
        "channels": ["conda-forge"],
        "packages": ["gdal", "python", "pip"],
    }


def test_python_is_condas_whatever_the_base_has(read: Read) -> None:
    """What is asked of it limits conda's choice, not that of the base."""
    found = read("dependencies: ['python>=3.10', gdal]")
    spec = ImageSpec.from_mapping({"python": "3.12"}, found)
    assert str(spec.wanted_base) == "python:3-slim"
    assert (spec.base_python, spec.dependencies.base_pythons) == (None, ())
    assert wishes(spec.dependencies)["packages"] == [
        "python>=3.10",
        "gdal",
        "python >=3.10",
        "python ==3.12.*",
        "python",
        "pip",
    ]
    with pytest.raises(SpecError) as caught:
        ImageSpec.from_mapping({"python": "3.9"}, found)
    assert str(caught.value) == ("python: 3.9 is asked for, and environment.yml:1 asks for >=3.10")


def test_what_does_not_go_with_it_is_refused(read: Read) -> None:
    found = read("dependencies: [gdal]", newest="2026-01-31T00:00:00Z")
    with pytest.raises(SpecError) as caught:
        ImageSpec.from_mapping({}, found)
    assert str(caught.value) == "exclude-newer: does not go with packages of conda's"
    assert not found.is_locked
    with pytest.raises(SpecError) as caught:
        found.check_locked()
    assert str(caught.value) == "environment.yml: gdal is conda's, and no lock holds its packages"


@pytest.mark.parametrize(
    "channel",
    ["https://me:pass@conda.example.org/x", "https://conda.example.org/t/TOKEN/x", "-x", "a b"],
)
def test_a_channel_is_a_name_or_a_url_without_a_login(read: Read, channel: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(f"channels: ['{channel}']", "dependencies: [gdal]")
    assert "pass" not in str(caught.value)
    assert "TOKEN" not in str(caught.value)
