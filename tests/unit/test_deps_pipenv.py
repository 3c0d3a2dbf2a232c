"""Pipfile.lock, held against another reader of it, which is in daily use."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from toolkit.deps import read

CASES = Path(__file__).parents[1] / "cases" / "formats"


def test_a_pipfile_lock_says_what_micropipenv_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same names, versions, markers and hashes."""
    monkeypatch.chdir(CASES / "pipfile-lock")
    program = Path(sysconfig.get_path("scripts")) / "micropipenv"
    command = [str(program), "requirements", "--method", "pipenv", "--no-comments", "--no-indexes"]
    said = subprocess.run(
        command, env=dict(os.environ), capture_output=True, text=True, check=True
    ).stdout
    theirs = {}
    for entry in said.replace("\\\n", "").splitlines():
        text, *hashes = entry.split(" --hash=")
        wanted = Requirement(text.strip())
        theirs[wanted.name] = (str(wanted.specifier), wanted.marker, {h.strip() for h in hashes})
    (lock,) = read([Path("Pipfile.lock")], env={}).locks
    ours = {
        each.name: (each.specifier, Requirement(each.text).marker, set(each.hashes))
        for each in lock.requirements
    }
    assert theirs.keys() - ours.keys() == {"iniconfig"}  # develop, which is not asked for here
    del theirs["iniconfig"]
    assert ours == theirs
