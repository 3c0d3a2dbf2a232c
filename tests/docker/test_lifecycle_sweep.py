"""What killed processes have left, and the next one's start: real processes, a real engine."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docker.conftest import of_this_run
from tests.docker.slow_proxy import SlowProxy
from toolkit import labels as label
from toolkit.container import ContainerOptions
from toolkit.engine import Engine, connect
from toolkit.errors import StartError
from toolkit.image import local_bases
from toolkit.lifecycle import ContainerManager, survey, sweep
from toolkit.lifecycle.ownership import ownership

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("own_host")]

KEY = "toolkit-test-sweep"
RUN = uuid.uuid4().hex[:8]

LEAVE = """
import json, os, signal, sys
from toolkit.engine import connect
from toolkit.lifecycle.ownership import ownership
image, run, kept, kind = sys.argv[1:]
labels = {"toolkit-test-sweep": run}
name = f"toolkit-test-{run}"
labels.update(ownership("s", name, role="executor", kept=kept == "kept", container=""))
engine = connect()
if kind == "container":
    body = {"Image": image, "Cmd": ["sleep", "1"], "Labels": labels}
    print(engine.create_container(body, name=name))
else:
    path = "/volumes/create" if kind == "volume" else "/networks/create"
    body = {"Name": name, "Labels": labels}
    with engine.open("POST", path, doing="creating", json=body) as answer:
        said = json.loads(b"".join(answer.chunks()))
    print(said.get("Id") or said["Name"])
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""

START = """
import sys, time
from toolkit.container import ContainerOptions
from toolkit.engine import connect
from toolkit.lifecycle import ContainerManager
image, run, address = sys.argv[1:]
with ContainerManager(connect(address or None)) as manager:
    started = time.monotonic()
    manager.start(
        ContainerOptions(image=image, network="none", labels={"toolkit-test-sweep": run})
    )
    print(time.monotonic() - started)
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with connect() as found:
        yield found
        for listed in (
            found.list_containers(KEY),
            found.list_networks(KEY),
            found.list_volumes(KEY),
        ):
            assert of_this_run(listed, KEY, RUN) == []


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    return str(local_bases(engine)[0])


@pytest.fixture
def run() -> str:
    return f"{RUN}-{uuid.uuid4().hex}"


@pytest.fixture
def leave(engine: Engine, image: str, run: str) -> Iterator[Callable[..., str]]:
    """Have a process make something and be killed; what a test leaves of it is removed."""

    def leave(*, kept: bool = False, kind: str = "container") -> str:
        word = "kept" if kept else "not kept"
        command = [sys.executable, "-c", LEAVE, image, run, word, kind]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        return ended.stdout.strip()

    yield leave
    for each in engine.list_containers(f"{KEY}={run}"):
        engine.remove_container(each["Id"])
    for each in engine.list_networks(f"{KEY}={run}"):
        engine.remove_network(each["Id"])
    for each in engine.list_volumes(f"{KEY}={run}"):
        engine.remove_volume(each["Name"])


def start_in_a_new_process(image: str, run: str, address: str | None = None) -> float:
    """Start and end a container; give the seconds that the start took."""
    command = [sys.executable, "-c", START, image, run, address or ""]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert said.stderr == ""
    return float(said.stdout)


def test_the_next_start_removes_what_a_killed_process_had_created_and_not_started(
    engine: Engine, image: str, leave: Callable[..., str]
) -> None:
    """No tether was there yet, and the engine removes nothing that was never started."""
    left = leave()
    assert engine.inspect_container(left) is not None
    start_in_a_new_process(image, f"{RUN}-other")
    assert engine.inspect_container(left) is None


@pytest.mark.parametrize("kind", ["network", "volume"])
def test_networks_and_volumes_of_a_killed_process_go_too(
    engine: Engine, run: str, leave: Callable[..., str], kind: str
) -> None:
    list_ = engine.list_networks if kind == "network" else engine.list_volumes
    left = leave(kind=kind)
    assert len(list_(f"{KEY}={run}")) == 1
    assert [each.id for each in sweep(engine, seconds=10) if each.kind == kind] == [left]
    assert list_(f"{KEY}={run}") == []


def test_what_is_kept_or_used_or_not_wholly_labelled_stays(
    engine: Engine, image: str, run: str, leave: Callable[..., str]
) -> None:
    mine = ownership("s", f"{run}-mine", role="executor", kept=False, container="")
    others = {
        "mine": mine,
        "partly": {label.MANAGED: "1", label.KEEP: "0", label.OWNER_PID: "4194999"},
        "not": {},
    }
    stay = [leave(kept=True)]
    for name, labels in others.items():
        body = {"Image": image, "Cmd": ["sh"], "Labels": {KEY: run, **labels}}
        stay.append(engine.create_container(body, name=f"{run}-{name}"))
    sweep(engine, seconds=10)
    assert {each["Id"] for each in engine.list_containers(f"{KEY}={run}")} == set(stay)
    standing = {each.id: verdict.standing for each, verdict in survey(engine)}
    assert [standing.get(each) for each in stay] == ["kept", "used", "foreign", None]


def test_a_container_of_an_image_that_somebody_made_of_ours_stays(
    engine: Engine, leave: Callable[..., str]
) -> None:
    """It inherits every label, a dead owner's too; but they name another container."""
    left = leave()
    committed = engine.commit_container(left)
    engine.remove_container(left)
    stranger = engine.create_container({"Image": committed, "Cmd": ["sleep", "1"]})
    try:
        (verdict,) = [verdict for each, verdict in survey(engine) if each.id == stranger]
        assert verdict.standing == "foreign"
        sweep(engine, seconds=10)
        assert engine.inspect_container(stranger) is not None
    finally:
        engine.remove_container(stranger)
        engine.remove_image(committed, force=True)


