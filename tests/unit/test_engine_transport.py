"""The HTTP client and the upgrade, held against a small server on a Unix socket or over TLS."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from toolkit.engine import Engine
from toolkit.engine.endpoint import Endpoint, Tls
from toolkit.errors import (
    EngineNotFoundError,
    EngineRefusedError,
    EngineTooOldError,
    EngineUnreachableError,
    PushError,
)
from toolkit.reference import ImageReference

PEM = Path(__file__).parent.parent / "cases/wire/localhost.pem"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

Script = Callable[[socket.socket, str], None]


def _json(status: int, value: object) -> bytes:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


class FakeEngine:
    """Answers `GET /version` by itself and hands every other request to the script."""

    def __init__(self, listener: socket.socket, script: Script, *, api: str = "1.41") -> None:
        self._listener = listener
        self._script = script
        self._version = _json(200, {"Version": "0", "ApiVersion": api})
        self.requests: list[str] = []
        self.connections = 0
        self._accept = threading.Thread(target=self._serve, daemon=True)
        self._accept.start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except ssl.SSLError:
                continue
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection:
            while request := _request(connection):
                self.requests.append(request)
                if request.startswith("GET /version"):
                    connection.sendall(self._version)
                else:
                    self._script(connection, request)


def _request(connection: socket.socket) -> str:
    received = b""
    while b"\r\n\r\n" not in received:
        try:
            data = connection.recv(1)
        except OSError:
            return ""
        if not data:
            return ""
        received += data
    return received.decode()


Start = Callable[..., tuple[FakeEngine, Engine]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A function from a script to a running fake and an engine that talks to it."""
    opened: list[FakeEngine | Engine] = []

    def run(script: Script, *, timeout: float = 5, api: str = "1.41") -> tuple[FakeEngine, Engine]:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "docker.sock"))
        listener.listen()
        fake = FakeEngine(listener, script, api=api)
        engine = Engine(Endpoint(f"unix://{tmp_path}/docker.sock", "argument"), timeout=timeout)
        opened.extend((engine, fake))
        return fake, engine

    yield run
    for one in opened:
        one.close()


def _say(*parts: bytes, pause: float = 0.0) -> Script:
    def script(connection: socket.socket, _request: str) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        connection.shutdown(socket.SHUT_WR)

    return script


ANSWERS = {
    "one write": (SWITCH + PREFACE,),
    "two writes": (SWITCH, PREFACE),
    "cut in the preface": (SWITCH + PREFACE[:5], PREFACE[5:]),
    "byte by byte": tuple(bytes([byte]) for byte in SWITCH + PREFACE),
    "much at once": (SWITCH + PREFACE + bytes(300_000),),
}


@pytest.mark.parametrize("parts", ANSWERS.values(), ids=ANSWERS)
def test_no_byte_after_the_upgrade_is_lost(start: Start, parts: tuple[bytes, ...]) -> None:
    _, engine = start(_say(*parts, pause=0.001))
    stream = engine.upgrade("/session", doing="opening a session")
    received = b"".join(iter(stream.recv, b""))
    assert received == b"".join(parts).partition(b"\r\n\r\n")[2]
    stream.close()


def test_an_upgraded_stream_may_be_idle_for_longer_than_an_answer_may_take(start: Start) -> None:
    def script(connection: socket.socket, _request: str) -> None:
        connection.sendall(SWITCH)
        time.sleep(1.5)
        connection.sendall(b"late")

    _, engine = start(script, timeout=1.0)
    stream = engine.upgrade("/session", doing="opening a session")
    assert stream.recv() == b"late"
    stream.close()


def test_an_upgraded_stream_outlives_its_engine_object(start: Start) -> None:
    def script(connection: socket.socket, _request: str) -> None:
        connection.sendall(SWITCH)
        connection.sendall(connection.recv(100))

    _, engine = start(script)
    stream = engine.upgrade("/session", doing="opening a session")
    engine.close()
    stream.send(b"echo")
    assert stream.recv() == b"echo"
    stream.close()


def test_closing_an_upgraded_stream_ends_the_connection(start: Start) -> None:
    ended = threading.Event()

    def script(connection: socket.socket, _request: str) -> None:
        connection.sendall(SWITCH)
        if connection.recv(1) == b"":
            ended.set()

    _, engine = start(script)
    engine.upgrade("/session", doing="opening a session").close()
    assert ended.wait(60)


