"""Files into the Docker executor's container and out of it, programs beside blocks, snapshots."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from toolkit import labels
from toolkit.coding import CodeBlock, DockerCommandLineCodeExecutor
from toolkit.engine import Engine
from toolkit.errors import ExecError

pytestmark = pytest.mark.docker

KEY = "toolkit-test-files"
RUN = uuid.uuid4().hex
SECRET = "precious"


@pytest.fixture(scope="module")
def options(first_engine: Engine, base_image: str) -> dict[str, Any]:
    return {
        "image": base_image,
        "labels": {KEY: RUN},
        "engine": first_engine,
        "user": "1234:1234",
        "environment": {"SECRET": SECRET},
    }


@pytest.fixture(scope="module")
def executor(
    options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, first_engine: Engine
) -> Iterator[DockerCommandLineCodeExecutor]:
    work = tmp_path_factory.mktemp("work")
    work.chmod(0o777)
    with DockerCommandLineCodeExecutor(work_dir=work, **options) as made:
        yield made
    assert first_engine.list_containers(f"{KEY}={RUN}") == []


@pytest.fixture
def tag(first_engine: Engine) -> Iterator[str]:
    name = f"toolkit-test/snapshot-{uuid.uuid4().hex[:8]}:1"
    yield name
    first_engine.remove_image(name, force=True)


def sh(executor: DockerCommandLineCodeExecutor, code: str) -> str:
    return executor.execute_code_blocks([CodeBlock(code, "sh")]).output


# Put and get.


def test_bytes_files_and_folders_are_put_under_the_codes_uid(
    executor: DockerCommandLineCodeExecutor, tmp_path: Path
) -> None:
    (tmp_path / "sub/deep").mkdir(parents=True)
    (tmp_path / "sub/program").write_text("#!/bin/sh\necho ran\n")
    (tmp_path / "sub/program").chmod(0o755)
    (tmp_path / "sub/deep/data").write_bytes(b"\0\xff")
    executor.put(b"one", "new/folder/one")
    executor.put(tmp_path / "sub", "/tmp/two")
    executor.put(str(tmp_path / "sub/deep/data"), "three")
    assert (executor.work_dir / "new/folder/one").read_bytes() == b"one"
    assert (executor.work_dir / "three").stat().st_uid == 1234
    assert sh(executor, "/tmp/two/program; stat -c %u /tmp/two/deep/data") == "ran\n1234\n"
    assert executor.get("/tmp/two/deep/data") == b"\0\xff"
    assert executor.get("new/folder/one") == b"one"


def test_much_comes_back_whole(executor: DockerCommandLineCodeExecutor) -> None:
    data = os.urandom(1 << 20) * 40
    executor.put(data, "/tmp/much")
    assert executor.get("/tmp/much") == data
    sh(executor, "rm /tmp/much")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/etc/shadow", "Permission denied"),
        ("none", "No such file"),
        ("/tmp", "it is no file"),
        ("/dev/zero", "it is no file"),
    ],
)
def test_what_the_code_cannot_read_cannot_be_got(
    executor: DockerCommandLineCodeExecutor, path: str, reason: str
) -> None:
    with pytest.raises(ExecError, match=f"^file '{path}' cannot be read in container .*{reason}"):
        executor.get(path)


def test_what_has_become_a_pipe_or_too_large_holds_nobody_up(
    executor: DockerCommandLineCodeExecutor,
) -> None:
    """The code put it there, in the place of the file that was expected."""
    sh(executor, "mkfifo /tmp/pipe; truncate -s 2G /tmp/large")
    with pytest.raises(ExecError, match="it is no file"):
        executor.get("/tmp/pipe")
    with pytest.raises(ExecError, match=r"No such device or address|it is no file"):
        executor.put(b"x", "/tmp/pipe")
    with pytest.raises(ExecError, match="it is larger than 1024 MiB"):
        executor.get("/tmp/large")
    sh(executor, "rm /tmp/pipe /tmp/large")


def test_what_the_code_cannot_write_cannot_be_put(executor: DockerCommandLineCodeExecutor) -> None:
    with pytest.raises(ExecError, match="Permission denied"):
        executor.put(b"x", "/etc/passwd")


def test_a_source_that_is_not_there_is_a_value_error(
    executor: DockerCommandLineCodeExecutor, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="none cannot be put into the container: No such file"):
        executor.put(tmp_path / "none", "x")


def test_a_planted_link_leads_nowhere_that_the_code_could_not_go(
    executor: DockerCommandLineCodeExecutor, tmp_path: Path
) -> None:
    """A path of the host means another file inside, or none."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    sh(executor, f"ln -s {victim} trap; ln -s /etc/shadow shadow")
    with pytest.raises(ExecError):
        executor.put(b"gone", "trap")
    with pytest.raises(ExecError):
        executor.get("trap")
    with pytest.raises(ExecError):
        executor.get("shadow")
    assert victim.read_text() == "precious"