def test_an_engine_that_is_slow_to_list_delays_a_start_by_two_seconds_at_most(
    image: str, run: str, tmp_path: Path
) -> None:
    with SlowProxy(tmp_path, b"/containers/json?all=1", 20.0).serving() as slow:
        seconds = start_in_a_new_process(image, run, slow.address)
    assert slow.held.is_set()
    assert seconds < 10


def test_the_sweep_is_made_once_in_a_process(
    engine: Engine, image: str, run: str, leave: Callable[..., str]
) -> None:
    """A pool of a hundred containers lists nothing a hundred times."""
    options = ContainerOptions(image=image, network="none", labels={KEY: run})
    with ContainerManager(engine) as manager:
        manager.start(options)
    left = leave()
    with ContainerManager(engine) as manager:
        manager.start(options)
        assert engine.inspect_container(left) is not None


def test_a_name_that_a_process_died_with_after_our_sweep_is_free(
    engine: Engine, image: str, run: str, leave: Callable[..., str]
) -> None:
    """What was to be kept has its name still."""
    options = ContainerOptions(image=image, network="none", labels={KEY: run})
    named = dataclasses.replace(options, name=f"toolkit-test-{run}")
    with ContainerManager(engine) as manager:
        manager.start(options)
        left = leave()
        assert manager.start(named).id != left
        assert engine.inspect_container(left) is None
    kept = leave(kept=True)
    with ContainerManager(engine) as manager:
        with pytest.raises(StartError, match="which was kept"):
            manager.start(named)
        assert engine.inspect_container(kept) is not None


def test_a_container_knows_whose_it_is(engine: Engine, image: str, run: str) -> None:
    """What the sweep reads is what was written."""
    with ContainerManager(engine) as manager:
        options = ContainerOptions(image=image, network="none", labels={KEY: run})
        container = manager.start(options)
        (found,) = [pair for pair in survey(engine) if pair[0].id == container.id]
        belonging, verdict = found
        assert (belonging.kind, belonging.name, belonging.state) == (
            "container",
            container.name,
            "running",
        )
        assert verdict.standing == "used"
        assert verdict.reason == f"process {os.getpid()} uses it"
        expires = int(belonging.labels[label.EXPIRES])
        assert 6 * 86400 < expires - time.time() < 8 * 86400
