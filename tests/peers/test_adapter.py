"""The asynchronous adapter: its cases are run where AutoGen 0.7 is, and must all pass."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.peers import environments
from tests.peers.conftest import Environment
from tests.peers.environments import EXT

pytestmark = pytest.mark.docker

CASES = Path(__file__).with_name("adapter_cases.py")


def test_the_adapter(environment: Environment, image: str, tmp_path: Path) -> None:
    python = environment(EXT)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\nfilterwarnings = error\n")
    ended = subprocess.run(
        [
            *(
                python,
                "-m",
                "pytest",
                "-q",
                "--durations=5",
                "-p",
                "no:cacheprovider",
                "--noconftest",
            ),
            *("--import-mode=importlib", "-c", str(tmp_path / "pytest.ini"), str(CASES)),
        ],
        cwd=tmp_path,
        env=environments.environment(python, TOOLKIT_DEFAULT_IMAGE=image),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-8000:] + ended.stderr[-2000:]
    count = CASES.read_text(encoding="utf-8").count("\ndef test_")
    count += CASES.read_text(encoding="utf-8").count("\nasync def test_")
    assert ended.stdout.splitlines()[-1].startswith(f"{count} passed")
