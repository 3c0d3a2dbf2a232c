"""The engine's verbs on a real engine, and its errors on real bad days."""

from __future__ import annotations

import io
import os
import socket
import tarfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from toolkit.engine import Engine, connect
from toolkit.engine.endpoint import Endpoint
from toolkit.engine.wire import AttachDecoder
from toolkit.errors import (
    EngineError,
    EngineNotFoundError,
    EngineRefusedError,
    EngineUnreachableError,
    PullError,
)
from toolkit.image import local_bases
from toolkit.reference import ImageReference

pytestmark = pytest.mark.docker

RUN = f"toolkit-test-engine={uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The engine; whatever these tests left on it is removed, and nothing may be left."""
    with connect() as found:
        yield found
        left = [one["Id"] for one in found.list_containers(RUN)]
        for container in left:
            found.remove_container(container)
        assert left == []
        assert found.list_images(RUN) == []


@pytest.fixture(scope="module")
def base(engine: Engine) -> str:
    return str(local_bases(engine)[0])


def _config(base: str, *command: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - raw JSON
    key, _, value = RUN.partition("=")
    return {
        "Image": base,
        "Cmd": list(command),
        "Labels": {key: value},
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": "none"}},
        **more,
    }


@pytest.fixture
def container(engine: Engine, base: str) -> Iterator[str]:
    """A container, created and not started, that copies its input and ends with it."""
    made = engine.create_container(_config(base, "sh", "-c", "cat; echo bye >&2; exit 3"))
    yield made
    engine.remove_container(made)


def test_the_engine_says_what_it_is(engine: Engine) -> None:
    engine.ping()
    version = engine.version()
    assert version.flavour in {"docker", "podman"}
    assert version.os == "linux"
    assert tuple(map(int, version.api.split("."))) >= (1, 41)
    assert engine.info()["OSType"] == "linux"


def test_an_image_is_imported_labelled_tagged_found_and_removed(engine: Engine) -> None:
    tar = io.BytesIO()
    tarfile.open(fileobj=tar, mode="w").close()
    tar.seek(0)
    image = engine.import_image(tar, changes=[f"LABEL {RUN}", "ENV A=b"])
    try:
        assert [one["Id"] for one in engine.list_images(RUN)] == [image]
        reference = ImageReference.parse(f"toolkit-test-engine:{uuid.uuid4().hex}")
        engine.tag_image(image, reference)
        found = engine.inspect_image(str(reference))
        assert found is not None
        assert (found["Id"], found["Config"]["Env"]) == (image, ["A=b"])
        engine.remove_image(str(reference))
        assert engine.inspect_image(str(reference)) is None
    finally:
        engine.remove_image(image)
    engine.remove_image(image)
    assert engine.inspect_image(image) is None


def test_what_is_no_tar_is_not_imported(engine: Engine) -> None:
    before = len(engine.list_images(RUN))
    with pytest.raises(EngineError, match="importing an image failed: "):
        engine.import_image(io.BytesIO(b"no tar" * 1000), changes=[f"LABEL {RUN}"])
    assert len(engine.list_images(RUN)) == before


def test_an_attached_container_speaks_both_ways_from_its_first_byte(
    engine: Engine, container: str
) -> None:
    """Attached before the start; the half-close ends its input and not its output."""
    stream = engine.attach_container(container)
    engine.start_container(container)
    data = os.urandom(1_000_000)
    sender = threading.Thread(target=lambda: _send(stream, data))
    sender.start()
    decoder = AttachDecoder()
    output = {"stdout": b"", "stderr": b""}
    for received in iter(stream.recv, b""):
        for name, chunk in decoder.feed(received):
            output[name] += chunk
    decoder.close()
    sender.join()
    stream.close()
    assert output == {"stdout": data, "stderr": b"bye\n"}
    assert engine.wait_container(container) == 3


def _send(stream: Any, data: bytes) -> None:  # noqa: ANN401 - a ByteStream
    stream.send(data)
    stream.shut_write()


def test_a_closed_stream_ends_a_tethered_container(engine: Engine, container: str) -> None:
    stream = engine.attach_container(container)
    engine.start_container(container)
    stream.close()
    assert engine.wait_container(container, timeout=60) == 3


def test_a_container_is_found_by_its_label_in_any_state(engine: Engine, container: str) -> None:
    assert [one["Id"] for one in engine.list_containers(RUN)] == [container]
    assert engine.list_containers("toolkit-test-engine=other") == []
    found = engine.inspect_container(container)
    assert found is not None
    assert found["State"]["Status"] == "created"


def test_paths_are_seen_in_a_container_that_was_not_started(engine: Engine, container: str) -> None:
    assert engine.container_path_exists(container, "/etc/passwd")
    assert not engine.container_path_exists(container, "/nothing here")


def test_a_running_container_is_killed_and_its_end_awaited(engine: Engine, base: str) -> None:
    made = engine.create_container(_config(base, "sleep", "100"))
    try:
        engine.start_container(made)
        engine.kill_container(made, "SIGKILL")
        assert engine.wait_container(made, timeout=60) == 137
    finally:
        engine.remove_container(made)


def test_a_wait_has_a_limit_where_one_is_given(engine: Engine, base: str) -> None:
    made = engine.create_container(_config(base, "sleep", "100"))
    try:
        engine.start_container(made)
        with pytest.raises(EngineUnreachableError, match="did not answer in time while waiting"):
            engine.wait_container(made, timeout=0.3)
    finally:
        engine.remove_container(made)


def test_three_threads_may_remove_one_container(engine: Engine, base: str) -> None:
    """One of them does; the others are told "already in progress" or "not found"."""
    for _ in range(3):
        made = engine.create_container(_config(base, "sleep", "100"))
        engine.start_container(made)
        failures: list[BaseException] = []

        def remove(container: str = made, found: list[BaseException] = failures) -> None:
            try:
                engine.remove_container(container)
            except BaseException as error:  # noqa: BLE001 - any one is a failure of the test
                found.append(error)

        threads = [threading.Thread(target=remove) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        engine.remove_container(made)
        assert engine.inspect_container(made) is None


def test_what_the_engine_refuses_keeps_status_and_words(engine: Engine) -> None:
    with pytest.raises(EngineRefusedError) as caught:
        engine.create_container({"Image": "toolkit-test-engine/none:at-all"})
    assert caught.value.status == 404
    assert str(caught.value).startswith("creating a container failed: ")
    assert "none:at-all" in str(caught.value)


def test_a_name_in_use_is_a_conflict(engine: Engine, base: str) -> None:
    name = f"toolkit-test-engine-{uuid.uuid4().hex[:8]}"
    made = engine.create_container(_config(base, "true"), name=name)
    try:
        with pytest.raises(EngineRefusedError, match="is already in use") as caught:
            engine.create_container(_config(base, "true"), name=name)
        assert caught.value.status == 409
    finally:
        engine.remove_container(name)
    assert engine.inspect_container(made) is None


def test_a_registry_that_refuses_connections_is_unreachable(engine: Engine) -> None:
    reference = ImageReference.parse("localhost:1/toolkit-test-engine:1")
    with pytest.raises(PullError) as caught:
        engine.pull(reference)
    assert caught.value.unreachable
    assert caught.value.reference == "localhost:1/toolkit-test-engine:1"
    assert "its registry cannot be reached" in str(caught.value)


def test_a_registry_whose_name_does_not_resolve_is_unreachable(engine: Engine) -> None:
    with pytest.raises(PullError) as caught:
        engine.pull(ImageReference.parse("registry.invalid/x:1"))
    assert caught.value.unreachable


# Bad days of the endpoint.


def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    with connect(f"unix://{tmp_path}/gone.sock") as engine:
        with pytest.raises(EngineNotFoundError) as caught:
            engine.ping()
        assert str(caught.value) == (
            f"no Docker engine at unix://{tmp_path}/gone.sock: the socket does not exist"
        )


def test_a_port_that_nobody_listens_on() -> None:
    with socket.socket() as taken:  # and so nobody else's, but closed
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with (
            connect(f"tcp://127.0.0.1:{port}") as engine,
            pytest.raises(EngineUnreachableError) as caught,
        ):
            engine.ping()
        assert str(caught.value) == (
            f"the Docker engine at tcp://127.0.0.1:{port} cannot be reached: connection refused"
        )


def test_a_host_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with (
        connect("tcp://engine.invalid:2375") as engine,
        pytest.raises(EngineUnreachableError, match="its name cannot be resolved"),
    ):
        engine.ping()


def test_a_context_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(EngineNotFoundError, match="the Docker context `gone`"):
        connect(env={"HOME": str(tmp_path), "DOCKER_CONTEXT": "gone"})


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_socket_that_may_not_be_opened(engine: Engine, tmp_path: Path) -> None:
    """In a child process, which gives its rights up where it has them."""
    engine.ping()
    endpoint = engine.endpoint
    listener = socket.socket(socket.AF_UNIX)
    if os.geteuid() != 0:
        listener.bind(str(tmp_path / "closed.sock"))
        listener.listen()
        (tmp_path / "closed.sock").chmod(0)
        endpoint = Endpoint(f"unix://{tmp_path}/closed.sock", "argument")
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.write(theirs, _ping_without_rights(endpoint).encode())
        os._exit(0)
    os.close(theirs)
    os.waitpid(child, 0)
    listener.close()
    with os.fdopen(ours) as said:
        kind, message, hint = said.read().split("\n")
    assert kind == "EngineUnreachableError"
    assert message == f"the Docker engine at {endpoint} cannot be reached: permission denied"
    assert hint.startswith(("run ", "start this container with `--group-add ", "use an account"))


def _ping_without_rights(endpoint: Endpoint) -> str:
    try:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
        Engine(endpoint).ping()
    except Exception as error:  # noqa: BLE001 - said to the parent, whatever it is
        return f"{type(error).__name__}\n{error}\n{getattr(error, 'hint', '')}"
    return "none\n\n"
