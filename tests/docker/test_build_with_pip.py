"""Builds where the index has no uv: pip installs, and what is said and checked is the same."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.conftest import Cli
from tests.docker.packages import PLAIN, write_project
from tests.docker.second_engine import INDEX, copy_disk, second_engine

pytestmark = pytest.mark.docker

BUILD = ("build-image", "--deps", "requirements.txt", "--name", "t-pip")
FAILS = 'def build_wheel(folder, settings=None, metadata=None):\n    raise SystemExit("no gcc")\n'


@pytest.fixture(scope="module")
def address(
    virgin_disk: Path, downloads: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """An engine that has never seen uv, with an index of pip alone."""
    folder = tmp_path_factory.mktemp("without-uv")
    (folder / "engine").mkdir()
    shutil.copytree(downloads, folder / "index", ignore=shutil.ignore_patterns("uv-*"))
    disk = copy_disk(virgin_disk, folder / "disk")
    with second_engine(folder / "engine", disk, folder / "index") as engine:
        yield engine.address
    disk.unlink()


@pytest.fixture
def there(cli: Cli, address: str) -> Cli:
    host = INDEX.removeprefix("http://").partition(":")[0]
    own = {"DOCKER_HOST": address, "PIP_INDEX_URL": INDEX, "PIP_TRUSTED_HOST": host}
    return Cli(cli.folder, {**cli.environment, **own}, cli.pids)


def test_what_pip_installs_is_locked_and_verified(there: Cli) -> None:
    write_project(there.folder / "tk_folder", PLAIN)
    there.wheel("tk_found", folder="links")
    there.write("--find-links links", "-e ./tk_folder", "tk_found==1.0")
    answer = there(*BUILD)
    assert answer.code == 0, answer.stderr
    code = (
        "import tomllib; print([each['name'] for each in"
        " tomllib.load(open('/opt/venv/pylock.toml', 'rb'))['packages']])"
    )
    ran = there("run", "--image", answer.stdout.strip(), "-c", code)
    assert ran.stdout == "['tk-folder', 'tk-found']\n", ran.stderr
    assert "nothing to do" in there(*BUILD).stderr


def test_a_build_that_fails(there: Cli) -> None:
    write_project(there.folder / "tk_broken", FAILS)
    there.write("", "./tk_broken")
    answer = there(*BUILD)
    error, _ = answer.refused(6)
    assert error == "requirements.txt:2: this project could not be built from its source", (
        answer.stderr
    )


def test_a_hash_that_is_wrong(there: Cli) -> None:
    wheel = there.folder / there.wheel("tk_hashed", folder="links")
    wrong = hashlib.sha256(wheel.read_bytes() + b"!").hexdigest()
    there.write("--find-links links", f"tk_hashed==1.0 --hash=sha256:{wrong}")
    answer = there(*BUILD)
    error, _ = answer.refused(6)
    assert error == (
        "requirements.txt:2: tk-hashed has another hash than the one that is asked for"
    ), answer.stderr


def test_a_lock_is_installed_exactly_without_uv(there: Cli) -> None:
    """Also where a package asks for one that the lock has not: that is the lock's business."""
    wheel = there.folder / there.wheel("tk_locked", folder="links")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    there.write(
        'lock-version = "1.0"',
        'created-by = "a test"',
        "[[packages]]",
        'name = "tk-locked"',
        'version = "1.0"',
        f'wheels = [{{ path = "links/{wheel.name}", hashes = {{ sha256 = "{digest}" }} }}]',
        file="pylock.toml",
    )
    answer = there("build-image", "--deps", "pylock.toml", "--locked", "--name", "t-pip")
    assert answer.code == 0, answer.stderr
    wheel.write_bytes(wheel.read_bytes() + b"!")
    answer = there("build-image", "--deps", "pylock.toml", "--locked", "--name", "t-pip")
    assert answer.code == 6, answer.stderr


def test_what_was_uploaded_later_is_overlooked_by_uv_alone(there: Cli) -> None:
    there.write(there.wheel("tk_newer"))
    answer = there(*BUILD, "--exclude-newer", "2026-01-31")
    error, _ = answer.refused(6)
    assert "without uv, what was uploaded later cannot be overlooked" in answer.stderr
    assert error.startswith("installing the requirements failed"), answer.stderr