def test_the_upgrade_asks_an_unversioned_path_for_h2c(start: Start) -> None:
    fake, engine = start(_say(SWITCH))
    headers = {"X-Docker-Expose-Session-Uuid": "id"}
    engine.upgrade("/session", doing="opening a session", headers=headers).close()
    request = fake.requests[-1].lower()
    assert request.startswith("post /session http/1.1")
    for line in ("connection: upgrade", "upgrade: h2c", "x-docker-expose-session-uuid: id"):
        assert f"\r\n{line}\r\n" in request


@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_an_answer_other_than_101_is_refused_with_its_words(start: Start, status: int) -> None:
    _, engine = start(_say(_json(status, {"message": "page not found"})))
    with pytest.raises(EngineRefusedError) as caught:
        engine.upgrade("/session", doing="opening a session")
    assert str(caught.value) == "opening a session failed: page not found"
    assert caught.value.status == status


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
def test_a_connection_that_ends_too_early_is_unreachable(start: Start, sent: bytes) -> None:
    _, engine = start(_say(sent))
    with pytest.raises(EngineUnreachableError, match="closed the connection while"):
        engine.info()


def test_an_answer_that_never_comes_is_unreachable(start: Start) -> None:
    _, engine = start(lambda _connection, _request: time.sleep(1), timeout=0.2)
    with pytest.raises(EngineUnreachableError, match="did not answer in time while"):
        engine.info()


def test_what_is_no_docker_engine_is_named(start: Start) -> None:
    _, engine = start(_say(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"))
    with pytest.raises(EngineUnreachableError, match="is not a Docker engine"):
        engine.info()


def test_the_engine_s_words_and_status_are_kept(start: Start) -> None:
    _, engine = start(_say(_json(409, {"message": "Conflict. The name is in use"})))
    with pytest.raises(EngineRefusedError) as caught:
        engine.create_container({})
    assert str(caught.value) == "creating a container failed: Conflict. The name is in use"
    assert caught.value.status == 409


def test_podman_s_words_of_a_push_that_failed_are_found(start: Start) -> None:
    """It answers with what would be an object of the stream, had it begun one."""
    said = {"errorDetail": {"message": "connection refused"}, "error": "connection refused"}
    _, engine = start(_say(_json(500, said)))
    with pytest.raises(PushError) as caught:
        engine.push(ImageReference.parse("r.example/x:1"))
    assert str(caught.value) == (
        "the image r.example/x:1 could not be pushed: its registry cannot be reached: connection"
        " refused"
    )


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (204, ""),
        (404, "No such container: x"),
        (409, "removal of container x is already in progress"),
        (500, "no container with name or ID x found: no such container"),
        (500, "container x does not exist in database: no such container"),
    ],
)
def test_a_container_that_is_gone_or_going_counts_as_removed(
    start: Start, status: int, message: str
) -> None:
    fake, engine = start(_say(_json(status, {"message": message}) if message else _json(204, 0)))
    engine.remove_container("x")
    assert fake.requests[-1].startswith("DELETE /v1.41/containers/x?force=1&v=1 ")


@pytest.mark.parametrize("refusals", [1, 3, 4])
def test_a_container_whose_end_the_engine_has_not_heard_of_is_removed_once_more(
    start: Start, refusals: int
) -> None:
    """Docker under load: it has listened for ten seconds, and the process is dying."""
    words = "cannot remove container x: tried to kill container, but did not receive an exit event"
    answers = [*[_json(500, {"message": words})] * refusals, _json(204, 0)]
    fake, engine = start(lambda connection, _request: connection.sendall(answers.pop(0)))
    if refusals == 4:
        with pytest.raises(EngineRefusedError, match="did not receive an exit event"):
            engine.remove_container("x")
    else:
        engine.remove_container("x")
    assert len([each for each in fake.requests if "DELETE" in each]) == min(refusals + 1, 4)


@pytest.mark.parametrize(
    ("status", "message"), [(409, "container is paused"), (500, "driver failed"), (403, "no")]
)
def test_any_other_answer_to_a_removal_is_an_error(start: Start, status: int, message: str) -> None:
    _, engine = start(_say(_json(status, {"message": message})))
    with pytest.raises(EngineRefusedError, match=message):
        engine.remove_container("x")


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "No such container: x"),
        (500, "container x does not exist in database: no such container"),
    ],
)
def test_a_container_that_is_gone_or_going_is_not_there(
    start: Start, status: int, message: str
) -> None:
    """Podman answers 500 while it removes one."""
    _, engine = start(_say(_json(status, {"message": message})))
    assert engine.inspect_container("x") is None


