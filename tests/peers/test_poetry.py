"""Older locks of Poetry, held against what Poetry itself exports of them.

Those of tests/cases, with several wishes and for several machines. An export is made of the lock
alone, without a package index. Where the two differ we are with `poetry install`: an export has
optional packages that another group needs, and may lack some that an extra of another one wants.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

from tests.peers import environments
from tests.peers.environments import Peer
from toolkit.deps import Selection, Target, read, select

POETRY: Final = Peer("poetry", ("poetry==2.5.1", "poetry-plugin-export==1.10.0"), ours=False)
CASES: Final = Path(__file__).parents[1] / "cases" / "formats"
TARGETS: Final = (Target("3.9.7", "linux/amd64"), Target("3.12.4", "linux/arm64"))
WISHES: Final = (
    ("poetry-lock-2-0", Selection()),
    ("poetry-lock-2-0", Selection(extras=("dates",))),
    ("poetry-lock-2-0", Selection(extras=("words", "dates"), groups=("test", "docs"))),
    ("poetry-lock-1-1", Selection()),
    ("poetry-lock-1-1", Selection(groups=("dev",))),
)
Found = dict[str, tuple[str, frozenset[str]]]


def exported(folder: Path, wish: Selection) -> str:
    """What Poetry exports of a project, for any machine."""
    poetry = environments.interpreter(POETRY).parent / "poetry"
    options = [f"--extras={name}" for name in wish.extras]
    options += [f"--only={','.join(('main', *wish.groups))}"]
    env = {**os.environ, "POETRY_VIRTUALENVS_CREATE": "false"}
    command = [str(poetry), "export", "--format=requirements.txt", *options]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def theirs(text: str, target: Target) -> Found:
    """What of an export is for a machine: versions and hashes."""
    variables = {key: str(value) for key, value in target.environment().items()} | {"extra": ""}
    found = {}
    for line in text.replace("\\\n", "").splitlines():
        said, *hashes = line.split(" --hash=")
        if said.strip() and not said.startswith("--"):
            wanted = Requirement(said.strip())
            if wanted.marker is None or wanted.marker.evaluate(variables):
                known = frozenset(each.strip() for each in hashes)
                found[wanted.name] = (str(wanted.specifier), known)
    return found


def ours(folder: Path, wish: Selection, target: Target) -> Found:
    found = select(read([folder / "poetry.lock"], env={}, selection=wish), target)
    return {
        each.name or "": (each.specifier, frozenset(each.hashes)) for each in found.requirements
    }


@pytest.mark.parametrize(("case", "wish"), WISHES, ids=[name for name, _ in WISHES])
def test_a_lock_says_what_poetry_exports(case: str, wish: Selection, tmp_path: Path) -> None:
    for name in ("poetry.lock", "pyproject.toml"):
        shutil.copy(CASES / case / name, tmp_path)
    text = exported(tmp_path, wish)
    for target in TARGETS:
        found = ours(tmp_path, wish, target)
        assert len(found) >= 2
        assert found == theirs(text, target)
