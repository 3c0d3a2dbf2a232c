"""Engines that are really broken: the right check says so, no other does, and its fix mends it.

They are broken one after another on one second engine, on a machine of its own as far as that can
be had. Where a fix is a sentence, the case does what that says.
"""

from __future__ import annotations

import functools
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.docker.conftest import copy_image
from tests.docker.doctoring import Problems, doctor
from tests.docker.own_machine import FAR, FAR_MACHINE, Machine
from tests.docker.second_engine import (
    make_disk,
    missing_tools,
    second_engine,
)
from toolkit.doctor import Question, diagnose
from toolkit.engine import Engine, connect
from toolkit.reference import ImageReference

pytestmark = pytest.mark.docker

DEEP = ("--deep", "--skip", "net.registry")
NEAR, OWN = ((), False), ((), True)
TRIED, OWN_TRIED = (DEEP, False), (DEEP, True)
"""How it is looked at: by which options, and whether by a user of the engine's own machine."""
ELSEWHERE = "toolkit-test/base:elsewhere"
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

Act = Callable[[Machine], object]
Look = tuple[tuple[str, ...], bool]


@dataclass(frozen=True, slots=True)
class Broken:
    """What is broken, by which check that is told, however it is looked at, and what mends it.

    Without `mend`, the fix's commands are pasted on the engine's machine. `env` is what is broken
    of the user's, or shows it; `mended` is that afterwards, where it is another.
    """

    check: str
    make: Act
    mend: Act | None = None
    looks: tuple[Look, ...] = (NEAR,)
    env: Mapping[str, str] = field(default_factory=dict)
    mended: Mapping[str, str] | None = None
    image: bool = True
    """Whether it still has the image."""


def restart(machine: Machine) -> None:
    machine.restart()


def configured(**settings: object) -> Act:
    return lambda machine: machine.configure(settings)


def reconfigured(**settings: object) -> Act:
    return lambda machine: machine.reconfigure(settings)


def leave(kind: str) -> Act:
    """A process makes something, and is killed before it can remove it."""

    def act(machine: Machine) -> None:
        name = f"tk-{uuid.uuid4().hex[:8]}-1"
        command = [sys.executable, "-c", LEAVE, machine.image, name, kind]
        subprocess.run(command, env=machine.env, timeout=60)

    return act


def fix(machine: Machine, check: str, *options: str) -> str:
    """Have doctor mend what a check, or a group, tells; what it says of that."""
    command = [sys.executable, "-m", "toolkit", "doctor", "--check", check, "--fix", *options]
    ended = subprocess.run(command, env=machine.env, capture_output=True, text=True, timeout=60)
    return ended.stderr


def collect(machine: Machine) -> None:
    """What is left over stays in a dry run, and goes with consent."""
    act = r"gc\.\w+: remove them"
    assert re.search(f"^would do {act}$", fix(machine, "gc", "--dry-run"), re.MULTILINE)
    assert re.search(f"^did {act}$", fix(machine, "gc", "--yes"), re.MULTILINE)


def lose_base(machine: Machine) -> None:
    with connect(machine.second.address) as engine:
        engine.tag_image(machine.image, ImageReference.parse(ELSEWHERE))
        engine.remove_image(machine.image)


def regain_base(machine: Machine) -> None:
    """As `toolkit base-image` makes it, which takes a minute; it is not made unless it may."""
    said = fix(machine, "image.present", "--image", machine.image)
    assert said == "left as it is, image.present: make the base image\n"
    with connect(machine.second.address) as engine:
        engine.tag_image(ELSEWHERE, ImageReference.parse(machine.image))
        engine.remove_image(ELSEWHERE)


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
    machine.reconfigure(own)


def drop(machine: Machine) -> None:
    """A firewall that was loaded anew: the engine's own rules are gone."""
    machine.do("sh", "-ec", FAR_MACHINE, sys.executable)
    machine.do("iptables", "-P", "FORWARD", "DROP")
    machine.do("iptables", "-F", "FORWARD")


def do(*command: str) -> Act:
    return lambda machine: machine.do(*command)


