"""What all tests share: the engine where one must be there, and the golden files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Nothing is timed in a test: a slow machine is not a fault. In CI the examples are the same every
# time, so that a change fails for what it did; a developer's runs go on looking for new ones.
settings.register_profile(
    "toolkit",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("toolkit")

CASES = Path(__file__).parent / "cases"


def pytest_configure() -> None:
    """Hear Ctrl-C, also where a shell started us in the background with SIGINT ignored.

    Being ignored is inherited, and the programs that the tests interrupt would not hear it either;
    nor a hang-up, under nohup. A handler is not inherited, so that one of nohup's stays ours alone.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)
    # What commands say must not depend on who runs the tests; those about runners set it.
    os.environ.pop("GITHUB_ACTIONS", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="Re-make the golden files.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs an engine where none answers, unless one must answer."""
    wanting = [item for item in items if item.get_closest_marker("docker")]
    if not wanting or os.environ.get("TOOLKIT_REQUIRE_DOCKER") == "1" or _engine_answers():
        return
    for item in wanting:
        item.add_marker(pytest.mark.skip(reason="no Docker engine answers; run `make engine`"))


def _engine_answers() -> bool:
    script = "from toolkit.engine import connect; connect().ping()"
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, timeout=60).returncode == 0


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> object:
    """Compare a text with a file below tests/cases/, or write it there with --golden."""

    def compare(path: str, text: str) -> None:
        file = CASES / path
        if request.config.getoption("--golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8"), (
            f"run `make golden` and read the diff: {path}"
        )

    return compare
