"""The application itself in a container, with the engine's socket: whose its leftovers are."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

import toolkit
from tests.docker.outer import ran
from toolkit.engine import Engine, connect
from toolkit.image import local_bases
from toolkit.lifecycle import sweep

pytestmark = pytest.mark.docker

KEY = "toolkit-test-inside"
RUN = uuid.uuid4().hex
SOCKET = "/var/run/docker.sock"
PACKAGES = Path(docker.__file__).parent.parent
SOURCE = Path(toolkit.__file__).parent
APPLICATION = """
import sys
from toolkit.engine import connect
from toolkit.lifecycle import survey
from toolkit.host_path import own_container
from toolkit.lifecycle.ownership import ownership
image, key, run, name = sys.argv[1:]
engine = connect()
me = own_container(engine)
labels = {key: run, **ownership("s", name, role="executor", kept=False, container=me)}
engine.create_container({"Image": image, "Cmd": ["sleep", "1"], "Labels": labels}, name=name)
(verdict,) = [verdict for each, verdict in survey(engine) if each.name == name]
print(me, verdict.standing)
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with connect() as found:
        yield found
        assert found.list_containers(f"{KEY}={RUN}") == []


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    return str(local_bases(engine)[0])


@pytest.mark.parametrize("network", ["bridge", "host", "none"])
def test_what_an_application_in_a_container_has_left_goes_when_that_container_is_gone(
    engine: Engine, image: str, network: str
) -> None:
    """Its processes cannot be looked for from outside; its container can. The file names it."""
    name = f"toolkit-test-inside-{uuid.uuid4().hex[:8]}"
    said, _ = ran(
        image,
        ["python3", "-B", "-c", APPLICATION, image, KEY, RUN, name],
        name=f"{name}-app",
        labels={KEY: RUN},
        network_mode=network,
        hostname="other" if network != "host" else None,
        volumes=[f"{SOURCE}:/app/toolkit:ro", f"{PACKAGES}:/packages:ro", f"{SOCKET}:{SOCKET}"],
        environment={"PYTHONPATH": "/app:/packages"},
    )
    me, standing = said.split()
    assert (len(me), standing) == (64, "used")
    assert engine.inspect_container(me) is None
    sweep(engine, seconds=10)
    assert engine.inspect_container(name) is None
