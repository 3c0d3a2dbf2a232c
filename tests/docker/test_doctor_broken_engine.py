"""Engines that are really broken: the right check says so, no other does, and its fix mends it.

They are broken one after another on one second engine, on a machine of its own as far as that can
be had. Where a fix is a sentence, the case does what that says.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.docker.conftest import copy_image
from tests.docker.doctoring import Problems, doctor, unsteered
from tests.docker.second_engine import (
    INDEX,
    SecondEngine,
    make_disk,
    missing_tools,
    second_engine,
)
from toolkit.engine import Engine, connect

pytestmark = pytest.mark.docker

DEEP = ("--deep", "--skip", "net.registry")
FAR = "http://10.77.0.2/simple/"
FAR_MACHINE = """
ip link add far0 type veth peer name far1
ip address add 10.77.0.1/24 dev far0
ip link set far0 up
unshare --net sh -c '
    until ip link show far1 >/dev/null 2>&1; do sleep 0.05; done
    ip address add 10.77.0.2/24 dev far1
    ip link set far1 up
    ip route add default via 10.77.0.1
    exec "$0" -m http.server 80 --bind 10.77.0.2
' "$0" >/dev/null 2>&1 </dev/null &
until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link set far1 netns $!
until "$0" -c 'import socket; socket.create_connection(("10.77.0.2", 80))' 2>/dev/null
do sleep 0.05; done
"""
"""A machine beyond the engine's own: what containers send to it is forwarded."""
LEAVE = """
import json, os, signal, sys
from toolkit.engine import connect
from toolkit.lifecycle.ownership import ownership
image, name, kind = sys.argv[1:]
labels = ownership("s", name, role="executor", kept=False, container="")
engine = connect()
if kind == "container":
    engine.create_container({"Image": image, "Cmd": ["sleep"], "Labels": labels}, name=name)
else:
    body = {"Name": name, "Labels": labels}
    engine.open("POST", f"/{kind}s/create", doing="creating", json=body).close()
os.kill(os.getpid(), signal.SIGKILL)
"""

RUNTIME = """#!/bin/sh
for word in "$@"; do
    if [ "$previous" = --bundle ]; then
        sed -i 's/"seccomp":/"unfiltered":/' "$word/config.json"
    fi
    previous=$word
done
exec runc "$@"
"""

Act = Callable[["Machine"], object]


@dataclass(frozen=True, slots=True)
class Machine:
    """The second engine, the image that it has, and a home folder for the doctor."""

    second: SecondEngine
    image: str
    home: Path

    @property
    def env(self) -> dict[str, str]:
        """That of a user who has this engine only, and an index that containers reach."""
        index = {"PIP_INDEX_URL": INDEX, "PIP_TRUSTED_HOST": "172.31.253.1"}
        address = {"DOCKER_HOST": self.second.address}
        return {**unsteered(os.environ, str(self.home)), **index, **address}

    @property
    def own_env(self) -> dict[str, str]:
        """The same of a user of its own machine, who has the default socket there."""
        return {name: value for name, value in self.env.items() if name != "DOCKER_HOST"}

    def do(self, *command: str) -> None:
        """Run a command as its administrator."""
        subprocess.run([*self.second.inside, *command], check=True, timeout=60)

    def restart(self) -> None:
        self.second.stop()
        self.second.start()

    def configure(self, settings: Mapping[str, object]) -> None:
        (self.second.folder / "daemon.json").write_text(json.dumps(settings))
        self.restart()


@dataclass(frozen=True, slots=True)
class Broken:
    """What is broken, by which check that is told, and what is done about it.

    `own`: it is told to a user of the engine's own machine. Without `mend`, the fix's commands are
    pasted.
    """

    check: str
    make: Act
    mend: Act | None
    options: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    own: bool = False
    image: bool = True
    """Whether it still has the image."""


def restart(machine: Machine) -> None:
    machine.restart()


