"""`toolkit ps`, `attach` and `gc`, as they are typed, on a real engine and a real terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.container import Container, ContainerOptions
from toolkit.engine import Engine, connect
from toolkit.image import local_bases
from toolkit.lifecycle import ContainerManager

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("own_host")]

KEY = "toolkit-test-cli"
RUN = uuid.uuid4().hex
LEAVE = """
import os, signal, sys
from toolkit.engine import connect
from toolkit.lifecycle.ownership import ownership
image, key, run, name, *volumes = sys.argv[1:]
def labels(name):
    return {key: run, **ownership("s", name, role="executor", kept=False, container="")}
engine = connect()
for volume in volumes:
    body = {"Name": volume, "Labels": labels(volume)}
    engine.open("POST", "/volumes/create", doing="creating", json=body).close()
engine.create_container({"Image": image, "Cmd": ["sleep", "1"], "Labels": labels(name)}, name=name)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with connect() as found:
        yield found
        assert found.list_containers(f"{KEY}={RUN}") == []


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    return str(local_bases(engine)[0])


@pytest.fixture(scope="module")
def container(engine: Engine, image: str) -> Iterator[Container]:
    with ContainerManager(engine) as manager:
        options = ContainerOptions(
            image=image, network="none", user="4321:4321", labels={KEY: RUN}, keep_running=True
        )
        started = manager.start(options)
        yield started
    engine.remove_container(started.id)


@pytest.fixture
def left(engine: Engine, image: str) -> Iterator[str]:
    """What a killed process has left: created, and never started."""
    name = f"toolkit-test-left-{uuid.uuid4().hex[:8]}"
    subprocess.run([sys.executable, "-c", LEAVE, image, KEY, RUN, name], timeout=60)
    assert engine.inspect_container(name) is not None
    yield name
    engine.remove_container(name)


def toolkit(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "toolkit", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60)


def test_ps_lists_what_is_ours_and_how_it_stands(container: Container, left: str) -> None:
    said = json.loads(toolkit("ps", "--json").stdout)["containers"]
    found = {each["name"]: each for each in said}
    assert found[container.name]["standing"] == "kept"
    assert found[container.name]["state"] == "running"
    assert found[container.name]["id"] == container.id
    assert found[left]["standing"] == "dead"
    assert found[left]["reason"].endswith("is gone")
    lines = toolkit("ps").stdout.decode().splitlines()
    assert lines[0].split() == ["NAME", "STATE", "AGE", "IMAGE", "STANDING"]
    (line,) = [line for line in lines if line.startswith(container.name)]
    assert line.endswith("kept: it was asked to stay")


def test_gc_removes_only_what_is_proven_dead(
    engine: Engine, container: Container, left: str
) -> None:
    dry = toolkit("gc", "--dry-run").stdout.decode()
    assert f"would remove container {left}: its owner, process " in dry
    assert container.name not in dry
    assert engine.inspect_container(left) is not None
    removed = json.loads(toolkit("gc", "--json").stdout)["removed"]
    assert left in [each["name"] for each in removed]
    assert container.name not in [each["name"] for each in removed]
    assert engine.inspect_container(left) is None
    assert engine.inspect_container(container.id) is not None


def test_a_volume_in_use_stays_and_all_that_comes_after_it_goes(engine: Engine, image: str) -> None:
    name = f"toolkit-test-left-{uuid.uuid4().hex[:8]}"
    used, unused = f"{name}-a", f"{name}-b"
    command = [sys.executable, "-c", LEAVE, image, KEY, RUN, name, used, unused]
    subprocess.run(command, timeout=60)
    mount = {"Type": "volume", "Source": used, "Target": "/used"}
    body = {"Image": image, "Cmd": ["true"], "HostConfig": {"Mounts": [mount]}}
    user = engine.create_container(body, name=f"{name}-user")
    try:
        ended = toolkit("gc")
        assert ended.returncode == 0
        assert ended.stdout.decode().count(name) == 2
        assert f"removed volume {unused}: its owner, process " in ended.stdout.decode()
        (line,) = [each for each in ended.stderr.decode().splitlines() if used in each]
        assert line.startswith(f"volume {used} stays: ")
        assert "in use" in line
        (stayed,) = [
            each
            for each in json.loads(toolkit("gc", "--json").stdout)["stayed"]
            if each["name"] == used
        ]
        assert "in use" in stayed["why"]
    finally:
        engine.remove_container(user)
        engine.remove_volume(used)


