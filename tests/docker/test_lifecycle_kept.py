"""Containers that are to be kept: stopped or running, however the client ends, and taken up."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from toolkit.container import Container, ContainerOptions, Mount
from toolkit.engine import Engine, connect
from toolkit.errors import StartError
from toolkit.image import local_bases
from toolkit.lifecycle import ContainerManager
from toolkit.profile import STRICT
from toolkit.worker import boot

pytestmark = pytest.mark.docker

KEY = "toolkit-test-kept"
RUN = uuid.uuid4().hex
STRANGER = "4321:4321"
KEPT = pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with connect() as found:
        yield found
        assert found.list_containers(f"{KEY}={RUN}") == []


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    return str(local_bases(engine)[0])


@pytest.fixture
def name(engine: Engine) -> Iterator[str]:
    """The name of a container that the test keeps; it is removed afterwards."""
    unique = f"toolkit-test-kept-{uuid.uuid4().hex[:8]}"
    yield unique
    engine.remove_container(unique)


@pytest.fixture
def wanted(image: str, name: str) -> Callable[..., ContainerOptions]:
    def wanted(*, running: bool, **options: object) -> ContainerOptions:
        given = {
            "image": image,
            "name": name,
            "network": "none",
            "user": STRANGER,
            "labels": {KEY: RUN},
            "auto_remove": False,
            "keep_running": running,
            **options,
        }
        return ContainerOptions(**given)  # type: ignore[arg-type]

    return wanted


def sh(container: Container, script: str) -> str:
    return container.run(["sh", "-c", script], merged=True, timeout=30).stdout.decode()


def state(engine: Engine, name: str) -> str:
    found = engine.inspect_container(name)
    return "" if found is None else str(found["State"]["Status"])


@contextmanager
def by_hand(name: str) -> Iterator[Any]:
    """The container, for what `docker` itself asks of the engine: the command may not be there."""
    client = docker.from_env()
    yield client.containers.get(name)
    client.close()


def executed(name: str, script: str) -> str:
    with by_hand(name) as container:
        return str(container.exec_run(["sh", "-c", script]).output.decode())


def processes(name: str) -> list[str]:
    """Their command lines, as `docker top` has them."""
    with by_hand(name) as container:
        return [row[-1] for row in container.top()["Processes"]]


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


ENDS = {
    "close": "manager.end(container)",
    "with": "with manager: pass",
    "the end of the script": "",
    "an exception": "raise RuntimeError",
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "SIGTERM": "os.kill(os.getpid(), signal.SIGTERM)",
    "os._exit": "os._exit(0)",
}
SCRIPT = """
import os, signal, sys
from toolkit.container import ContainerOptions
from toolkit.engine import connect
from toolkit.lifecycle import ContainerManager
image, name, key, run, running = sys.argv[1:]
manager = ContainerManager(connect())
options = ContainerOptions(image=image, name=name, network="none", labels={key: run},
                           auto_remove=False, keep_running=running == "True")
container = manager.start(options)
container.run(["sh", "-c", "echo kept > /tmp/file"])
"""


@KEPT
@pytest.mark.parametrize("end", ENDS)
def test_however_the_client_ends_the_container_is_kept_as_it_was_asked(
    engine: Engine, image: str, name: str, running: bool, end: str
) -> None:
    """Stopped means stopped when `close` returns; after a kill, as soon as the engine knows."""
    command = [sys.executable, "-c", SCRIPT + ENDS[end], image, name, KEY, RUN, str(running)]
    subprocess.run(command, timeout=60, capture_output=True)
    expected = "running" if running else "exited"
    assert until(lambda: state(engine, name) == expected)
    time.sleep(0.3)
    assert state(engine, name) == expected
    assert engine.container_path_exists(name, "/tmp/file")


def test_how_to_look_inside_a_stopped_one_is_true(
    engine: Engine,
    name: str,
    wanted: Callable[..., ContainerOptions],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Every command that is named: what it asks of the engine is given."""
    with ContainerManager(engine) as manager:
        sh(manager.start(wanted(running=False)), "echo kept > /tmp/file")
    assert caplog.messages[-1] == (
        f"container {name} is stopped and kept: look inside by `docker start {name}` and then "
        f"`docker exec -it {name} sh`, or copy out of it by `docker cp {name}:PATH .`; "
        f"remove it by `docker rm -f {name}`"
    )
    with by_hand(name) as container:
        packed = io.BytesIO(b"".join(container.get_archive("/tmp/file")[0]))
        with tarfile.open(fileobj=packed) as tar:
            copied = tar.extractfile("file")
            assert copied is not None
            assert copied.read() == b"kept\n"
        container.start()
        time.sleep(1.0)  # it stays up without anybody attached to it
        assert executed(name, "cat /tmp/file") == "kept\n"
        container.remove(force=True)
    assert state(engine, name) == ""


