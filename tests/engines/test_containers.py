"""Containers and executors, on every engine: what is run, what it may do, and what ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docker.conftest import Cli
from tests.engines.nested import Nested
from toolkit.coding import CodeBlock, DockerCommandLineCodeExecutor
from toolkit.container import Container, ContainerOptions, Mount
from toolkit.engine import Engine
from toolkit.errors import DiedError, StartError
from toolkit.lifecycle import ContainerManager
from toolkit.profile import STRICT, Limits

pytestmark = pytest.mark.docker

KEY = "toolkit-test-contract"
STRANGER = "4321:4321"
Start = Callable[..., Container]


@pytest.fixture
def run(engine: Engine) -> Iterator[str]:
    """A label's value for the containers of a test, which must leave none."""
    unique = uuid.uuid4().hex
    yield unique
    await_gone(engine, unique)


@pytest.fixture
def start(engine: Engine, base: str, run: str) -> Iterator[Start]:
    with ContainerManager(engine) as manager:

        def start(**options: object) -> Container:
            given = {"image": base, "network": "none", "labels": {KEY: run}, **options}
            return manager.start(ContainerOptions(**given))  # type: ignore[arg-type]

        yield start


def await_gone(engine: Engine, run: str) -> None:
    limit = time.monotonic() + 20
    while left := engine.list_containers(f"{KEY}={run}"):
        assert time.monotonic() < limit, f"left after 20 s: {left}"
        time.sleep(0.05)


def sh(container: Container, script: str) -> str:
    return container.run(["sh", "-c", script], merged=True, timeout=60).stdout.decode()


def test_blocks_of_sh_and_python_run_in_the_work_dir(
    engine: Engine, base: str, work_dir: Path, run: str
) -> None:
    labels = {KEY: run}
    with DockerCommandLineCodeExecutor(
        base, work_dir=work_dir, labels=labels, engine=engine
    ) as executor:
        blocks = [
            CodeBlock("echo to sh > told; id -u", "sh"),
            CodeBlock("print(open('told').read(), 6 * 7)", "python"),
        ]
        result = executor.execute_code_blocks(blocks)
        assert (result.exit_code, result.output) == (0, f"{os.getuid()}\nto sh\n 42\n")
        failed = executor.execute_code_blocks([CodeBlock("raise SystemExit(3)", "python")])
        assert failed.exit_code == 3
    assert (work_dir / "told").read_text() == "to sh\n"


def test_a_limit_of_time_ends_the_block_and_the_container_lives_on(
    engine: Engine, base: str, work_dir: Path, run: str
) -> None:
    with DockerCommandLineCodeExecutor(
        base, work_dir=work_dir, timeout=1, labels={KEY: run}, engine=engine
    ) as executor:
        result = executor.execute_code_blocks([CodeBlock("setsid sleep 300 & sleep 300", "sh")])
        assert result.exit_code == 124
        after = executor.execute_code_blocks([CodeBlock("print('alive')", "python")])
        assert after.output == "alive\n"


def test_restart_ends_processes_and_replaces_what_is_gone(
    engine: Engine, base: str, work_dir: Path, run: str
) -> None:
    name = f"toolkit-test-{run[:8]}"
    with DockerCommandLineCodeExecutor(
        base, name, work_dir=work_dir, labels={KEY: run}, engine=engine
    ) as executor:
        before = executor.container_id
        executor.restart()
        assert executor.container_id == before
        engine.remove_container(before)
        executor.restart()
        assert executor.container_name == name
        assert executor.container_id != before
        result = executor.execute_code_blocks([CodeBlock("echo here", "sh")])
        assert result.output == "here\n"


def test_output_of_a_megabyte_and_input_come_through(start: Start) -> None:
    container = start()
    result = container.run(["sh", "-c", "wc -c; head -c 1000000 /dev/zero"], stdin=b"x" * 1_000_000)
    assert result.stdout == b"1000000\n" + bytes(1_000_000)