def configured(**settings: object) -> Act:
    return lambda machine: machine.configure(settings)


def leave(kind: str) -> Act:
    """A process makes something, and is killed before it can remove it."""

    def act(machine: Machine) -> None:
        name = f"tk-{uuid.uuid4().hex[:8]}-1"
        command = [sys.executable, "-c", LEAVE, machine.image, name, kind]
        subprocess.run(command, env=machine.env, timeout=60)

    return act


def collect(machine: Machine) -> None:
    subprocess.run([sys.executable, "-m", "toolkit", "gc"], env=machine.env, check=True)


def take_networks(machine: Machine) -> None:
    """As many as there are addresses for; their names are enough to find them again."""
    machine.configure({"default-address-pools": [{"base": "10.99.0.0/16", "size": 18}]})
    with connect(machine.second.address) as engine:
        for number in range(3):
            body = {"Name": f"toolkit-test-{number}"}
            engine.open("POST", "/networks/create", doing="creating", json=body).close()


def remove_networks(machine: Machine) -> None:
    """What `docker network prune` does."""
    with connect(machine.second.address) as engine:
        engine.open("POST", "/networks/prune", doing="pruning").close()


def fill(machine: Machine) -> None:
    machine.do("fallocate", "--length=7GiB", str(machine.second.data / "filler"))


def empty(machine: Machine) -> None:
    machine.do("rm", str(machine.second.data / "filler"))


def lose_memory_control(machine: Machine) -> None:
    if not Path("/sys/fs/cgroup/memory").is_dir():
        pytest.skip("it is taken away as a part of cgroup v1")
    machine.do("umount", "/sys/fs/cgroup/memory")
    machine.restart()


def enable_memory_control(machine: Machine) -> None:
    machine.do("mount", "-t", "cgroup", "-o", "memory", "cgroup", "/sys/fs/cgroup/memory")
    machine.restart()


def unfiltered(machine: Machine) -> None:
    """A runtime that is told to filter, and does not."""
    runtime = machine.second.folder / "runtime"
    runtime.write_text(RUNTIME)
    runtime.chmod(0o755)
    own = {"runtimes": {"own": {"path": str(runtime)}}, "default-runtime": "own"}
    machine.configure(own)


def drop(machine: Machine) -> None:
    """A firewall that was loaded anew: the engine's own rules are gone."""
    machine.do("sh", "-ec", FAR_MACHINE, sys.executable)
    machine.do("iptables", "-P", "FORWARD", "DROP")
    machine.do("iptables", "-F", "FORWARD")


def do(*command: str) -> Act:
    return lambda machine: machine.do(*command)


GONE = {"gone": {"path": "/nowhere/gone"}}
BROKEN: Mapping[str, Broken] = {
    "killed": Broken(
        "endpoint.reach",
        lambda machine: machine.second.kill(),
        lambda machine: machine.second.start(),
    ),
    "without its bridge": Broken(
        "net.bridge", do("ip", "link", "delete", "docker0"), restart, own=True
    ),
    "without its bridge, tried": Broken(
        "net.bridge", do("ip", "link", "delete", "docker0"), restart, DEEP
    ),
    "without forwarding": Broken(
        "net.bridge",
        do("sysctl", "-qw", "net.ipv4.ip_forward=0"),
        do("sysctl", "-qw", "net.ipv4.ip_forward=1"),
    ),
    "behind a firewall": Broken(
        "net.bridge", drop, restart, DEEP, {"PIP_INDEX_URL": FAR}, own=True
    ),
    "with few addresses left": Broken("net.bridge", take_networks, remove_networks),
    "nearly full": Broken("engine.disk", fill, empty, own=True),
    "nearly full, seen from inside": Broken("engine.disk", fill, empty, DEEP),
    "with a runtime that is missing": Broken(
        "engine.runtimes", configured(runtimes=GONE), configured(), DEEP
    ),
    "with a default runtime that is missing": Broken(
        "engine.runtimes",
        configured(runtimes=GONE, **{"default-runtime": "gone"}),
        configured(),
        DEEP,
    ),
    "without init": Broken(
        "engine.init", configured(**{"init-path": "/nowhere/init"}), configured(), DEEP
    ),
    "without control of memory": Broken(
        "engine.cgroup", lose_memory_control, enable_memory_control
    ),
    "without control of memory, tried": Broken(
        "engine.cgroup", lose_memory_control, enable_memory_control, DEEP
    ),
    "without a filter": Broken("engine.security", unfiltered, configured(), DEEP),
    "that keeps its containers": Broken(
        "engine.liverestore", configured(**{"live-restore": True}), configured()
    ),
    "with layers that are copies": Broken(
        "engine.storage", configured(**{"storage-driver": "vfs"}), configured(), image=False
    ),
    "with a container of a killed process": Broken("gc.containers", leave("container"), collect),
    "with a volume of a killed process": Broken("gc.volumes", leave("volume"), collect),
    "with an index that containers do not reach": Broken(
        "net.index",
        lambda _machine: None,
        None,
        (*DEEP, "--check", "net.index"),
        {"PIP_INDEX_URL": "http://172.31.253.1:9/simple/"},
    ),
}


