"""The plugin that puts our classes in the place of a peer's: that it does, and that it can fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PEER = "class Executor:\n    whose = 'theirs'\n"
OURS = "class Executor:\n    whose = 'ours'\n    def __init__(self, *names, **more): pass\n"
USES = "from peer.factory import Executor\ndef test_it(): assert Executor(1, a=2).whose == 'ours'\n"
IGNORES = "from peer.factory import Executor\ndef test_it(): assert Executor.whose == 'ours'\n"


@pytest.mark.parametrize(("test", "made", "code"), [(USES, 1, 0), (IGNORES, 0, 1)])
def test_ours_is_what_runs_or_the_session_fails(
    tmp_path: Path, test: str, made: int, code: int
) -> None:
    """Every module that has theirs gets ours; a run that made none says nothing about it."""
    (tmp_path / "peer").mkdir()
    (tmp_path / "peer" / "__init__.py").write_text(
        "from peer.executor import Executor\nfrom peer import factory\n"
    )
    (tmp_path / "peer" / "executor.py").write_text(PEER)
    (tmp_path / "peer" / "factory.py").write_text("from peer.executor import Executor\n")
    (tmp_path / "ours.py").write_text(OURS)
    (tmp_path / "test_it.py").write_text(test)
    report = tmp_path / "report.json"
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "rebinding", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(HERE), str(tmp_path))),
            "TOOLKIT_REBIND": "peer:Executor=ours:Executor",
            "TOOLKIT_REPORT": str(report),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    said = json.loads(report.read_text())
    assert said["made"] == {"peer:Executor": made}
    assert said["places"] == {"peer:Executor": 3}
    assert said["outcomes"] == {"test_it.py::test_it": "passed"}
