"""A uv.lock that everybody knows, held against uv's own list of it in the form that pip reads.

We ask uv for a lock of PEP 751 and choose from that; the list has markers, evaluated here.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

from tests.peers import environments
from toolkit import resources
from toolkit.deps import Selection, Target, read, select
from toolkit.lock.exporting import exporter
from toolkit.lock.program import Uv

PROJECT: Final = "flask==3.1.3"
TARGETS: Final = (Target("3.9.7", "linux/amd64"), Target("3.13.1", "linux/arm64"))
WISHES: Final = (
    Selection(),
    Selection(extras=("async", "dotenv")),
    Selection(groups=("tests", "docs")),
    Selection(extras=("async",), groups=("dev", "typing")),
)


@pytest.fixture(scope="module")
def uv() -> Uv:
    return Uv.fetched(resources.cache(os.environ), os.environ)


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_a_lock_has_what_uv_lists_of_it(wish: Selection, uv: Uv, tmp_path: Path) -> None:
    source = environments.source(PROJECT)
    for name in ("uv.lock", "pyproject.toml"):
        shutil.copy(source / name, tmp_path)
    command = ["export", "--format=requirements.txt", "--frozen", "--no-emit-project"]
    command += ["--no-default-groups", "--no-header", "--no-annotate"]
    command += [f"--extra={name}" for name in wish.extras]
    command += [f"--group={name}" for name in wish.groups]
    listed = uv.run(command, folder=tmp_path)
    assert listed.returncode == 0, listed.stderr
    found = read([tmp_path / "uv.lock"], env={}, selection=wish, export=exporter(lambda: uv))
    for target in TARGETS:
        ours = {each.text: set(each.hashes) for each in select(found, target).requirements}
        expected = theirs(listed.stdout, target)
        assert len(ours) >= 6
        assert ours.keys() == expected.keys()
        # Of a package's files only the one that fits is in ours.
        assert all(ours[text] and ours[text] <= expected[text] for text in ours)


def theirs(text: str, target: Target) -> dict[str, set[str]]:
    """What of a list is for a machine: pinned versions with their hashes."""
    found = {}
    for line in text.replace("\\\n", "").splitlines():
        said, *hashes = line.split(" --hash=")
        wanted = Requirement(said.strip())
        if target.holds(wanted.marker):
            found[f"{wanted.name}{wanted.specifier}"] = {each.strip() for each in hashes}
    return found
