"""How facts are gathered from real files, sockets and folders."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.doctor import facts, look
from toolkit.engine import Engine
from toolkit.engine.endpoint import Endpoint

MOUNTINFO = """\
1 0 8:1 / / rw - ext4 /dev/a rw
2 1 0:5 / /data rw - nfs4 far:/x rw
3 2 0:6 / /data/with\\040space rw - tmpfs none rw
4 1 8:1 / /data rw - xfs /dev/b rw
broken line
"""


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield path


def kind(path: Path | None, home: Path) -> str:
    return look.socket_at(path, {}, home).kind


def test_a_socket_is_seen_with_owner_and_mode(listening: Path, tmp_path: Path) -> None:
    listening.chmod(0o660)
    seen = look.socket_at(listening, {}, tmp_path)
    assert (seen.kind, seen.mode, seen.gid) == ("socket", 0o660, listening.stat().st_gid)


def test_whatever_else_is_at_the_path_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    assert kind(None, tmp_path) == "remote"
    assert kind(tmp_path, tmp_path) == "directory"
    assert kind(tmp_path / "file", tmp_path) == "other"
    assert kind(tmp_path / "none", tmp_path) == "missing"
    assert kind(tmp_path / "link", tmp_path) == "dangling"


def test_docker_config_is_read_with_its_credential_programs(tmp_path: Path) -> None:
    program = tmp_path / "docker-credential-here"
    program.touch(mode=0o755)
    (tmp_path / "config.json").write_text(
        '{"credsStore": "here", "credHelpers": {"r": "gone"}, "currentContext": "c"}'
    )
    env = {"DOCKER_CONFIG": str(tmp_path), "PATH": str(tmp_path)}
    seen = look.docker_config(env, tmp_path)
    assert (dict(seen.helpers), seen.current_context) == ({"here": True, "gone": False}, "c")


@pytest.mark.parametrize(
    ("content", "error"), [("[]", "is not a JSON object"), ("{", "is not JSON")]
)
def test_a_broken_docker_config_is_told(tmp_path: Path, content: str, error: str) -> None:
    (tmp_path / "config.json").write_text(content)
    seen = look.docker_config({"DOCKER_CONFIG": str(tmp_path)}, tmp_path)
    assert seen.error is not None
    assert seen.error.startswith(error)


def test_a_login_that_docker_py_cannot_read_is_told_and_not_shown(tmp_path: Path) -> None:
    """It fails at the first word that is to be said to any engine."""
    (tmp_path / "config.json").write_text('{"auths": {"r.example": {"auth": "czNjcmV0"}, "s": {}}}')
    env = {"DOCKER_CONFIG": str(tmp_path)}
    seen = look.docker_config(env, tmp_path)
    assert seen.error == "has a login for r.example that is not base64 of user:password"
    (tmp_path / "config.json").write_text('{"auths": {"r.example": {"auth": "YTpi"}}}')
    assert look.docker_config(env, tmp_path).error is None


def test_no_docker_config_is_no_trouble(tmp_path: Path) -> None:
    assert not look.docker_config({}, tmp_path).present


def test_only_steering_variables_are_kept(tmp_path: Path) -> None:
    env = {"DOCKER_HOST": "x", "SECRET": "y", "DOCKER_CERT_PATH": str(tmp_path / "none")}
    seen = look.environment(env, None)
    assert sorted(seen.variables) == ["DOCKER_CERT_PATH", "DOCKER_HOST"]
    assert not seen.certificates


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/x", ("/", "ext4")),
        ("/data/y", ("/data", "xfs")),
        ("/data/with space/z", ("/data/with space", "tmpfs")),
        ("/database", ("/", "ext4")),
    ],
)
def test_the_last_and_deepest_mount_is_the_file_system(
    path: str, expected: tuple[str, str]
) -> None:
    assert look.mounted_at(Path(path), MOUNTINFO) == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_an_empty_folder_of_somebody_else_in_ours_is_a_stray_one(tmp_path: Path) -> None:
    stray, own, full = (tmp_path / name for name in ("stray", "own", "full"))
    for folder in (stray, own, full):
        folder.mkdir()
    (full / "file").touch()
    for folder in (stray, full):
        os.chown(folder, 12345, 12345)
    assert look.work_dir(stray, Path("/h")).stray
    assert [look.work_dir(folder, Path("/h")).stray for folder in (own, full)] == [False, False]
    tmp_path.chmod(0o1777)  # where others' entries cannot be removed
    assert not look.work_dir(stray, Path("/h")).stray


def test_a_work_dir_that_is_not_there_is_judged_by_its_nearest_folder(tmp_path: Path) -> None:
    seen = look.work_dir(tmp_path / "a" / "b", Path("/h"))
    assert (seen.kind, seen.writable, seen.given) == ("absent", True, True)
    assert seen.free > 0


def test_without_a_work_dir_the_temporary_one_is_looked_at(tmp_path: Path) -> None:
    assert not look.work_dir(None, tmp_path).given


def test_a_file_is_no_work_dir(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert look.work_dir(tmp_path / "file", Path("/h")).kind == "other"


def test_places_that_are_not_the_codes_own_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert look.work_dir(tmp_path, Path("/h")).place == "current"
    assert look.work_dir(tmp_path, tmp_path).place == "home"
    assert look.work_dir(Path("/"), tmp_path).place == "root"
    assert look.work_dir(tmp_path / "own", tmp_path).place == ""


def test_a_socket_that_nobody_may_write_to_is_no_permission(
    listening: Path, tmp_path: Path
) -> None:
    listening.chmod(0)
    seen = look.permission(look.socket_at(listening, {}, tmp_path), {})
    assert seen.writable is (os.geteuid() == 0)
    assert seen.uid == os.geteuid()


def test_an_engine_that_cannot_count_what_it_has_still_has_a_disk() -> None:
    here, far = facts.Disk("/d", local=True, free=1, total=2), facts.Disk("/d", local=False)
    with Engine(Endpoint("unix:///nonexistent.sock", "argument")) as engine:
        assert look.used(engine, here, (0, 0)) == here
        seen = look.used(engine, far, (3, 4))
    assert (seen.local, seen.free, seen.total, seen.freeable) == (True, 3, 4, {})