def test_code_is_the_user_that_was_asked_for_and_nothing_more(start: Start) -> None:
    container = start(user=STRANGER)
    assert sh(container, "id -u; id -g; id -G") == "4321\n4321\n4321\n"
    status = sh(container, "cat /proc/self/status")
    assert "CapEff:\t0000000000000000\n" in status
    assert "NoNewPrivs:\t1\n" in status
    assert sh(container, 'pwd; test -w "$HOME" && echo "$USER"') == "/workspace\nexecutor\n"


def test_code_cannot_reach_the_workers_descriptors(start: Start) -> None:
    script = "for f in fd/0 fd/1 mem environ; do (exec 9<>/proc/1/$f) 2>/dev/null && echo $f; done"
    assert sh(start(user=STRANGER), f"{script}; true") == ""


def test_strict_has_no_network_and_a_root_that_is_read_only(start: Start) -> None:
    container = start(profile=STRICT, network=None, user=STRANGER)
    assert sh(container, "ls /sys/class/net") == "lo\n"
    assert "Read-only file system" in sh(container, "touch /etc/here")
    assert sh(
        container, "cd /workspace && echo ok > x && cat x && cat x > /tmp/x && cat /tmp/x"
    ) == ("ok\nok\n")


def test_a_limit_of_memory_and_of_processes_holds(start: Start) -> None:
    container = start(user=STRANGER, limits=Limits(memory=64 << 20, pids=40))
    hungry = container.run(["python3", "-c", "x = b'x' * (256 << 20)"], merged=True, timeout=60)
    assert hungry.exit_code != 0
    many = "for i in $(seq 60); do sleep 5 & done; wait"
    assert container.run(["sh", "-c", many], merged=True, timeout=60).exit_code != 0


def test_a_bind_and_a_volume_are_mounted(start: Start, engine: Engine, work_dir: Path) -> None:
    (work_dir / "there").write_text("seen\n")
    volume = f"toolkit-test-{uuid.uuid4().hex[:8]}"
    container = start(
        user="0:0",
        mounts=(
            Mount(str(work_dir), "/workspace", proof=work_dir),
            Mount(str(work_dir), "/locked", read_only=True),
            Mount(volume, "/kept", kind="volume"),
        ),
    )
    assert sh(container, "cat there; echo back > here; touch /kept/x && echo ok") == "seen\nok\n"
    assert "Read-only" in sh(container, "touch /locked/x")
    assert (work_dir / "here").read_text() == "back\n"
    container.close()
    engine.remove_volume(volume)


def test_a_folder_that_the_engine_does_not_have_is_named_and_not_made(
    nest: Nested, start: Start, tmp_path: Path
) -> None:
    mounts = (Mount(str(tmp_path), "/workspace", proof=tmp_path),)
    with pytest.raises(StartError) as caught:
        start(mounts=mounts)
    assert str(caught.value) == f"folder {tmp_path} does not exist on the engine's host"
    assert str(caught.value.hint).startswith("pass bind_dir: ")
    with pytest.raises(StartError) as caught:
        start(mounts=(Mount(str(tmp_path), "/more"),))
    assert str(caught.value) == (
        f"{tmp_path} does not exist on the engine's host, so it cannot be a volume"
    )
    there = ["docker", "exec", nest.container, "test", "-e", str(tmp_path)]
    assert subprocess.run(there, capture_output=True).returncode == 1


def test_an_image_that_is_not_there_is_named(start: Start) -> None:
    with pytest.raises(StartError) as caught:
        start(image="toolkit/none-of-that-name:1")
    assert str(caught.value) == "image toolkit/none-of-that-name:1 does not exist here"


def test_a_network_that_is_not_there_is_named(start: Start) -> None:
    with pytest.raises(StartError) as caught:
        start(network="none-of-that-name")
    assert str(caught.value) == "network 'none-of-that-name' does not exist on the engine"


