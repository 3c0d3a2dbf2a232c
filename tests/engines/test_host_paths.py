"""Docker-out-of-Docker on every engine: an application in a container, without a bind_dir.

It runs from this checkout and its environment's packages, which are copied into the folder that the
engine shares; tests/docker/dood has an image of the wheel, and more shapes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import docker
import pytest

import toolkit
from tests.engines.nested import Nested
from tests.engines.test_containers import KEY, await_gone
from toolkit.coding import CodeBlock, DockerCommandLineCodeExecutor
from toolkit.errors import StartError

pytestmark = pytest.mark.docker

_PACKAGES: Final = Path(docker.__file__).parent.parent
_NEEDED: Final = (
    *("docker", "requests", "urllib3", "certifi", "idna", "charset_normalizer"),
    "packaging",
)
_APPLICATION: Final = Path(__file__).parents[1] / "docker" / "dood" / "application.py"
_SOCKET: Final = "/run/engine.sock"
Objects = Sequence[Mapping[str, Any]]
_RUN: Final = 'cd /app && python3 -B /packages/application.py "$1" >/packages/said 2>/packages/err'


def said(
    nest: Nested, base: str, run: str, mounts: Objects, asked: Objects, **host: str
) -> list[dict[str, Any]]:
    """Run the application in a container of the engine; gives what it says.

    `host` is laid over its HostConfig, but for `User`.
    """
    folder = nest.folder / f"packages-{run}"
    for name in _NEEDED:
        shutil.copytree(_PACKAGES / name, folder / name)
    shutil.copytree(Path(toolkit.__file__).parent, folder / "toolkit")
    shutil.copy(_APPLICATION, folder)
    folder.chmod(0o777)  # root inside may be a user without rights here
    shared = ((folder, "/packages"), (nest.folder / "engine.sock", _SOCKET))
    binds = [{"Type": "bind", "Source": str(each), "Target": there} for each, there in shared]
    config = {
        "Image": base,
        "Entrypoint": ["sh", "-c", _RUN, "application", json.dumps(asked)],
        "Cmd": [],
        "Env": ["PYTHONPATH=/packages", f"DOCKER_HOST=unix://{_SOCKET}"],
        "Labels": {KEY: run},
        "User": host.pop("User", ""),
        "HostConfig": {"Mounts": [*binds, *mounts], "NetworkMode": "none", **host},
    }
    container = nest.engine.create_container(config)
    try:
        nest.engine.start_container(container)
        code = nest.engine.wait_container(container, timeout=120)
    finally:
        nest.engine.remove_container(container)
    assert code == 0, (folder / "err").read_text()
    return list(json.loads((folder / "said").read_text()))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_application_in_a_container_needs_no_bind_dir(
    nest: Nested, base: str, work_dir: Path
) -> None:
    """In a folder of a bind mount, on a volume, in a folder of one, and on its own file system."""
    run = uuid.uuid4().hex
    volume = f"toolkit-test-{run[:8]}"
    mounts = [
        {"Type": "bind", "Source": str(work_dir), "Target": "/app"},
        {"Type": "volume", "Source": volume, "Target": "/data"},
    ]
    usual = {"image": base, "labels": {KEY: run}, "network": "none"}
    folders = ("new", "/data", "/data/new", "/elsewhere")
    asked = [{**usual, "work_dir": folder} for folder in folders]
    try:
        answers = said(nest, base, run, mounts, asked)
    finally:
        nest.engine.remove_volume(volume)
    await_gone(nest.engine, run)
    for answer in answers:
        assert "error" not in answer, answer
        assert (answer["code"], answer["output"]) == (0, "by the application\n")
        assert (answer["answer"], answer["owner"]) == ("by the block", [0, 0])
    assert (work_dir / "new" / "answer.txt").read_text() == "by the block"
    kinds = ["bind", "volume", "volume" if nest.kind.subpaths else "bind", "volume"]
    assert [answer["mount"][0] for answer in answers] == kinds
    assert [answer["subpath"] for answer in answers][2] == ("new" if nest.kind.subpaths else "")


def test_a_folder_that_the_engine_does_not_share_is_an_error_and_is_not_made(
    nest: Nested, base: str, tmp_path: Path
) -> None:
    """The engine has another root than this process, as one in docker-in-docker has."""
    run = uuid.uuid4().hex
    work = tmp_path / "work"
    with pytest.raises(StartError) as caught:
        DockerCommandLineCodeExecutor(
            base, work_dir=work, labels={KEY: run}, engine=nest.engine, transfer="bind"
        )
    reason = "is not on the engine's host, or not shared with it, under the same path"
    assert str(caught.value).endswith(f"Logs: folder {work} {reason}")
    assert caught.value.hint == (
        "pass bind_dir: the path that the work_dir has on the engine's host"
    )
    assert list(work.iterdir()) == []
    assert nest.engine.list_containers(f"{KEY}={run}") == []
    there = ["docker", "exec", nest.container, "test", "-e", str(tmp_path)]
    assert subprocess.run(there, capture_output=True).returncode == 1


def test_a_folder_that_the_engine_does_not_share_is_copied(
    nest: Nested, base: str, tmp_path: Path
) -> None:
    """Into the container and out of it, again and again, and nowhere else; it is the caller's."""
    run = uuid.uuid4().hex
    (tmp_path / "asked").write_text("by us")
    first = "cat asked; rm asked; mkdir empty; ln -s answer link; echo by the block > answer"
    second = "cat link; test ! -e empty; chmod 0755 link; mv answer last; ls"
    with DockerCommandLineCodeExecutor(
        base, work_dir=tmp_path, labels={KEY: run}, engine=nest.engine
    ) as executor:
        result = executor.execute_code_blocks([CodeBlock(f"# filename: a.sh\n{first}", "sh")])
        assert (result.exit_code, result.output) == (0, "by us")
        assert names(tmp_path) == ["a.sh", "answer", "empty", "link"]
        assert (tmp_path / "link").readlink() == Path("answer")
        assert (tmp_path / "answer").read_text() == "by the block\n"
        (tmp_path / "answer").write_text("by us again\n")
        (tmp_path / "empty").rmdir()
        result = executor.execute_code_blocks([CodeBlock(f"# filename: b.sh\n{second}", "sh")])
    assert result.exit_code == 0
    assert result.output.split() == ["by", "us", "again", "a.sh", "b.sh", "last", "link"]
    assert names(tmp_path) == ["a.sh", "b.sh", "last", "link"]
    made = (tmp_path / "last").stat()
    assert (made.st_mode & 0o777, made.st_uid) == (0o755, os.getuid())
    await_gone(nest.engine, run)
    there = ["docker", "exec", nest.container, "test", "-e", str(tmp_path)]
    assert subprocess.run(there, capture_output=True).returncode == 1
