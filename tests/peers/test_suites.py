"""The frameworks' own tests of their executors, run on our classes.

The tests are theirs and stay theirs: from the source distribution where it carries them, else from
a checkout that $TOOLKIT_PEER_TESTS names. What is left out is named in EXCLUDED, one reason each,
and in tests/peers/README.md.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.peers import environments
from tests.peers.conftest import Environment
from tests.peers.environments import AUTOGEN_02, CLASSIC, EXT, Peer

pytestmark = pytest.mark.docker

HERE: Final = Path(__file__).parent
SECONDS: Final = 900


@dataclass(frozen=True, slots=True)
class Suite:
    """A peer's tests, and how many of them pass. `rebind`: their classes, and ours.

    `excluded`: tests that say nothing about behaviour, or ask for a defect, with the reason.
    """

    peer: Peer
    files: tuple[str, ...]
    rebind: tuple[str, ...]
    passed: int
    skipped: int = 0
    excluded: Mapping[str, str] = field(default_factory=dict)


DOCKER: Final = "DockerCommandLineCodeExecutor"
LOCAL: Final = "LocalCommandLineCodeExecutor"
MARKDOWN: Final = "MarkdownCodeExtractor"
OURS: Final = tuple(f"autogen.coding:{name}=toolkit:{name}" for name in (DOCKER, LOCAL, MARKDOWN))
EXT_SUITE: Final = Suite(
    EXT,
    (
        "tests/code_executors/test_docker_commandline_code_executor.py",
        "tests/code_executors/test_commandline_code_executor.py",
        "tests/code_executors/test_user_defined_functions.py",
    ),
    tuple(
        f"autogen_ext.code_executors.{module}:{name}=toolkit.integrations.autogen:{name}"
        for module, name in (("docker", DOCKER), ("local", LOCAL))
    ),
    passed=44,
    skipped=1,
)
SUITE_02: Final = Suite(
    AUTOGEN_02,
    (
        "test/coding/test_commandline_code_executor.py",
        "test/coding/test_user_defined_functions.py",
        "test/coding/test_factory.py",
        "test/coding/test_markdown_code_extractor.py",
    ),
    OURS,
    passed=55,
    skipped=6,
)
SUITE_CLASSIC: Final = Suite(
    CLASSIC,
    (*SUITE_02.files, "test/coding/test_container_create_kwargs_unit.py"),
    OURS,
    passed=58,
    skipped=6,
    excluded={
        "test_container_create_kwargs_unit.py::test_container_create_kwargs_merge_logic": (
            "puts a mock in the place of docker-py and looks at the arguments of its create(); "
            "we do not create containers through it"
        ),
    },
)


def outcomes(suite: Suite, folder: Path, python: Path, image: str, scratch: Path) -> Counter[str]:
    """Run a suite in a scratch folder; give how many tests came to what.

    A failure fails here, with what pytest said of it.
    """
    (scratch / "pytest.ini").write_text("[pytest]\nmarkers =\n    docker\n    windows\n    unix\n")
    report = scratch / "report.json"
    ended = subprocess.run(
        [
            *(
                python,
                "-m",
                "pytest",
                "-p",
                "rebinding",
                "-p",
                "no:cacheprovider",
                "-q",
                "--tb=short",
            ),
            *(
                "-c",
                str(scratch / "pytest.ini"),
                "-o",
                "asyncio_mode=auto",
                "--rootdir",
                str(folder),
            ),
            *(f"--deselect={name}" for name in _ids(suite)),
            *(str(folder / file) for file in suite.files),
        ],
        cwd=scratch,
        env=environments.environment(
            python,
            PYTHONPATH=str(HERE),
            TOOLKIT_DEFAULT_IMAGE=image,
            TOOLKIT_REBIND=" ".join(suite.rebind),
            TOOLKIT_REPORT=str(report),
        ),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, f"{ended.stdout[-12000:]}\n{ended.stderr[-3000:]}"
    said = json.loads(report.read_text(encoding="utf-8"))
    assert all(said["made"].values()), f"ours was not what ran: {said['made']}"
    return Counter(said["outcomes"].values())


def _ids(suite: Suite) -> list[str]:
    files = {Path(file).name: file for file in suite.files}
    pairs = (name.partition("::") for name in suite.excluded)
    return [f"{files[file]}::{test}" for file, _, test in pairs]


def _checkout(checkouts: tuple[Path, ...], version: str) -> Path:
    for folder in checkouts:
        told = folder / "autogen" / "version.py"
        if told.exists() and f'"{version}' in told.read_text(encoding="utf-8"):
            return folder
    pytest.skip(f"TOOLKIT_PEER_TESTS names no checkout whose autogen/version.py says {version}")


def test_the_tests_of_autogen_ext(environment: Environment, image: str, tmp_path: Path) -> None:
    """From the source distribution, on the asynchronous adapters."""
    folder = environments.source("autogen-ext==0.7.5")
    came = outcomes(EXT_SUITE, folder, environment(EXT), image, tmp_path)
    assert came == {"passed": EXT_SUITE.passed, "skipped": EXT_SUITE.skipped}


@pytest.mark.parametrize(
    ("suite", "version"),
    [(SUITE_02, "0.2."), (SUITE_CLASSIC, "0.14.")],
    ids=["autogen-0.2", "classic"],
)
def test_the_tests_of_autogen(
    suite: Suite,
    version: str,
    checkouts: tuple[Path, ...],
    environment: Environment,
    image: str,
    tmp_path: Path,
) -> None:
    """From a checkout, on the executors and the extractor."""
    folder = _checkout(checkouts, version)
    came = outcomes(suite, folder, environment(suite.peer), image, tmp_path)
    assert came == {"passed": suite.passed, "skipped": suite.skipped}