def test_how_to_look_inside_a_running_one_is_true(
    engine: Engine,
    name: str,
    wanted: Callable[..., ContainerOptions],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with ContainerManager(engine) as manager:
        sh(manager.start(wanted(running=True)), "echo kept > /tmp/file")
    assert caplog.messages[-1] == (
        f"container {name} runs on: look inside by `docker exec -it {name} sh`, "
        f"end it by `docker rm -f {name}`"
    )
    assert executed(name, "cat /tmp/file") == "kept\n"


@KEPT
def test_a_kept_container_is_taken_up_with_its_files_and_all_that_a_container_can(
    engine: Engine, wanted: Callable[..., ContainerOptions], running: bool
) -> None:
    """A second worker runs programs as the first one did: as the same user, with limits of time."""
    with ContainerManager(engine) as manager:
        first = manager.start(wanted(running=running))
        sh(first, "echo kept > /tmp/file; setsid sleep 300 > /dev/null 2>&1 &")
    with ContainerManager(engine) as manager:
        again = manager.start(wanted(running=running, take_up=True))
        assert again.id == first.id
        assert sh(again, "cat /tmp/file; id -u") == "kept\n4321\n"
        assert again.run(["sleep", "60"], timeout=0.3).timed_out
        assert again.ready.uid == 4321
        again.write("/tmp/other", b"x")
        assert sh(again, "(exec 9<>/proc/$PPID/fd/0) 2>/dev/null && echo open") == ""
        assert sh(again, "cat /proc/[0-9]*/comm 2> /dev/null | grep -c sleep") == (
            "1\n" if running else "0\n"
        )
    assert state(engine, first.name) == ("running" if running else "exited")


def test_a_name_that_nobody_has_is_made_when_it_is_to_be_taken_up(
    engine: Engine, wanted: Callable[..., ContainerOptions]
) -> None:
    """So that the same program works on its first day."""
    with ContainerManager(engine) as manager:
        assert sh(manager.start(wanted(running=True, take_up=True)), "echo new") == "new\n"


@KEPT
def test_one_that_is_taken_up_to_be_removed_is_removed(
    engine: Engine, name: str, wanted: Callable[..., ContainerOptions], running: bool
) -> None:
    with ContainerManager(engine) as manager:
        manager.start(wanted(running=running))
    options = wanted(running=False, take_up=True, auto_remove=True)
    with ContainerManager(engine) as manager:
        manager.start(options)
    assert state(engine, name) == ""


def test_the_death_of_who_took_it_up_ends_his_programs_and_not_the_container(
    engine: Engine, image: str, name: str
) -> None:
    """The second worker has a tether of its own."""
    arguments = [image, name, KEY, RUN, "True"]
    subprocess.run([sys.executable, "-c", SCRIPT, *arguments], timeout=60, check=True)

    def workers() -> int:
        return sum("python3 -I" in each for each in processes(name))

    before = workers()
    again = SCRIPT.replace("keep_running=", "take_up=True, keep_running=")
    again += "\nprint('ready', flush=True)\ncontainer.run(['sleep', '299'])"
    command = [sys.executable, "-c", again, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    assert until(lambda: "sleep 299" in processes(name))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert until(lambda: "sleep 299" not in processes(name))
    assert until(lambda: workers() == before)
    assert state(engine, name) == "running"


@KEPT
def test_one_that_was_made_with_other_options_is_refused_and_stays_as_it_is(
    engine: Engine,
    name: str,
    wanted: Callable[..., ContainerOptions],
    running: bool,
    tmp_path: Path,
) -> None:
    """Whoever asks for `strict` does not get what was made as `standard`."""
    with ContainerManager(engine) as manager:
        manager.start(wanted(running=running))
        for other, named in (
            ({"profile": STRICT}, "ReadonlyRootfs"),
            ({"environment": {"A": "1"}}, "Env"),
            ({"mounts": (Mount(str(tmp_path), "/workspace"),)}, "Mounts"),
        ):
            with ContainerManager(engine) as other_manager, pytest.raises(StartError) as caught:
                other_manager.start(wanted(running=running, take_up=True, **other))
            assert str(caught.value).startswith(f"container {name} was made with other options: ")
            assert named in str(caught.value)
    assert state(engine, name) == ("running" if running else "exited")


@KEPT
def test_one_that_has_another_folder_is_refused_and_the_same_folder_is_told_by_its_files(
    engine: Engine,
    name: str,
    wanted: Callable[..., ContainerOptions],
    running: bool,
    tmp_path: Path,
) -> None:
    """Not by the path: another application may know the folder by another one."""
    work, other = tmp_path / "work", tmp_path / "other"
    for folder in (work, other):
        folder.mkdir()
    mounts = (Mount("", "/workspace", proof=work),)
    with ContainerManager(engine) as manager:
        manager.start(wanted(running=running, mounts=mounts))
    mounts = (Mount(f"{tmp_path}/./work", "/workspace", proof=work),)
    with ContainerManager(engine) as manager:
        manager.start(wanted(running=running, take_up=True, mounts=mounts))
    mounts = (Mount("", "/workspace", proof=other),)
    with ContainerManager(engine) as manager, pytest.raises(StartError) as caught:
        manager.start(wanted(running=running, take_up=True, mounts=mounts))
    assert str(caught.value) == f"container {name} was made with another folder than {other}"
    assert caught.value.hint == (
        f"give the work_dir that it was made with, or remove it by `docker rm -f {name}`"
    )
    assert state(engine, name) == ("running" if running else "exited")


def test_a_kept_one_is_not_taken_up_unless_it_is_asked_for(
    engine: Engine, image: str, name: str, wanted: Callable[..., ContainerOptions]
) -> None:
    with ContainerManager(engine) as manager:
        kept = manager.start(wanted(running=False))
    with ContainerManager(engine) as manager, pytest.raises(StartError) as caught:
        manager.start(wanted(running=False))
    assert str(caught.value) == (
        f"container name {name!r} is taken by container {kept.id[:12]} of {image}, which was kept"
    )
    assert caught.value.hint == (
        f"pass take_up=True to go on in it, or remove it by `docker rm -f {name}`"
    )
    assert state(engine, name) == "exited"


@pytest.mark.parametrize("asked", [False, True], ids=["a start", "taking up"])
def test_a_strangers_container_of_that_name_is_never_touched(
    engine: Engine, image: str, name: str, wanted: Callable[..., ContainerOptions], asked: bool
) -> None:
    """AutoGen removes it."""
    config = {"Image": image, "Cmd": ["sleep", "60"], "Labels": {KEY: RUN}}
    stranger = engine.create_container(config, name=name)
    engine.start_container(stranger)
    before = engine.inspect_container(stranger)
    with ContainerManager(engine) as manager, pytest.raises(StartError) as caught:
        manager.start(wanted(running=True, take_up=asked))
    assert str(caught.value) == (
        f"container name {name!r} is taken by container {stranger[:12]} of {image}, "
        "which is not ours"
    )
    assert engine.inspect_container(stranger) == before


def test_one_that_is_in_use_and_not_to_be_kept_is_not_taken_up(
    engine: Engine, name: str, wanted: Callable[..., ContainerOptions]
) -> None:
    with ContainerManager(engine) as manager, ContainerManager(engine) as other:
        holder = manager.start(wanted(running=False, auto_remove=True))
        with pytest.raises(StartError, match=f"which process {os.getpid()} uses"):
            other.start(wanted(running=False, take_up=True))
        assert sh(holder, "echo alive") == "alive\n"
    assert state(engine, name) == ""


def test_one_of_another_version_of_ours_is_taken_up_through_a_second_worker(
    engine: Engine, wanted: Callable[..., ContainerOptions], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its main process may read the source in another way, and must not be sent ours."""
    with ContainerManager(engine) as manager:
        sh(manager.start(wanted(running=False)), "echo kept > /tmp/file")
    monkeypatch.setattr(boot, "_READ", f"{boot._READ}\n")
    with ContainerManager(engine) as manager:
        again = manager.start(wanted(running=False, take_up=True))
        assert sh(again, "cat /tmp/file") == "kept\n"
