"""The Dockerfiles that are rendered have nothing that hadolint, from its wheel, finds wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

GOLDEN: Final = Path(__file__).parents[1] / "cases" / "render"
HADOLINT: Final = Path(sys.executable).with_name("hadolint")
IGNORED: Final = {
    "DL3002": "a build stage works as root; the last stage has the base's own user again",
    "DL3066": "that user is called as the base calls it",
}


@pytest.mark.parametrize("path", sorted(GOLDEN.rglob("*.Dockerfile")), ids=lambda path: path.stem)
def test_nothing_is_found(path: Path) -> None:
    done = subprocess.run(
        [HADOLINT, "--no-fail", "--format=json", path], check=True, capture_output=True, text=True
    )
    found = {(each["code"], each["line"]): each["message"] for each in json.loads(done.stdout)}
    assert {key: text for key, text in found.items() if key[0] not in IGNORED} == {}


def test_it_would_be_found(tmp_path: Path) -> None:
    """That it runs at all, and that a finding is one."""
    wrong = tmp_path / "Dockerfile"
    wrong.write_text("FROM debian:12\nRUN apt-get update && cd /tmp && sudo apt-get upgrade\n")
    with pytest.raises(AssertionError, match="DL3004"):
        test_nothing_is_found(wrong)