# Run.


def test_a_program_is_run_without_a_shell_and_with_two_pipes(
    executor: DockerCommandLineCodeExecutor,
) -> None:
    result = executor.run(["sh", "-c", 'cat; echo "$0" >&2; exit 5', "$HOME"], stdin=b"in")
    assert (result.exit_code, result.stdout, result.stderr) == (5, b"in", b"$HOME\n")
    assert executor.run(["pwd"], cwd="/tmp", environment={"A": "b"}).stdout == b"/tmp\n"


def test_a_program_has_as_long_as_a_block(options: dict[str, Any], tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with DockerCommandLineCodeExecutor(work_dir=tmp_path, timeout=1, **options) as executor:
        assert executor.run(["sleep", "60"]).timed_out
        assert not executor.run(["sleep", "1.2"], timeout=30).timed_out


# Snapshots.


def test_a_snapshot_has_the_containers_files_and_is_the_image_otherwise(
    executor: DockerCommandLineCodeExecutor, first_engine: Engine, base_image: str, tag: str
) -> None:
    sh(executor, "echo kept > /tmp/state")
    made = executor.snapshot(tag)
    image, original = first_engine.inspect_image(tag), first_engine.inspect_image(base_image)
    assert image is not None
    assert original is not None
    assert image["Id"] == made
    assert image["Config"] == original["Config"]
    assert image["RootFS"]["Layers"][:-1] == original["RootFS"]["Layers"]
    assert SECRET not in str(image)
    assert not labels.is_ours(image["Config"]["Labels"])
    assert first_engine.list_images(f"{KEY}={RUN}") == []  # the commit had the labels


def test_an_executor_goes_on_from_a_snapshot_and_it_outlives_its_container(
    options: dict[str, Any], tmp_path: Path, tag: str
) -> None:
    tmp_path.chmod(0o777)
    with DockerCommandLineCodeExecutor(work_dir=tmp_path, **options) as first:
        sh(first, "echo kept > /tmp/state")
        made = first.snapshot(tag)
    with DockerCommandLineCodeExecutor(**{**options, "image": tag}, work_dir=tmp_path) as second:
        assert sh(second, "cat /tmp/state; id -u") == "kept\n1234\n"
        assert second.snapshot(tag) != made  # the name moves on
    options["engine"].remove_image(made)


def test_a_snapshot_is_built_upon_by_other_tools(
    executor: DockerCommandLineCodeExecutor, first_engine: Engine, tag: str
) -> None:
    """The engine takes it for an image like any other: it runs, and can be saved."""
    executor.snapshot(tag)
    container = first_engine.create_container({"Image": tag, "Cmd": ["sh", "-c", "exit 7"]})
    try:
        first_engine.start_container(container)
        assert first_engine.wait_container(container, timeout=20) == 7
    finally:
        first_engine.remove_container(container)
    with first_engine.open("GET", f"/images/{tag}/get", doing="saving") as answer:
        assert sum(len(chunk) for chunk in answer.chunks()) > 1 << 20


def test_a_name_that_is_none_is_a_value_error(executor: DockerCommandLineCodeExecutor) -> None:
    with pytest.raises(ValueError, match="Not A Name"):
        executor.snapshot("Not A Name")
