"""Whole builds at an engine that is made for the tests, by each road, and broken off."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.buildkit_peers import (
    GONE,
    Daemon,
    Listener,
    Served,
    Server,
    answer,
    session_inside,
    unix_listener,
)
from toolkit.engine import Engine
from toolkit.engine.buildkit import (
    BuildEvent,
    BuildRequest,
    Cache,
    RoadTaken,
    StepFailed,
    StepLog,
    StepProgress,
    build,
    road,
    roads,
    wire,
)
from toolkit.engine.endpoint import Endpoint, Tls
from toolkit.errors import BuildError, EngineError, EngineTooOldError, EngineUnreachableError
from toolkit.reference import ImageReference

PEM = Path(__file__).parent.parent / "cases/wire/localhost.pem"
SOLVE = "/moby.buildkit.v1.Control/Solve"
STATUS = "/moby.buildkit.v1.Control/Status"
SESSION = "/moby.buildkit.v1.Control/Session"
PULL = "/moby.upload.v1.Upload/Pull"
SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
SOLVED = wire.encode((1, wire.encode((1, "containerimage.digest"), (2, "sha256:1"))))
CONTEXT = os.urandom(300_000)

Handlers = dict[str, Callable[[Served], None]]


def _status(name: str, log: bytes = b"", error: str = "") -> bytes:
    times = [(5, wire.encode((1, 1))), (6, wire.encode((1, 2)))]
    vertex = wire.encode((1, name), (3, name), *times, *([(7, error)] if error else []))
    logged = [(3, wire.encode((1, name), (3, 1), (4, log)))] if log else []
    return wire.encode((1, vertex), *logged)


class FakeBuildKit:
    """An engine whose Solve asks the session for context and secret, then says that it has built.

    `listener` is the road it has: with it, `Control/Session` on the API's own listener.
    """

    def __init__(self, listener: socket.socket, *, direct: bool, handlers: Handlers) -> None:
        self.sessions: list[Daemon] = []
        self.there = threading.Event()
        self.over = threading.Event()
        self.solved: list[dict[int, Any]] = []
        self.found: list[object] = []
        self.servers: list[Server] = []
        self._ended = threading.Event()
        known = {SOLVE: self.solve, STATUS: self.status, SESSION: self.session, **handlers}

        def serve(connection: socket.socket, early: bytes = b"") -> None:
            self.servers.append(Server(connection, known, early=early))

        self.http = Listener(
            listener,
            upgrades={} if direct else {"/session": self.upgraded, "/grpc": serve},
            direct=serve if direct else None,
        )

    def upgraded(self, connection: socket.socket) -> None:
        self._use(Daemon(connection))

    def session(self, call: Served) -> None:
        assert call.headers["x-docker-expose-session-uuid"]
        with session_inside(call) as daemon:
            self._use(daemon)
            self.over.wait(10)

    def solve(self, call: Served) -> None:
        self.solved.append(dict(wire.fields(call.read() or b"")))
        assert self.there.wait(10)
        daemon = self.sessions[-1]
        self.found.append(daemon.pulled(PULL))
        self.found.append(daemon.ask(SECRET, wire.encode((1, "pw"))))
        call.send(SOLVED)
        call.end()
        self._ended.set()

    def status(self, call: Served) -> None:
        call.send(_status("[1/1] RUN x", b"line of hunter2\n"))
        self._ended.wait(10)
        call.end()

    def close(self) -> None:
        self.over.set()
        self._ended.set()
        self.http.close()
        for each in self.servers:
            each.close()
        for daemon in self.sessions:
            daemon.socket.close()

    def _use(self, daemon: Daemon) -> None:
        self.sessions.append(daemon)
        self.there.set()


Start = Callable[..., tuple[FakeBuildKit, Engine]]


@pytest.fixture(params=["grpc", "listener"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """A function from methods to an engine that has them, by either road."""
    opened: list[FakeBuildKit | Engine] = []

    def run(handlers: Handlers | None = None) -> tuple[FakeBuildKit, Engine]:
        listener = unix_listener(tmp_path / "docker.sock")
        direct = request.param == "listener"
        fake = FakeBuildKit(listener, direct=direct, handlers=handlers or {})
        engine = Engine(Endpoint(f"unix://{tmp_path}/docker.sock", "argument"), timeout=5)
        opened.extend((engine, fake))
        return fake, engine

    yield run
    for each in opened:
        each.close()
    assert _threads() == []


def _threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("buildkit")]


def test_a_build_reads_context_and_secret_and_gives_the_image(start: Start) -> None:
    fake, engine = start()
    events: list[BuildEvent] = []
    image = build(engine, BuildRequest(CONTEXT), secrets={"pw": b"hunter2"}, on_event=events.append)
    assert image == "sha256:1"
    assert fake.found == [(0, CONTEXT), (0, "", wire.encode((1, b"hunter2")))]
    assert isinstance(events[0], RoadTaken)
    assert events[0].road in (roads.GRPC, roads.LISTENER)
    assert [one.line for one in events if isinstance(one, StepLog)] == ["line of ***"]
    assert _threads() == []


def test_a_large_context_is_told_in_bytes(start: Start) -> None:
    _, engine = start()
    events: list[BuildEvent] = []
    context = os.urandom(3_000_000)
    build(engine, BuildRequest(context), on_event=events.append)
    told = [event for event in events if isinstance(event, StepProgress)]
    assert {(each.name, each.part) for each in told} == {
        ("[internal] load remote build context", "context")
    }
    counts = [each.current for each in told]
    assert counts == sorted(set(counts))
    assert counts[-1] >= len(context)


def test_the_road_can_be_asked_for(start: Start) -> None:
    _, engine = start()
    assert road(engine) in (roads.GRPC, roads.LISTENER)
    assert _threads() == []


def _attributes(message: bytes, number: int) -> dict[str, str]:
    entries = [wire.message(value) for key, value in wire.fields(message) if key == number]
    return {wire.text(one.get(1, b"")): wire.text(one.get(2, b"")) for one in entries}


def test_all_of_a_request_is_said_in_buildkit_s_words(start: Start) -> None:
    asked: list[bytes] = []

    def hear(call: Served) -> None:
        asked.append(call.read() or b"")
        call.send(SOLVED)
        call.end()

    _, engine = start({SOLVE: hear, STATUS: lambda call: call.end(5, "no such job")})
    request = BuildRequest(
        b"",
        labels={"a": "b", "big": "x" * 200_000},
        platform="linux/arm64",
        target="one",
        build_args={"A": ""},
        no_cache=True,
        dockerfile="sub/D",
        tags=(ImageReference.parse("x/y"), ImageReference.parse("localhost:5000/z:1")),
        cache_from=(Cache.registry(ImageReference.parse("localhost:5000/c")),),
        cache_to=(Cache.inline(),),
    )
    build(engine, request)
    [said] = asked
    fields = dict(wire.fields(said))
    assert (fields[3], fields[6]) == (b"moby", b"dockerfile.v0")
    assert _attributes(said, 4) == {
        "name": "docker.io/x/y:latest,localhost:5000/z:1",
        "compression": "zstd",
        "compression-level": "1",
    }
    frontend = _attributes(said, 7)
    assert frontend.pop("context") == f"http://buildkit-session/{wire.text(fields[5])}"
    imported = [{"Type": "registry", "Attrs": {"ref": "localhost:5000/c"}}]
    assert json.loads(frontend.pop("cache-imports")) == imported
    assert frontend == {
        "filename": "sub/D",
        "image-resolve-mode": "local",
        "target": "one",
        "platform": "linux/arm64",
        "build-arg:A": "",
        "label:a": "b",
        "label:big": "x" * 200_000,
        "no-cache": "",
    }
    caches = fields[8]
    assert isinstance(caches, bytes)
    kinds = [(number, dict(wire.fields(value))[1]) for number, value in wire.fields(caches)]  # type: ignore[arg-type]
    assert kinds == [(4, b"inline"), (5, b"registry")]


def _details(*lines: int) -> str:
    ranges = [{"start": {"line": lines[0]}, "end": {"line": lines[1]}}]
    source = json.dumps({"info": {"filename": "Dockerfile"}, "ranges": ranges})
    vertex = json.dumps({"digest": "second"})
    parts = [
        (3, wire.encode((1, f"x/errdefs.{kind}+json"), (2, said)))
        for kind, said in (("Source", source), ("Vertex", vertex))
    ]
    return base64.b64encode(wire.encode((1, 2), (2, "x"), *parts)).decode().rstrip("=")


def test_a_failure_has_the_vertex_and_the_lines_that_the_engine_names(start: Start) -> None:
    """Also what is told after Solve has failed: the log often comes with the failure."""
    failed = threading.Event()

    def fail(call: Served) -> None:
        call.end(2, "hunter2: exit code: 3", details=_details(5, 7))
        failed.set()

    def late(call: Served) -> None:
        call.send(_status("first", error="exit code: 1"))
        failed.wait(10)
        call.send(_status("second", b"its log\n", "exit code: 3"))
        call.end()

    _, engine = start({SOLVE: fail, STATUS: late})
    events: list[BuildEvent] = []
    with pytest.raises(BuildError) as caught:
        build(engine, BuildRequest(b""), secrets={"pw": b"hunter2"}, on_event=events.append)
    error = caught.value
    assert str(error) == "the build failed at second: its command ended with exit code 3"
    assert (error.step, error.log, error.lines) == ("second", ("its log",), (5, 7))
    assert [one.name for one in events if isinstance(one, StepFailed)] == ["first", "second"]


def test_a_status_that_ends_too_early_is_asked_for_again(start: Start) -> None:
    """As by an engine that is too busy to have begun the build when it is asked about it."""
    asked: list[bytes | None] = []
    told = threading.Event()

    def status(call: Served) -> None:
        asked.append(call.read())
        if len(asked) == 1:
            call.end(5, "no such job")
            return
        call.send(_status("first", error="exit code: 1"))
        call.end()
        told.set()

    def fail(call: Served) -> None:
        told.wait(10)
        call.end(2, "exit code: 1")

    _, engine = start({SOLVE: fail, STATUS: status})
    with pytest.raises(BuildError) as caught:
        build(engine, BuildRequest(b""))
    assert caught.value.step == "first"
    assert asked[0] == asked[1]


def test_a_failure_without_a_vertex_is_masked(start: Start) -> None:
    def fail(call: Served) -> None:
        call.end(3, "bad platform hunter2")

    _, engine = start({SOLVE: fail, STATUS: lambda call: call.end(5, "no such job")})
    with pytest.raises(BuildError) as caught:
        build(engine, BuildRequest(b""), secrets={"pw": b"hunter2"})
    assert str(caught.value) == "the build failed: bad platform ***"
    assert caught.value.lines is None


def test_a_failure_without_words_has_its_code(start: Start) -> None:
    _, engine = start({SOLVE: lambda call: call.end(8), STATUS: Served.end})
    with pytest.raises(BuildError, match=r"the build failed: gRPC code 8"):
        build(engine, BuildRequest(b""))


def test_a_status_that_never_ends_ends_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.engine.buildkit.solving._AFTER", 0.2)
    _, engine = start({STATUS: lambda call: call.begin()})
    assert build(engine, BuildRequest(CONTEXT)) == "sha256:1"


def test_a_listener_who_is_slow_hears_everything(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only silence counts once the build has ended: what waits to be heard is no silence."""
    monkeypatch.setattr("toolkit.engine.buildkit.solving._AFTER", 1.0)
    calls: dict[str, Served] = {}

    def both(call: Served) -> None:
        calls[call.headers[":path"]] = call
        if len(calls) == 2:
            calls[SOLVE].end(2, "exit code: 3")
            for line in (b"first", b"second", b"third"):
                calls[STATUS].send(_status("[1/1] RUN x", line + b"\n"))
            calls[STATUS].send(_status("[1/1] RUN x", error="exit code: 3"))
            calls[STATUS].end()

    def listen(event: BuildEvent) -> None:
        if isinstance(event, StepLog) and event.line == "first":
            time.sleep(1.1)

    _, engine = start({SOLVE: both, STATUS: both})
    with pytest.raises(BuildError) as caught:
        build(engine, BuildRequest(b""), on_event=listen)
    assert caught.value.log == ("first", "second", "third")