@pytest.fixture(scope="module")
def machine(
    tmp_path_factory: pytest.TempPathFactory, first_engine: Engine, base_image: str
) -> Iterator[Machine]:
    if missing := missing_tools():
        pytest.skip(f"a second engine needs {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("engine")
    make_disk(folder / "disk", megabytes=8 << 10)
    (folder / "second").mkdir()
    (folder / "home").mkdir()
    with second_engine(folder / "second", folder / "disk", folder) as second:
        with connect(second.address) as engine:
            copy_image(first_engine, engine, base_image)
        machine = Machine(second, base_image, folder / "home")
        machine.do("ln", "-s", f"{second.folder}/docker.sock", "/run/docker.sock")
        yield machine
    (folder / "disk").unlink()


Look = Callable[..., Problems]


@pytest.fixture(scope="module")
def usual(machine: Machine) -> Callable[[tuple[str, ...], bool], Problems]:
    """What is said of the engine as it is, before anything is broken."""

    @functools.cache
    def found(options: tuple[str, ...], own: bool) -> Problems:
        return looked(machine, options, {}, own=own)

    return found


def looked(
    machine: Machine, options: tuple[str, ...], env: Mapping[str, str], *, own: bool
) -> Problems:
    seen = machine.own_env if own else machine.env
    before = machine.second.inside if own else ()
    return doctor({**seen, **env}, *options, before=before)


def new(problems: Problems, usual: Problems) -> set[str]:
    """What was not said before; that cgroup v1 is old is said of many machines."""
    return {
        name
        for name, each in problems.items()
        if name not in usual or (name == "engine.cgroup" and each["why"] != usual[name]["why"])
    }


@pytest.mark.parametrize("name", BROKEN)
def test_an_engine_is_told_by_its_own_check_and_mended_by_its_fix(
    name: str,
    machine: Machine,
    usual: Callable[[tuple[str, ...], bool], Problems],
) -> None:
    broken = BROKEN[name]
    options = (*broken.options, *(("--image", machine.image) if broken.image else ()))
    expected = usual(options, broken.own)
    env = broken.env
    broken.make(machine)
    try:
        problems = looked(machine, options, env, own=broken.own)
    finally:
        if broken.mend is not None:
            broken.mend(machine)
    assert new(problems, expected) == {broken.check}
    told = problems[broken.check]
    assert told["why"]
    assert told["fix"]["text"]
    only = ("--check", broken.check, *(("--deep",) if "--deep" in broken.options else ()))
    mended = {} if name == "with an index that containers do not reach" else env
    assert new(looked(machine, only, mended, own=broken.own), expected) == set()
