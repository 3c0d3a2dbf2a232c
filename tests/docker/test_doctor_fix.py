"""`doctor --fix` for real: what it mends is well afterwards, and nothing else was touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docker.conftest import Cli, images_of
from tests.docker.somebody import UID, as_somebody
from toolkit.engine import Engine

pytestmark = pytest.mark.docker


@pytest.fixture
def docker_group(first_engine: Engine) -> int:
    """The group whose members may talk to the engine."""
    path = first_engine.endpoint.socket_path
    if path is None:
        pytest.skip("the engine has no socket on this machine")
    return path.stat().st_gid


def doctor(*options: str | Path, group: int, home: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "toolkit", "doctor", *map(str, options)]
    return subprocess.run(
        [*as_somebody(group), *command],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def owner(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_uid, found.st_gid


def test_a_user_gets_files_of_others_in_the_work_dir_by_a_container(
    tmp_path: Path, docker_group: int
) -> None:
    """No link is followed: what lies elsewhere stays its owner's."""
    work_dir, elsewhere = tmp_path / "work", tmp_path / "elsewhere"
    (work_dir / "made" / "deep").mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "theirs").touch()
    (work_dir / "made" / "deep" / "file").touch()
    (work_dir / "link").symlink_to(elsewhere)
    (work_dir / "made" / "link").symlink_to(elsewhere / "theirs")
    os.chown(work_dir, UID, UID)
    options = ("--check", "gc.files", "--work-dir", work_dir)
    assert doctor(*options, group=docker_group, home=tmp_path).returncode == 1
    mended = doctor(*options, "--fix", "--yes", group=docker_group, home=tmp_path)
    assert (mended.returncode, "did gc.files: make them yours" in mended.stderr) == (0, True)
    ours = [*work_dir.rglob("*")]
    assert {owner(path) for path in ours} == {(UID, UID)}
    assert len(ours) == 5
    assert {owner(path) for path in (elsewhere, elsewhere / "theirs")} == {(0, 0)}


def test_an_empty_folder_of_roots_is_made_anew(tmp_path: Path, docker_group: int) -> None:
    """As an engine makes one of a bind source that is missing."""
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    os.chown(tmp_path, UID, UID)
    options = ("--check", "workdir.local", "--work-dir", work_dir)
    assert doctor(*options, group=docker_group, home=tmp_path).returncode == 1
    mended = doctor(*options, "--fix", "--yes", group=docker_group, home=tmp_path)
    assert mended.returncode == 0, mended.stderr
    assert owner(work_dir) == (UID, UID)


def test_what_a_killed_process_left_in_folders_goes_with_consent_only(tmp_path: Path) -> None:
    """Its own folder, and a proof that is old; a young one belongs to somebody who is proving."""
    work_dir, old, young = tmp_path / "work", ".toolkit-proof-old", ".toolkit-proof-young"
    work_dir.mkdir()
    (work_dir / young).touch()
    (work_dir / old).touch()
    os.utime(work_dir / old, (1, 1))
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    leaving = (
        "import os, signal; from toolkit.coding.scratch import Scratch; Scratch('code').folder; "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", leaving], env=env)
    left = {path.name for path in tmp_path.iterdir()}

    def mended(*options: str) -> list[str]:
        command = [sys.executable, "-m", "toolkit", "doctor", "--check", "gc.files", "--fix"]
        command += ["--work-dir", str(work_dir), *options]
        ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0  # it is no fault of the set-up
        return ended.stderr.splitlines()

    assert mended("--dry-run") == ["would do gc.files: remove them"]
    assert mended() == ["left as it is, gc.files: remove them"]
    assert {path.name for path in tmp_path.iterdir()} == left
    assert len(left) == 2
    assert mended("--yes")[-1] == "did gc.files: remove them"
    assert [path.name for path in tmp_path.iterdir()] == ["work"]
    assert [path.name for path in work_dir.iterdir()] == [young]


def test_an_image_is_built_from_its_files_and_known_to_be_of_others_later(
    cli: Cli, name: str, first_engine: Engine
) -> None:
    cli.write(cli.wheel("first"))
    image = f"toolkit/{name}:none"
    options = ("doctor", "--deps", "requirements.txt", "--json")

    def stale(image: str) -> dict[str, Any]:
        answer = cli(*options, "--check", "image.stale", "--image", image)
        found = {each["id"]: each for each in json.loads(answer.stdout)["checks"]}
        return dict(found["image.stale"])

    fix = cli(*options, "--check", "image.present", "--image", image, "--fix", "--yes")
    (built,) = [line for line in fix.stderr.splitlines() if line.startswith("built ")]
    tag = built.removeprefix("built ")
    assert len(images_of(first_engine, name)) == 1
    assert stale(tag)["status"] == "ok"
    cli.write(cli.wheel("second"))
    told = stale(tag)
    assert (told["status"], "requirements.txt are now" in told["why"]) == ("fail", True)
    (command,) = told["fix"]["commands"]
    mended = cli(*command.split()[1:], "--name", name)
    assert stale(mended.stdout.strip())["status"] == "ok"