GONE = {"gone": {"path": "/nowhere/gone"}}
USUAL_RUNTIMES = reconfigured(runtimes={}, **{"default-runtime": "runc"})
BROKEN: Mapping[str, Broken] = {
    "killed": Broken(
        "endpoint.reach",
        lambda machine: machine.second.kill(),
        lambda machine: machine.second.start(),
    ),
    "without its bridge": Broken(
        "net.bridge", do("ip", "link", "delete", "docker0"), restart, (OWN, TRIED)
    ),
    "without forwarding": Broken("net.bridge", do("sysctl", "-qw", "net.ipv4.ip_forward=0")),
    "behind a firewall": Broken("net.bridge", drop, restart, (OWN_TRIED,), {"PIP_INDEX_URL": FAR}),
    "with few addresses left": Broken("net.bridge", take_networks, remove_networks),
    "nearly full": Broken("engine.disk", fill, empty, (OWN, TRIED)),
    "with a runtime that is missing": Broken(
        "engine.runtimes", reconfigured(runtimes=GONE), USUAL_RUNTIMES, (TRIED,)
    ),
    "with a default runtime that is missing": Broken(
        "engine.runtimes",
        reconfigured(runtimes=GONE, **{"default-runtime": "gone"}),
        USUAL_RUNTIMES,
        (TRIED,),
    ),
    "without a filter": Broken("engine.security", unfiltered, USUAL_RUNTIMES, (TRIED,)),
    "that keeps its containers": Broken(
        "engine.liverestore",
        reconfigured(**{"live-restore": True}),
        reconfigured(**{"live-restore": False}),
    ),
    "without init": Broken(
        "engine.init", configured(**{"init-path": "/nowhere/init"}), configured(), (TRIED,)
    ),
    "without control of memory": Broken(
        "engine.cgroup", lose_memory_control, enable_memory_control, (NEAR, TRIED)
    ),
    "with layers that are copies": Broken(
        "engine.storage", configured(**{"storage-driver": "vfs"}), configured(), image=False
    ),
    "without the base image": Broken("image.present", lose_base, regain_base),
    "with a container of a killed process": Broken("gc.containers", leave("container"), collect),
    "with a volume of a killed process": Broken("gc.volumes", leave("volume"), collect),
    "with an index that containers do not reach": Broken(
        "net.index",
        lambda _machine: None,
        lambda _machine: None,
        (TRIED,),
        {"PIP_INDEX_URL": "http://172.31.253.1:9/simple/"},
        mended={},
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


Usual = Callable[[Look], Problems]


@pytest.fixture(scope="module")
def usual(machine: Machine) -> Usual:
    """What is said of the engine as it is, before anything is broken.

    What is tried is no other on its own machine, and takes its time.
    """

    @functools.cache
    def found(look: Look) -> Problems:
        if look == OWN_TRIED:
            return {**found(OWN), **found(TRIED)}
        return looked(machine, look, image=machine.image)

    return found


def looked(
    machine: Machine,
    look: Look,
    *,
    image: str | None = None,
    only: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> Problems:
    """Make the checks; those of the engine's own machine by the command, there."""
    options, own = look
    if own:
        chosen = [word for name in only for word in ("--check", name)]
        named = ("--image", image) if image else ()
        own_env = {**machine.own_env, **(env or {})}
        return doctor(own_env, *options, *named, *chosen, before=machine.second.inside)
    question = Question(
        env={**machine.env, **(env or {})},
        home=machine.home,
        image=image,
        deep="--deep" in options,
    )
    document = diagnose(question, only=only, skip=["net.registry"]).document()
    found = {each["id"]: each for each in document["checks"]}
    return {name: each for name, each in found.items() if each["status"] not in {"ok", "skip"}}


def new(problems: Problems, usual: Problems) -> set[str]:
    """What was not said before; that cgroup v1 is old is said of many machines."""
    return {
        name
        for name, each in problems.items()
        if name not in usual or (name == "engine.cgroup" and each["why"] != usual[name]["why"])
    }


@pytest.mark.parametrize("name", BROKEN)
def test_an_engine_is_told_by_its_own_check_and_mended_by_its_fix(
    name: str, machine: Machine, usual: Usual
) -> None:
    broken = BROKEN[name]
    image = machine.image if broken.image else None
    expected = {look: usual(look) for look in broken.looks}
    broken.make(machine)
    try:
        found = [looked(machine, look, image=image, env=broken.env) for look in broken.looks]
    finally:
        if broken.mend is not None:
            broken.mend(machine)
    for look, problems in zip(broken.looks, found, strict=True):
        assert new(problems, expected[look]) == {broken.check}
        told = problems[broken.check]
        assert told["why"]
        assert told["fix"]["text"]
    if broken.mend is None:
        machine.paste(found[0][broken.check]["fix"]["commands"])
    env = broken.env if broken.mended is None else broken.mended
    look = broken.looks[-1]  # the deepest
    mended = looked(machine, look, only=[broken.check], env=env)
    assert new(mended, expected[look]) == set()
