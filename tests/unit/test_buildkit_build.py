"""A build against a server that says what no healthy engine says."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from toolkit.engine import Engine
from toolkit.engine.buildkit import BuildEvent, BuildRequest, RoadTaken, build, road, roads
from toolkit.engine.endpoint import Endpoint
from toolkit.errors import (
    BuildError,
    EngineError,
    EngineRefusedError,
    EngineTooOldError,
    EngineUnreachableError,
)

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
DOCKER = {"Version": "20.10.24", "ApiVersion": "1.41"}
PODMAN = {**DOCKER, "Version": "5.8.6", "Components": [{"Name": "Podman Engine"}]}
REQUEST = BuildRequest(b"context")


def _answer(status: int, *objects: object) -> bytes:
    body = b"\r\n".join(json.dumps(one).encode() for one in objects)
    head = b"HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


NO_SESSION = _answer(404, {"message": "page not found"})
Start = Callable[..., Engine]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A function from what a server says to an engine that talks to it."""
    path = tmp_path / "docker.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    engine = Engine(Endpoint(f"unix://{path}", "argument"), timeout=5)

    def run(built: bytes, *, session: bytes = SWITCH, version: object = DOCKER) -> Engine:
        # Without /grpc: what is said here is said by the answer to POST /build.
        answers = {
            "/version": _answer(200, version),
            "/session": session,
            "/grpc": _answer(403, {"message": "not through this proxy"}),
            "/build": built,
        }
        threading.Thread(target=_serve, args=(listener, answers), daemon=True).start()
        return engine

    yield run
    engine.close()
    listener.close()


def _serve(listener: socket.socket, answers: dict[str, bytes]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_talk, args=(connection, answers), daemon=True).start()


def _talk(connection: socket.socket, answers: dict[str, bytes]) -> None:
    with connection:
        received = b""
        while b"\r\n\r\n" not in received:
            data = connection.recv(65536)
            if not data:
                return
            received += data
        found = (answers[path] for path in answers if path.encode() in received.split()[1])
        said = next(found, _answer(400))
        connection.sendall(said)
        if said == SWITCH:
            while connection.recv(65536):
                pass


def test_an_answer_without_image_and_without_error_is_a_lost_connection(start: Start) -> None:
    with pytest.raises(EngineUnreachableError, match="closed the connection while building"):
        build(start(_answer(200, {"stream": "hello"})), REQUEST, secrets={})


def test_an_answer_that_ends_in_the_middle_is_a_lost_connection(start: Start) -> None:
    with pytest.raises(EngineUnreachableError, match="closed the connection while building"):
        build(start(_answer(200, {"error": "x"})[:-5]), REQUEST, secrets={})


def test_the_image_s_id_is_what_comes_back(start: Start) -> None:
    image = {"id": "moby.image.id", "aux": {"ID": "sha256:1"}}
    assert build(start(_answer(200, image)), REQUEST, secrets={}) == "sha256:1"


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ({"error": "e", "errorDetail": {"message": "detail"}}, "detail"),
        ({"error": "only this"}, "only this"),
        ({"errorDetail": {}}, "the engine does not say why"),
        ({"error": "the token is hunter2"}, "the token is ***"),
    ],
)
def test_an_error_object_is_the_build_s_failure(start: Start, failure: object, words: str) -> None:
    with pytest.raises(BuildError) as caught:
        build(start(_answer(200, failure)), REQUEST, secrets={"t": b"hunter2"})
    assert str(caught.value) == f"the build failed: {words}"


def test_a_build_that_is_refused_at_once_is_a_build_error(start: Start) -> None:
    with pytest.raises(BuildError) as caught:
        build(start(_answer(400, {"message": "bad platform"})), REQUEST, secrets={})
    assert str(caught.value) == "the build failed: bad platform"


@pytest.mark.parametrize(
    "said",
    [{"id": "moby.buildkit.trace", "aux": "%%%"}, {"id": "moby.buildkit.trace", "aux": "/w=="}],
)
def test_progress_that_cannot_be_read_is_our_error(start: Start, said: object) -> None:
    with pytest.raises(EngineError):
        build(start(_answer(200, said)), REQUEST, secrets={})


def test_an_engine_without_sessions_has_no_buildkit(start: Start) -> None:
    with pytest.raises(EngineTooOldError) as caught:
        build(start(b"", session=NO_SESSION), REQUEST, secrets={})
    assert str(caught.value).startswith("the Docker engine 20.10.24 at unix:///")
    assert str(caught.value).endswith(" has no BuildKit, which is required for building images")


def test_podman_has_a_road_of_its_own(start: Start) -> None:
    assert road(start(b"", session=NO_SESSION, version=PODMAN)) == roads.PODMAN


def test_a_podman_that_is_too_old_is_refused(start: Start) -> None:
    engine = start(b"", session=NO_SESSION, version={**PODMAN, "Version": "3.4.4"})
    with pytest.raises(EngineTooOldError) as caught:
        build(engine, REQUEST)
    assert str(caught.value) == (
        f"Podman 3.4.4 at {engine.endpoint} is too old for building images, and 4.0 is required"
    )


def test_what_podman_would_change_is_refused(start: Start) -> None:
    engine = start(b"", session=NO_SESSION, version=PODMAN)
    with pytest.raises(BuildError) as caught:
        build(engine, BuildRequest(b"", labels={"a": "$b"}))
    assert str(caught.value) == "the label 'a' has a value that Podman would change: '$b'"
    with pytest.raises(BuildError) as caught:
        build(engine, REQUEST, secrets={"a,src=b": b""})
    assert str(caught.value) == ("the build secret 'a,src=b' has a name that Podman does not take")


def test_a_session_that_is_refused_for_another_reason_says_so(start: Start) -> None:
    refusal = _answer(403, {"message": "blocked by a socket proxy"})
    with pytest.raises(EngineRefusedError) as caught:
        build(start(b"", session=refusal), REQUEST, secrets={})
    assert str(caught.value) == "opening a build session failed: blocked by a socket proxy"


def test_the_road_is_the_first_event_and_says_what_is_lost(start: Start) -> None:
    image = {"id": "moby.image.id", "aux": {"ID": "sha256:1"}}
    events: list[BuildEvent] = []
    engine = start(_answer(200, image))
    assert build(engine, REQUEST, on_event=events.append) == "sha256:1"
    assert events == [RoadTaken(road(engine))]
    assert road(engine) == roads.BUILD
    assert "errors name no line of the Dockerfile" in roads.BUILD.loses


def test_no_thread_outlives_a_build(start: Start) -> None:
    def sessions() -> list[str]:
        return [one.name for one in threading.enumerate() if one.name.startswith("buildkit")]

    with pytest.raises(BuildError):
        build(start(_answer(200, {"error": "x"})), REQUEST, secrets={})
    assert sessions() == []


def test_the_context_is_in_no_repr() -> None:
    assert "context" not in repr(REQUEST)
