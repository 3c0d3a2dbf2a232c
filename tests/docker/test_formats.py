"""Every format makes an image that works: tests/cases/formats/NAME/verify is run inside it."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from tests.docker.conftest import Cli
from toolkit.container import ContainerOptions
from toolkit.engine import Engine
from toolkit.lifecycle import ContainerManager

pytestmark = pytest.mark.docker

CASES = Path(__file__).parents[1] / "cases" / "formats"
NAMES = sorted(path.parent.name for path in CASES.glob("*/verify"))
RUN_IT = "cat > /tmp/verify && chmod +x /tmp/verify && exec /tmp/verify"


@pytest.mark.parametrize("case", NAMES)
def test_a_case_becomes_an_image_that_works(
    case: str, cli: Cli, name: str, first_engine: Engine
) -> None:
    shutil.copytree(CASES / case, cli.folder, dirs_exist_ok=True)
    arguments = shlex.split((CASES / case / "args").read_text())
    answer = cli("build-image", *arguments, "--name", name)
    assert answer.code == 0, answer.stderr
    with ContainerManager(first_engine) as manager:
        options = ContainerOptions(image=answer.stdout.strip(), network="none")
        verify = (CASES / case / "verify").read_bytes()
        result = manager.start(options).run(["sh", "-c", RUN_IT], stdin=verify, timeout=60)
    assert result.exit_code == 0, result.stderr.decode()
