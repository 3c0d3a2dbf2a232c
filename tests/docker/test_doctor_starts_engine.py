"""`doctor --fix` where no engine runs: it starts one, and nobody else's machine sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docker.doctoring import unsteered
from tests.docker.second_engine import missing_tools

pytestmark = pytest.mark.docker

MACHINE = """
for folder in /run /var/lib/docker /var/log; do mount -t tmpfs tmpfs "$folder"; done
dry=0; "$@" --check endpoint --fix --dry-run || dry=$?
asked=0; "$@" --check endpoint --fix </dev/null || asked=$?
before=0; "$@" --check endpoint >/dev/null 2>&1 || before=$?
mended=0; "$@" --check endpoint --fix --yes || mended=$?
test "$dry $asked $before $mended" = "1 1 1 0"
"""
APART = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def test_an_engine_that_has_stopped_is_started_with_consent_only(tmp_path: Path) -> None:
    """Namespaces of its own: the engine, its network and its files are gone with them."""
    if os.geteuid() or missing_tools():
        pytest.skip("it takes root and an engine's programs")
    command = [sys.executable, "-m", "toolkit", "doctor"]
    ended = subprocess.run(
        [*APART, "sh", "-ec", MACHINE, "sh", *command],
        env=unsteered(os.environ, str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [line for line in ended.stderr.splitlines() if "endpoint.socket:" in line] == [
        "would do endpoint.socket: start an engine",
        "left as it is, endpoint.socket: start an engine",
        "did endpoint.socket: start an engine",
    ]