def test_a_name_that_is_taken_says_by_whom(start: Start, run: str) -> None:
    name = f"toolkit-test-{run[:8]}"
    first = start(name=name)
    with pytest.raises(StartError, match=f"container name '{name}' is taken by container"):
        start(name=name)
    assert sh(first, "echo alive") == "alive\n"


def test_a_container_that_is_removed_in_use_says_so(start: Start, engine: Engine) -> None:
    container = start()
    engine.remove_container(container.id)
    with pytest.raises(DiedError):
        sh(container, "echo no")
    container.close()


CLIENT = """
import os, sys, time
from toolkit.container import ContainerOptions
from toolkit.engine import connect
from toolkit.lifecycle import ContainerManager
image, run = sys.argv[1:]
options = ContainerOptions(image=image, network="none", labels={"toolkit-test-contract": run})
container = ContainerManager(connect()).start(options)
tell = lambda stream, data: os.write(1, data)
container.run(["sh", "-c", "trap '' TERM; echo ready; sleep 60"], on_output=tell)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["KILL", "TERM"])
def test_a_client_that_is_killed_takes_its_container_along(
    nest: Nested, engine: Engine, base: str, run: str, number: signal.Signals
) -> None:
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, base, run],
        stdout=subprocess.PIPE,
        env={**os.environ, "DOCKER_HOST": nest.address},
    )
    assert client.stdout is not None
    assert client.stdout.readline() == b"ready\n"
    assert len(engine.list_containers(f"{KEY}={run}")) == 1
    client.send_signal(number)
    client.communicate(timeout=20)
    await_gone(engine, run)


@pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])
def test_a_kept_container_is_taken_up_with_its_files(
    engine: Engine, base: str, run: str, running: bool
) -> None:
    name = f"toolkit-test-{run[:8]}"
    options = ContainerOptions(
        image=base,
        name=name,
        network="none",
        user=STRANGER,
        labels={KEY: run},
        auto_remove=False,
        keep_running=running,
        take_up=True,
    )
    try:
        with ContainerManager(engine) as manager:
            sh(manager.start(options), "echo kept > /tmp/file")
        found = engine.inspect_container(name)
        assert found is not None
        assert found["State"]["Running"] == running
        with ContainerManager(engine) as manager:
            assert sh(manager.start(options), "cat /tmp/file") == "kept\n"
    finally:
        engine.remove_container(name)


def test_a_snapshot_is_an_image_with_the_files(
    engine: Engine, base: str, work_dir: Path, run: str
) -> None:
    tag = f"toolkit-test/snapshot:{run[:8]}"
    with DockerCommandLineCodeExecutor(
        base, work_dir=work_dir, labels={KEY: run}, engine=engine
    ) as executor:
        executor.put(b"data", "/tmp/in")
        assert executor.get("/tmp/in") == b"data"
        image = executor.snapshot(tag)
    with DockerCommandLineCodeExecutor(
        tag, work_dir=work_dir, labels={KEY: run}, engine=engine
    ) as executor:
        assert executor.get("/tmp/in") == b"data"
    engine.remove_image(tag)
    assert image.startswith("sha256:")


def test_the_command_runs_lists_and_clears(cli: Cli, base: str, start: Start) -> None:
    ran = cli("run", "--image", base, "--profile", "strict", "-c", "print(6 * 7)")
    assert (ran.code, ran.stdout) == (0, "42\n"), ran.stderr
    container = start()
    listed = cli("ps", "--json")
    assert container.name in listed.stdout
    assert cli("gc").code == 0
    assert sh(container, "echo alive") == "alive\n"


def test_doctor_says_which_road_builds_take(cli: Cli, nest: Nested) -> None:
    said = cli("doctor", "--check", "engine.build", "--json")
    (entry,) = (each for each in json.loads(said.stdout)["checks"] if each["id"] == "engine.build")
    assert entry["data"]["road"] == nest.kind.road
    assert bool(entry["data"]["loses"]) == (nest.kind.road != "grpc")
