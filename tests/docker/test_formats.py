"""Every format makes an image that works: tests/cases/formats/NAME/verify is run inside it."""

from __future__ import annotations

import hashlib
import shlex
import shutil
from pathlib import Path

import pytest

from tests.docker.conftest import Cli
from tests.docker.packages import PLAIN, write_project
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


def test_what_lies_beside_a_lock_is_installed_and_a_file_by_its_hash(cli: Cli, name: str) -> None:
    wheel = cli.wheel("tk_beside")
    write_project(cli.folder / "tk_core", PLAIN)
    right = hashlib.sha256((cli.folder / wheel).read_bytes()).hexdigest()

    def lock(digest: str) -> tuple[str, ...]:
        cli.write(
            'lock-version = "1.0"\ncreated-by = "by hand"',
            '[[packages]]\nname = "tk-core"\ndirectory = { path = "tk_core" }',
            '[[packages]]\nname = "tk-beside"\nversion = "1.0"',
            f'wheels = [{{ path = "{wheel}", hashes = {{ sha256 = "{digest}" }} }}]',
            file="pylock.toml",
        )
        return ("build-image", "--deps", "pylock.toml", "--name", name)

    error, _ = cli(*lock("0" * 64)).refused(6)
    assert error == (
        "pylock.toml: packages.tk-beside: tk-beside has another hash than the one that is asked for"
    )
    answer = cli(*lock(right))
    assert answer.code == 0, answer.stderr
