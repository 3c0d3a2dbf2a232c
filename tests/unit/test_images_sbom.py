"""The bill of materials, held against CycloneDX's own schema."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from toolkit import labels
from toolkit.errors import SpecError
from toolkit.image import Stored
from toolkit.images import sbom
from toolkit.images.contents import Contents
from toolkit.images.installed import Distribution
from toolkit.images.looking import Seen
from toolkit.images.system import System, SystemPackage

DISTRIBUTIONS = (
    Distribution("NumPy", "2.4.6", 60, ("BSD-3-Clause AND 0BSD",), "a" * 64),
    Distribution("six", "1.17.0+odd~é", 1, ("MIT License", "Public Domain")),
    Distribution("x", "1", 1, ("MIT",), "", "git+https://h/x@c0ffee"),
    Distribution("y", "1", 1, ("Apache 2.0, see LICENSE",), "b" * 64, "https://h/y-1.tar.gz"),
)
SEEN = Seen(
    shown="env",
    stored=Stored(
        id="sha256:" + "c" * 64,
        labels={labels.DIGEST: "d" * 64, labels.VERSION: "0.1.0"},
        layers=(),
        repo_digests=(),
        platform="linux/amd64",
        user="",
        size=1,
        created="",
        tags=("registry:5000/toolkit/env:dddddddddddd",),
    ),
    layers=(),
    contents=Contents(
        "3.11.2",
        "uv",
        DISTRIBUTIONS,
        3,
        System("debian", "12", (SystemPackage("libgl1", "1:1.6.0-1+b1", "amd64"),)),
    ),
)


def parsed() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sbom.bill(SEEN))
    return found


def test_it_is_valid_by_the_schema() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(sbom.bill(SEEN)) is None


def test_the_schema_refuses_what_is_wrong() -> None:
    """The check above can fail."""
    broken = sbom.bill(SEEN).replace('"type": "container"', '"type": "vessel"')
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(broken) is not None


def test_every_package_is_named_as_others_name_it() -> None:
    assert sorted(each["purl"] for each in parsed()["components"]) == [
        "pkg:deb/debian/libgl1@1:1.6.0-1%2Bb1?arch=amd64&distro=debian-12",
        "pkg:pypi/numpy@2.4.6",
        "pkg:pypi/six@1.17.0%2Bodd~%C3%A9",
        "pkg:pypi/x@1?vcs_url=git%2Bhttps://h/x%40c0ffee",
        "pkg:pypi/y@1?download_url=https://h/y-1.tar.gz",
    ]


def test_hashes_licences_and_sources_are_told_where_they_are_known() -> None:
    found = {each["name"]: each for each in parsed()["components"]}
    assert found["NumPy"]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert found["NumPy"]["licenses"] == [{"expression": "BSD-3-Clause AND 0BSD"}]
    assert "hashes" not in found["six"]
    assert [each["license"]["name"] for each in found["six"]["licenses"]] == [
        "MIT License",
        "Public Domain",
    ]
    assert found["x"]["licenses"] == [{"license": {"id": "MIT"}}]
    assert found["x"]["externalReferences"] == [{"type": "vcs", "url": "git+https://h/x@c0ffee"}]
    assert found["y"]["externalReferences"][0]["type"] == "distribution"


def test_it_says_of_which_image_it_is() -> None:
    image = parsed()["metadata"]["component"]
    assert (image["name"], image["version"]) == ("registry:5000/toolkit/env", "d" * 12)
    assert image["hashes"] == [{"alg": "SHA-256", "content": "c" * 64}]
    assert {"name": labels.DIGEST, "value": "d" * 64} in image["properties"]
    assert len(parsed()["dependencies"][-1]["dependsOn"]) == 5


def test_it_is_written_whole_and_as_any_other_file(tmp_path: Path) -> None:
    file = tmp_path / "bill.json"
    file.write_text("before")
    before = os.umask(0o022)
    try:
        sbom.write(file, SEEN)
    finally:
        os.umask(before)
    assert json.loads(file.read_text())["bomFormat"] == "CycloneDX"
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_missing_is_told_before_the_build(tmp_path: Path) -> None:
    file = tmp_path / "none" / "bill.json"
    with pytest.raises(SpecError) as caught:
        sbom.require(file)
    assert str(caught.value) == (
        f"the SBOM {str(file)!r} cannot be written: there is no folder {str(file.parent)!r}"
    )
    assert caught.value.hint == "name a file in a folder that exists"


def test_a_folder_in_the_place_of_the_file_is_told_before_the_build(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        sbom.require(tmp_path)
    assert str(caught.value) == f"the SBOM {str(tmp_path)!r} cannot be written: it is a folder"
    assert caught.value.hint == "name a file that can be written"


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        sbom.write(tmp_path / ("b" * 256), SEEN)
    assert str(caught.value).endswith("cannot be written: File name too long")
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SpecError) as caught:
        sbom.require(tmp_path / "bill.json")
    assert str(caught.value) == "an SBOM needs cyclonedx-python-lib, which is not installed"
    assert caught.value.hint == "install it by `pip install 'executor-toolkit[sbom]'`"