def test_a_container_that_cannot_be_inspected_is_an_error(start: Start) -> None:
    _, engine = start(_say(_json(500, {"message": "driver failed"})))
    with pytest.raises(EngineRefusedError, match="driver failed"):
        engine.inspect_container("x")


def test_an_answer_that_is_closed_wakes_the_thread_that_reads_it(start: Start) -> None:
    def script(connection: socket.socket, _request: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        connection.recv(1)

    _, engine = start(script)
    answer = engine.open("GET", "/events", doing="listening")
    read: list[bytes] = []
    ended = threading.Event()

    def listen() -> None:
        with contextlib.suppress(EngineUnreachableError):
            read.extend(answer.chunks())
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    while not read:
        time.sleep(0.01)
    time.sleep(0.05)
    answer.close()
    assert ended.wait(60)
    assert read == [b"x"]


def test_an_engine_below_the_oldest_api_is_too_old(start: Start) -> None:
    _, engine = start(_say(), api="1.40")
    with pytest.raises(EngineTooOldError) as caught:
        engine.ping()
    assert str(caught.value).endswith("offers API 1.40, and API 1.41 is required")
    assert caught.value.hint == "upgrade the engine to Docker 20.10 or newer"


def test_the_engine_s_own_api_version_is_used_and_asked_for_once(start: Start) -> None:
    fake, engine = start(_keep_alive, api="1.52")
    engine.ping()
    thread = threading.Thread(target=engine.ping)
    thread.start()
    thread.join()
    asked = [request.split(" HTTP")[0] for request in fake.requests]
    assert asked == ["GET /version", "GET /v1.52/_ping", "GET /v1.52/_ping"]


def _keep_alive(connection: socket.socket, _request: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")


def test_one_connection_serves_one_request_after_another(start: Start) -> None:
    fake, engine = start(_keep_alive)
    for _ in range(5):
        engine.ping()
    assert fake.connections == 1


def test_a_connection_that_the_engine_closed_meanwhile_is_not_used_again(start: Start) -> None:
    """As after an engine's restart, or behind a socket proxy that ends idle connections."""
    _, engine = start(_say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"))
    for _ in range(3):
        engine.ping()
        time.sleep(0.05)


def test_nothing_is_sent_before_the_first_verb(start: Start) -> None:
    fake, engine = start(_keep_alive)
    time.sleep(0.05)
    assert fake.connections == 0
    engine.ping()
    assert fake.connections == 1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_uses_a_connection_of_its_own(start: Start) -> None:
    fake, engine = start(_keep_alive)
    engine.ping()
    child = os.fork()
    if not child:
        try:
            engine.ping()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    engine.ping()
    assert fake.connections == 2


def test_a_missing_a_dead_and_a_wrong_socket_are_told_apart(tmp_path: Path) -> None:
    dead = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(dead))
    (tmp_path / "file").touch()
    expected = {
        tmp_path / "gone.sock": (EngineNotFoundError, "the socket does not exist"),
        dead: (EngineUnreachableError, "nothing listens on the socket, its engine has stopped"),
        tmp_path: (EngineUnreachableError, "the path is a directory, not a socket"),
        tmp_path / "file": (EngineUnreachableError, "connection refused"),
    }
    for path, (kind, words) in expected.items():
        with (
            Engine(Endpoint(f"unix://{path}", "argument")) as engine,
            pytest.raises(kind) as caught,
        ):
            engine.ping()
        assert str(caught.value).endswith(words)
        assert caught.value.hint


@pytest.fixture
def tls_engine() -> Iterator[Callable[[Tls], Engine]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    secured = context.wrap_socket(listener, server_side=True)
    fake = FakeEngine(secured, _say(SWITCH + PREFACE))
    engines: list[Engine] = []

    def make(tls: Tls) -> Engine:
        engines.append(Engine(Endpoint(f"tcp://127.0.0.1:{port}", "argument", tls), timeout=5))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()
    fake.close()


def test_the_endpoint_s_own_ca_wins_over_the_environment(
    tls_engine: Callable[[Tls], Engine], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With docker-py alone REQUESTS_CA_BUNDLE wins, and a private CA is refused."""
    bundle = tmp_path / "other.pem"
    bundle.write_text("")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    engine = tls_engine(Tls(str(PEM), None, None, verify=True))
    stream = engine.upgrade("/session", doing="opening a session")
    assert b"".join(iter(stream.recv, b"")) == PREFACE
    stream.close()


def test_a_certificate_that_is_not_trusted_is_named(
    tls_engine: Callable[[Tls], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    engine = tls_engine(Tls(None, None, None, verify=True))
    with pytest.raises(EngineUnreachableError, match=r"TLS failed: .*certificate") as caught:
        engine.ping()
    assert caught.value.hint is not None
    assert "DOCKER_CERT_PATH" in caught.value.hint


def test_certificates_that_do_not_exist_are_named() -> None:
    tls = Tls("/gone/ca.pem", "/gone/cert.pem", "/gone/key.pem", verify=True)
    with (
        Engine(Endpoint("tcp://127.0.0.1:1", "argument", tls)) as engine,
        pytest.raises(EngineUnreachableError, match="TLS failed"),
    ):
        engine.ping()


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Script], Engine]]:
    """A function from a script to an engine that is reached by a made-up `ssh`.

    That program does what `docker system dial-stdio` does at the other end.
    """
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "ssh"
    program.write_text(f"#!{sys.executable}\n{SSH}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TEST_SOCKET", str(tmp_path / "docker.sock"))
    monkeypatch.setenv("TEST_ARGUMENTS", str(tmp_path / "arguments"))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "docker.sock"))
    listener.listen()
    opened: list[FakeEngine | Engine] = []

    def make(script: Script) -> Engine:
        engine = Engine(Endpoint("ssh://me@far.example:2222", "argument"), timeout=5)
        opened.extend((engine, FakeEngine(listener, script)))
        return engine

    yield make
    for one in opened:
        one.close()


SSH = """
import os, socket, sys, threading
with open(os.environ["TEST_ARGUMENTS"], "a") as file:
    print(*sys.argv[1:], sep="|", file=file)
far = socket.socket(socket.AF_UNIX)
far.connect(os.environ["TEST_SOCKET"])
def inward():
    while data := far.recv(65536):
        os.write(1, data)
    os._exit(0)
threading.Thread(target=inward).start()
while data := os.read(0, 65536):
    far.sendall(data)
far.shutdown(socket.SHUT_WR)
"""


def _ssh_programs(folder: Path) -> list[str]:
    """The made-up ssh programs that run, by their process ids."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(folder / "bin/ssh").encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


@pytest.mark.parametrize("parts", ANSWERS.values(), ids=ANSWERS)
def test_an_upgrade_by_ssh_loses_no_byte_and_leaves_no_program(
    ssh: Callable[[Script], Engine], tmp_path: Path, parts: tuple[bytes, ...]
) -> None:
    engine = ssh(_say(*parts, pause=0.001))
    stream = engine.upgrade("/session", doing="opening a session")
    assert b"".join(iter(stream.recv, b"")) == b"".join(parts).partition(b"\r\n\r\n")[2]
    stream.close()
    engine.close()
    assert _ssh_programs(tmp_path) == []
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert set(arguments) == {"-l|me|-p|2222|--|far.example|docker system dial-stdio"}


def test_requests_by_ssh_share_a_connection_that_ends_with_the_engine(
    ssh: Callable[[Script], Engine], tmp_path: Path
) -> None:
    engine = ssh(_keep_alive)
    for _ in range(3):
        engine.ping()
    assert len(_ssh_programs(tmp_path)) == 1
    engine.close()
    assert _ssh_programs(tmp_path) == []


def test_a_closed_stream_by_ssh_ends_its_program(
    ssh: Callable[[Script], Engine], tmp_path: Path
) -> None:
    engine = ssh(lambda connection, _request: connection.sendall(SWITCH))
    stream = engine.upgrade("/session", doing="opening a session")
    assert len(_ssh_programs(tmp_path)) == 1
    stream.close()
    assert _ssh_programs(tmp_path) == []


def test_a_bare_connection_by_ssh_is_one(ssh: Callable[[Script], Engine], tmp_path: Path) -> None:
    engine = ssh(_say(b"HTTP/1.1 200 OK\r\n\r\n"))
    stream = engine.dial(doing="testing")
    stream.send(b"GET /x HTTP/1.1\r\n\r\n")
    assert b"".join(iter(stream.recv, b"")) == b"HTTP/1.1 200 OK\r\n\r\n"
    stream.close()
    assert _ssh_programs(tmp_path) == []


@pytest.mark.parametrize("program", ["#!/bin/sh\nexit 255\n", ""])
def test_an_ssh_that_fails_is_an_engine_that_cannot_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """Also where there is none."""
    if program:
        (tmp_path / "ssh").write_text(program)
        (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        Engine(Endpoint("ssh://far.example", "argument"), timeout=5) as engine,
        pytest.raises(EngineUnreachableError) as caught,
    ):
        engine.ping()
    assert str(caught.value) == (
        "the Docker engine at ssh://far.example closed the connection while connecting"
    )
