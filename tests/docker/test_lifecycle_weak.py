"""Where the tether is weak: a network that is lost, an engine that loses volumes."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator

import pytest

from tests.docker.conftest import of_this_run
from tests.docker.slow_proxy import SlowProxy
from toolkit import labels as label
from toolkit.container import ContainerOptions
from toolkit.engine import Engine, connect
from toolkit.errors import ContainerError
from toolkit.image import local_bases
from toolkit.lifecycle import ContainerManager
from toolkit.lifecycle.engines import TTL, is_elsewhere

pytestmark = pytest.mark.docker

KEY = "toolkit-test-weak"
RUN = uuid.uuid4().hex[:8]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with connect() as found:
        yield found
        assert of_this_run(found.list_containers(KEY), KEY, RUN) == []


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    return str(local_bases(engine)[0])


@pytest.fixture
def run() -> str:
    return f"{RUN}-{uuid.uuid4().hex}"


def until_gone(engine: Engine, run: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while engine.list_containers(f"{KEY}={run}") and time.monotonic() < deadline:
        time.sleep(0.05)
    return engine.list_containers(f"{KEY}={run}") == []


def test_over_a_network_a_container_has_a_time_to_live(image: str, run: str) -> None:
    with (
        SlowProxy(None, b"never", 0).serving() as proxy,
        connect(proxy.address) as far,
        ContainerManager(far) as manager,
    ):
        options = ContainerOptions(image=image, network="none", labels={KEY: run})
        container = manager.start(options)
        assert container.options.ttl == TTL
        assert container.run(["echo", "far"]).stdout == b"far\n"


def test_a_local_engine_is_one_under_the_same_kernel(engine: Engine, image: str, run: str) -> None:
    """A forwarded socket is local, too, and tells as little of a lost network as a port does."""
    with ContainerManager(engine) as manager:
        options = ContainerOptions(image=image, network="none", labels={KEY: run})
        assert manager.start(options).options.ttl == 0
    info = engine.info()
    assert not is_elsewhere(info)
    assert is_elsewhere({**info, "KernelVersion": f"{info['KernelVersion']}-other"})
    assert is_elsewhere({**info, "MemTotal": info["MemTotal"] + 4096})
    assert not is_elsewhere({})


def test_a_container_whose_client_was_cut_off_without_a_word_ends_by_itself(
    engine: Engine, image: str, run: str
) -> None:
    """Neither end hears of it from its kernel; and it lives on as long as we are heard."""
    with SlowProxy(None, b"never", 0).serving() as proxy, connect(proxy.address) as far:
        manager = ContainerManager(far)
        options = ContainerOptions(image=image, network="none", labels={KEY: run}, ttl=2.0)
        container = manager.start(options)
        time.sleep(5)
        assert container.run(["echo", "alive"]).stdout == b"alive\n"
        proxy.fall_silent()
        assert until_gone(engine, run, 8)
        proxy.hang_up()
        with pytest.raises(ContainerError):
            container.run(["true"])
        manager.forget()


def test_a_volume_that_an_image_declares_is_known_as_ours_and_goes_with_the_container(
    engine: Engine, image: str, run: str
) -> None:
    """An engine that is killed forgets whose a volume without a name was."""
    config = {"Image": image, "Labels": {KEY: run}}
    source = engine.create_container(config)
    params = {"container": source, "changes": "VOLUME /data"}
    with engine.open("POST", "/commit", doing="committing", params=params) as answer:
        made = json.loads(b"".join(answer.chunks()))["Id"]
    engine.remove_container(source)
    try:
        with ContainerManager(engine) as manager:
            options = ContainerOptions(image=made, network="none", user="4321:4321")
            container = manager.start(options)
            ours = f"{label.SESSION}={manager.session}"
            (volume,) = engine.list_volumes(ours)
            assert volume["Labels"][label.KEEP] == "0"
            assert b" /data " in container.run(["cat", "/proc/mounts"]).stdout
        assert engine.list_volumes(ours) == []
    finally:
        engine.remove_image(made, force=True)
