"""What a user may not do: told by the right check and no other, and well after its fix."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.doctoring import doctor, pasted, unsteered
from tests.docker.relay import Relay
from tests.docker.somebody import UID, as_somebody
from toolkit.engine import Engine

pytestmark = pytest.mark.docker

GROUP = 4322
PRIVATE = ("unshare", "--mount", "sh", "-ec")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return unsteered(os.environ, str(tmp_path))


@pytest.fixture
def closed(first_engine: Engine, tmp_path: Path) -> Iterator[Path]:
    """A socket of the engine that is a group's only."""
    tmp_path.chmod(0o755)
    with Relay.before(first_engine, tmp_path) as (_relay, through):
        path = through.endpoint.socket_path
        assert path is not None
        os.chown(path, 0, GROUP)
        path.chmod(0o660)
        yield path


def test_a_socket_of_others_is_told_with_all_that_decides(
    closed: Path, env: dict[str, str]
) -> None:
    env = {**env, "DOCKER_HOST": f"unix://{closed}"}
    usual = doctor(env)
    problems = doctor(env, before=as_somebody())
    assert set(problems) - set(usual) == {"endpoint.permission"}
    told = problems["endpoint.permission"]
    assert told["status"] == "fail"
    assert told["why"] == (
        f"You may not talk to the engine at unix://{closed} (owner root, group {GROUP} {GROUP}, "
        f"mode 0660; you are uid {UID}, groups {UID})."
    )
    assert told["fix"]["commands"] == [f"sudo usermod -aG {GROUP} {UID}"]
    # Who has logged in again is in it.
    assert set(doctor(env, before=as_somebody(GROUP))) <= set(usual)


def test_a_work_dir_of_roots_is_told_and_mended(tmp_path: Path, env: dict[str, str]) -> None:
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    (work_dir / "file").touch()
    env = {**env, "DOCKER_HOST": "unix:///nonexistent.sock"}
    options = ("--work-dir", str(work_dir), "--skip", "gc.files")
    usual = doctor(env, *options, before=as_somebody())
    assert set(usual) == {"endpoint.socket", "workdir.local"}
    assert usual["workdir.local"]["why"] == f"{work_dir} cannot be written to by this user."
    (command,) = usual["workdir.local"]["fix"]["commands"]
    pasted([command.replace("$(id -u)", str(UID))], env)
    assert set(doctor(env, *options, before=as_somebody())) == {"endpoint.socket"}


def test_a_work_dir_on_a_mount_that_is_read_only_is_told_and_mended(
    tmp_path: Path, env: dict[str, str]
) -> None:
    if os.geteuid():
        pytest.skip("only root can mount")
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    mount = f"mount --bind {tmp_path} {tmp_path}; mount -o remount,bind,ro {tmp_path}; "
    options = ("--check", "workdir.local", "--work-dir", str(work_dir))
    broken = (*PRIVATE, f'{mount} exec "$@"', "sh")
    (told,) = doctor(env, *options, before=broken).values()
    assert told["why"] == f"{work_dir} is on the mount at {tmp_path}, which is read-only."
    (command,) = told["fix"]["commands"]
    mended = (*PRIVATE, f'{mount} {command.removeprefix("sudo ")}; exec "$@"', "sh")
    assert doctor(env, *options, before=mended) == {}