def test_doctor_lists_both_and_says_how_to_remove_them(container: Container, left: str) -> None:
    """What is kept is no fault: it is shown, and not among the commands to be pasted."""
    ended = toolkit("doctor", "--check", "gc.containers")
    said = ended.stdout.decode()
    assert left in said
    assert "         toolkit gc\n" in said
    assert ended.returncode == 1  # asked by name; in the whole it is a warning
    told = json.loads(toolkit("doctor", "--check", "gc.containers", "--json").stdout)["checks"]
    (found,) = [check for check in told if check["id"] == "gc.containers"]
    assert container.name in found["data"]["running"]
    dry = toolkit("doctor", "--check", "gc.containers", "--fix", "--dry-run").stderr.decode()
    assert dry == "would do gc.containers: remove them\n"
    ended = toolkit("doctor", "--check", "gc.containers", "--fix", "--yes")
    assert f"removed container {left}: its owner, process " in ended.stderr.decode()
    said = ended.stdout.decode()
    assert ended.returncode == 0
    assert container.name in said
    assert "         docker rm -f " in said
    assert "All commands" not in said


def test_attach_runs_a_command_and_passes_everything_through(container: Container) -> None:
    script = "cat; echo error >&2; id -u; exit 3"
    ended = toolkit("attach", container.name, "sh", "-c", script, stdin=b"in\x00put\n")
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, b"in\x00put\n0\n", b"error\n")


def test_attach_is_the_user_that_was_asked_for(container: Container) -> None:
    ended = toolkit("attach", "--user", "4321", container.name, "id", "-u")
    assert (ended.returncode, ended.stdout) == (0, b"4321\n")


def test_attach_takes_a_lot_of_output_whole(container: Container) -> None:
    ended = toolkit("attach", container.name, "head", "-c", "5000000", "/dev/zero")
    assert (ended.returncode, len(ended.stdout)) == (0, 5_000_000)


def read_until(descriptor: int, words: bytes) -> bytes:
    said = b""
    deadline = time.monotonic() + 20
    while words not in said:
        assert time.monotonic() < deadline, said
        if select.select([descriptor], [], [], 0.2)[0]:
            said += os.read(descriptor, 4096)
    return said


def test_attach_opens_a_shell_on_a_terminal(container: Container) -> None:
    """It has our size, also when that changes; Ctrl-C is its own; our terminal is restored."""
    mine, theirs = pty.openpty()
    fcntl.ioctl(mine, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 111, 0, 0))
    before = termios.tcgetattr(theirs)
    command = [sys.executable, "-m", "toolkit", "attach", container.name]
    env = {**os.environ, "TERM": "xterm-test"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    try:
        # The engine takes the size once the shell runs, which may have asked before.
        os.write(mine, b"until stty size | grep '33 111'; do sleep 0.1; done; echo $TERM\n")
        said = read_until(mine, b"xterm-test\r\n")
        assert b"33 111\r\n" in said
        fcntl.ioctl(mine, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 122, 0, 0))
        process.send_signal(signal.SIGWINCH)
        asking = b"until stty size | grep '44 122'; do sleep 0.1; done\n"
        os.write(mine, asking)
        read_until(mine, b"44 122\r\n")
        os.write(mine, b"sleep 99; echo not''reached\n")
        time.sleep(0.5)
        os.write(mine, b"\x03")
        os.write(mine, b"exit 9\n")
        assert process.wait(20) == 9
        assert termios.tcgetattr(theirs) == before
    finally:
        process.kill()
        process.wait()
        os.close(mine)
        os.close(theirs)


def refused(*arguments: str) -> tuple[int, str, str]:
    ended = toolkit(*arguments)
    assert ended.stdout == b""
    error, hint, *_explained = ended.stderr.decode().splitlines()
    return ended.returncode, error.removeprefix("error: "), hint.removeprefix("hint: ")


def test_attach_says_what_it_cannot_do(engine: Engine, image: str, left: str) -> None:
    assert refused("attach", "toolkit-test-none") == (
        3,
        "there is no container toolkit-test-none",
        "list those of ours by `toolkit ps`",
    )
    assert refused("attach", left) == (
        7,
        f"container {left} does not run",
        f"start it by `docker start {left}`",
    )
    name = f"toolkit-test-stranger-{RUN[:8]}"
    stranger = engine.create_container({"Image": image, "Labels": {KEY: RUN}}, name=name)
    try:
        assert refused("attach", name) == (
            3,
            f"container {name} is not one of ours",
            f"use `docker exec -it {name} sh`",
        )
    finally:
        engine.remove_container(stranger)


def test_a_command_that_is_not_in_the_container_is_127_or_126_as_docker_says(
    container: Container,
) -> None:
    assert toolkit("attach", container.name, "no-such-command").returncode in {126, 127}


@pytest.mark.parametrize("command", [("ps",), ("gc", "--dry-run"), ("attach", "x")])
def test_without_an_engine_there_is_an_error_and_a_hint(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    code, error, hint = refused(*command)
    assert code == 5
    assert "none.sock" in error
    assert hint