def test_progress_that_says_nothing_for_ever_ends_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As engine 20.10 does behind more than 1 MiB of a log that it has to tell at once."""
    monkeypatch.setattr("toolkit.engine.buildkit.solving._AFTER", 0.2)
    over = threading.Event()

    def flood(call: Served) -> None:
        while not over.wait(0.01):
            call.send(b"")

    _, engine = start({SOLVE: lambda call: call.end(2, "exit code: 7"), STATUS: flood})
    with pytest.raises(BuildError) as caught:
        build(engine, BuildRequest(b""))
    over.set()
    assert str(caught.value) == "the build failed: its command ended with exit code 7"


def test_a_session_that_is_lost_ends_the_build(start: Start) -> None:
    """The calls are well, but the engine could ask nothing any more."""
    fake: list[FakeBuildKit] = []

    def lose(_call: Served) -> None:
        assert fake[0].there.wait(10)
        fake[0].sessions[-1].socket.close()

    made, engine = start({SOLVE: lose, STATUS: lambda call: call.begin()})
    fake.append(made)
    with pytest.raises(EngineUnreachableError) as caught:
        build(engine, BuildRequest(b""))
    assert str(caught.value).endswith("closed the connection while building an image")


def test_a_success_without_an_image_is_none(start: Start) -> None:
    def nothing(call: Served) -> None:
        call.send(b"")
        call.end()

    _, engine = start({SOLVE: nothing, STATUS: Served.end})
    with pytest.raises(EngineError) as caught:
        build(engine, BuildRequest(b""))
    assert str(caught.value).endswith("has built the image and does not say its id")
    assert caught.value.hint == "give the image a tag, and look for it by that"


@pytest.mark.parametrize("said", [b"\xff", b"\x0a\x7f"])
def test_progress_that_cannot_be_read_ends_the_build(start: Start, said: bytes) -> None:
    _, engine = start({STATUS: lambda call: call.send(said)})
    with pytest.raises(EngineError):
        build(engine, BuildRequest(CONTEXT))


def test_a_connection_that_breaks_off_is_a_lost_one(start: Start) -> None:
    _, engine = start({SOLVE: lambda call: call.server.close()})
    with pytest.raises(EngineUnreachableError) as caught:
        build(engine, BuildRequest(b""))
    assert str(caught.value).endswith("closed the connection while building an image")


class Unreadable:
    """A context that breaks off."""

    def __iter__(self) -> Iterator[bytes]:
        yield CONTEXT
        raise FileNotFoundError("requirements.txt")


def test_a_context_that_cannot_be_read_fails_with_its_own_error(start: Start) -> None:
    """The engine only knows that it did not get it."""

    def pull(call: Served) -> None:
        fake.there.wait(10)
        code, _ = fake.sessions[-1].pulled(PULL)
        call.end(code, "failed to read the context")

    fake, engine = start({SOLVE: pull, STATUS: Served.end})
    with pytest.raises(FileNotFoundError, match=r"requirements\.txt"):
        build(engine, BuildRequest(Unreadable()))


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ZeroDivisionError])
def test_whatever_ends_the_caller_ends_the_calls_first_and_every_thread(
    start: Start, kind: type[BaseException]
) -> None:
    def listen(event: BuildEvent) -> None:
        if not isinstance(event, RoadTaken):
            raise kind

    never = threading.Event()
    fake, engine = start({SOLVE: lambda _call: bool(never.wait(5)) or None})
    with pytest.raises(kind):
        build(engine, BuildRequest(b""), on_event=listen)
    assert _threads() == []
    assert all(server.over.wait(5) for server in fake.servers)
    never.set()


def test_a_listener_that_raises_at_once_leaves_nothing(start: Start) -> None:
    def listen(_event: BuildEvent) -> None:
        raise KeyboardInterrupt

    _, engine = start()
    with pytest.raises(KeyboardInterrupt):
        build(engine, BuildRequest(b""), on_event=listen)
    assert _threads() == []


# What is no road.


def _bare(path: Path, said: bytes | None) -> Engine:
    """An engine without /session that says this to whoever begins with HTTP/2."""

    def direct(connection: socket.socket, _early: bytes) -> None:
        with connection, contextlib.suppress(OSError):
            if said is not None:
                connection.sendall(said)
                connection.recv(1)

    Listener(unix_listener(path), direct=direct)
    return Engine(Endpoint(f"unix://{path}", "argument"), timeout=5)


@pytest.mark.parametrize(
    "said", [None, answer(400, {}), b"HTTP/1.1 505 No\r\n\r\n", GONE, bytes(100)]
)
def test_an_engine_that_has_no_road_is_refused(tmp_path: Path, said: bytes | None) -> None:
    with (
        _bare(tmp_path / "docker.sock", said) as engine,
        pytest.raises(EngineTooOldError) as caught,
    ):
        build(engine, BuildRequest(b""))
    assert str(caught.value) == (
        f"the Docker engine 99.0 at unix://{tmp_path}/docker.sock has no BuildKit, which is"
        " required for building images"
    )
    assert _threads() == []


def test_a_listener_without_the_method_is_no_road(tmp_path: Path) -> None:
    fake = FakeBuildKit(
        unix_listener(tmp_path / "docker.sock"),
        direct=True,
        handlers={SESSION: lambda call: call.end(12, "unknown service")},
    )
    with (
        Engine(Endpoint(f"unix://{tmp_path}/docker.sock", "argument")) as engine,
        pytest.raises(EngineTooOldError),
    ):
        road(engine)
    fake.close()


@pytest.mark.parametrize("alpn", ["h2", "http/1.1"])
def test_with_tls_the_listener_must_agree_on_http_2(alpn: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    # As engines do, for HTTP/1.1 clients that name nothing.
    context.set_alpn_protocols([alpn])
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    fake = FakeBuildKit(context.wrap_socket(listener, server_side=True), direct=True, handlers={})
    endpoint = Endpoint(f"tcp://localhost:{port}", "argument", Tls(str(PEM), None, None, True))
    with Engine(endpoint) as engine:
        if alpn == "h2":
            assert build(engine, BuildRequest(CONTEXT)) == "sha256:1"
            assert fake.found[0] == (0, CONTEXT)
        else:
            with pytest.raises(EngineTooOldError):
                build(engine, BuildRequest(CONTEXT))
    fake.close()
