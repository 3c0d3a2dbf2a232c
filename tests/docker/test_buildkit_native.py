"""What BuildKit's own calls bring, on a real engine: logins, caches, roads, ssh, docker-py."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import http.server
import io
import json
import os
import socket
import ssl
import sys
import tarfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest

from toolkit.container import ContainerOptions
from toolkit.engine import Engine, connect
from toolkit.engine.buildkit import (
    BuildEvent,
    BuildRequest,
    Cache,
    RoadTaken,
    StepCompleted,
    StepLog,
    StepStarted,
    build,
    road,
    roads,
)
from toolkit.engine.endpoint import Endpoint, Tls
from toolkit.errors import BuildError
from toolkit.image import local_bases
from toolkit.lifecycle import ContainerManager
from toolkit.reference import ImageReference

pytestmark = pytest.mark.docker

LABEL, VALUE = "toolkit-test-native", uuid.uuid4().hex
PEM = Path(__file__).parent.parent / "cases/wire/localhost.pem"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The engine; the images that these tests made are removed, and nothing else is touched."""
    with connect() as found:
        yield found
        for image in found.list_images(f"{LABEL}={VALUE}"):
            found.remove_image(image["Id"], force=True)
        assert found.list_images(f"{LABEL}={VALUE}") == []


@pytest.fixture(scope="module")
def base(engine: Engine) -> str:
    return str(local_bases(engine)[0])


@pytest.fixture
def path(engine: Engine) -> str:
    """The engine's socket."""
    assert engine.endpoint.socket_path is not None
    return str(engine.endpoint.socket_path)


def _context(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _request(dockerfile: str, **files: bytes) -> BuildRequest:
    context = _context({"Dockerfile": dockerfile.encode(), **files})
    return BuildRequest(context, labels={LABEL: VALUE})


def _fresh() -> str:
    """A text that no cache has seen."""
    return uuid.uuid4().hex


def _with_secret(base: str) -> BuildRequest:
    return _request(
        f"FROM {base}\nRUN --mount=type=secret,id=pw,required=true"
        f" wc -c </run/secrets/pw; echo {_fresh()}\n"
    )


def _logged(engine: Engine | docker.DockerClient, request: BuildRequest) -> list[str]:
    lines: list[str] = []
    build(
        engine,
        request,
        secrets={"pw": b"hunter2"},
        on_event=lambda event: lines.append(event.line) if isinstance(event, StepLog) else None,
    )
    return lines


def test_a_docker_engine_is_spoken_to_by_grpc_and_the_first_event_says_so(
    engine: Engine, base: str
) -> None:
    events: list[BuildEvent] = []
    build(engine, _request(f"FROM {base}\n"), on_event=events.append)
    assert events[0] == RoadTaken(roads.GRPC)
    assert road(engine) == roads.GRPC


class Large:
    """A context that is made as it is read: a tar of one large file."""

    def __init__(self, dockerfile: str, *, megabytes: int = 16) -> None:
        self._count = megabytes
        self._small = _context({"Dockerfile": dockerfile.encode()})
        self._block = os.urandom(1 << 20)
        self.size = megabytes << 20
        self.digest = hashlib.sha256()
        for _ in range(megabytes):
            self.digest.update(self._block)

    def __iter__(self) -> Iterator[bytes]:
        entry = tarfile.TarInfo("large")
        entry.size = self.size
        yield entry.tobuf()
        for _ in range(self._count):
            yield self._block
        yield self._small


def test_a_large_context_is_read_as_the_engine_takes_it(engine: Engine, base: str) -> None:
    context = Large(
        f"FROM {base}\nRUN --mount=source=large,target=/run/large sha256sum /run/large\n"
    )
    request = BuildRequest(context, labels={LABEL: VALUE})
    assert _logged(engine, request)[0].startswith(context.digest.hexdigest())


def test_a_request_larger_than_the_window_arrives(engine: Engine, base: str) -> None:
    large = "x" * 300_000
    request = BuildRequest(
        _context({"Dockerfile": f"FROM {base}\n".encode()}), labels={LABEL: VALUE, "large": large}
    )
    found = engine.inspect_image(build(engine, request))
    assert found is not None
    assert found["Config"]["Labels"]["large"] == large


def test_a_platform_that_the_base_has_not_is_not_taken_from_it(engine: Engine, base: str) -> None:
    request = BuildRequest(
        _context({"Dockerfile": f"FROM {base}\n".encode()}), platform="linux/s390x"
    )
    with pytest.raises(BuildError):
        build(engine, request)


def test_an_inline_cache_is_in_the_image_and_is_read_from_it(engine: Engine) -> None:
    tag = ImageReference.parse(f"{LABEL}/{_fresh()}:1")
    context = _context({"Dockerfile": f"FROM scratch\nCOPY Dockerfile /{_fresh()}\n".encode()})
    request = BuildRequest(context, labels={LABEL: VALUE}, tags=(tag,), cache_to=(Cache.inline(),))
    build(engine, request)
    kept = b""
    with engine.open("GET", f"/images/{tag}/get", doing="saving an image") as answer:
        found = False
        for chunk in answer.chunks():
            found = found or b"moby.buildkit.cache.v0" in kept + chunk
            kept = chunk[-100:]
    assert found
    events: list[BuildEvent] = []
    request = BuildRequest(context, labels={LABEL: VALUE}, cache_from=(Cache.registry(tag),))
    build(engine, request, on_event=events.append)
    names = [event.name for event in events if isinstance(event, StepCompleted)]
    assert f"importing cache manifest from {tag}" in names


class Unreadable:
    """A context that breaks off."""

    def __iter__(self) -> Iterator[bytes]:
        yield bytes(100_000)
        raise FileNotFoundError("requirements.txt")


def test_a_context_that_cannot_be_read_fails_with_its_own_error(engine: Engine) -> None:
    with pytest.raises(FileNotFoundError, match=r"requirements\.txt"):
        build(engine, BuildRequest(Unreadable()))
    assert [one.name for one in threading.enumerate() if one.name.startswith("buildkit")] == []


# A registry that wants a login, and the places where docker keeps one.

USER, PASSWORD = "somebody", f"hunter-{uuid.uuid4().hex}"


class Registry(http.server.ThreadingHTTPServer):
    """Serves one image to who has the login; `token` asks for the one of a token server."""

    def __init__(self, *, token: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.token = token
        self.asked: list[str] = []
        layer = gzip.compress(_context({"there": os.urandom(8)}), mtime=0)
        diff = hashlib.sha256(gzip.decompress(layer)).hexdigest()
        root = {"type": "layers", "diff_ids": [f"sha256:{diff}"]}
        config = json.dumps(
            {"architecture": _architecture(), "os": "linux", "config": {}, "rootfs": root}
        ).encode()
        self.blobs = {_digest(blob): blob for blob in (layer, config)}
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": kind,
                "config": _described(config, "application/vnd.docker.container.image.v1+json"),
                "layers": [_described(layer, "application/vnd.docker.image.rootfs.diff.tar.gzip")],
            }
        ).encode()
        self.kind = kind

    @property
    def host(self) -> str:
        return f"localhost:{self.server_address[1]}"


def _architecture() -> str:
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _described(blob: bytes, kind: str) -> dict[str, object]:
    return {"mediaType": kind, "size": len(blob), "digest": _digest(blob)}


class _Answers(http.server.BaseHTTPRequestHandler):
    server: Registry
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        basic = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        login = self.headers.get("Authorization", "")
        if path == "/token":
            self._say(200 if login == basic else 401, json.dumps({"token": "t"}).encode())
        elif login != ("Bearer t" if self.server.token else basic):
            self._refuse()
        elif "/manifests/" in path:
            self._say(200, self.server.manifest, self.server.kind)
        else:
            blob = self.server.blobs.get(path.rpartition("/")[2])
            self._say(404 if blob is None else 200, blob or b"")

    do_HEAD = do_GET  # noqa: N815 - the library's

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def _refuse(self) -> None:
        realm = (
            f'Bearer realm="http://{self.server.host}/token",service="x",scope="repository:x:pull"'
        )
        challenge = realm if self.server.token else 'Basic realm="x"'
        self._say(401, b"{}", "application/json", challenge)

    def _say(self, status: int, body: bytes, kind: str = "text/plain", challenge: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", _digest(body))
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture(params=[False, True], ids=["basic", "token"])
def registry(request: pytest.FixtureRequest) -> Iterator[Registry]:
    with Registry(token=request.param) as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield found
        found.shutdown()


def _from(registry: Registry) -> BuildRequest:
    return _request(f"FROM {registry.host}/x:{_fresh()}\nCOPY Dockerfile /{_fresh()}\n")


def _configured(folder: Path, monkeypatch: pytest.MonkeyPatch, **said: object) -> None:
    (folder / "config.json").write_text(json.dumps(said))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


def test_a_base_is_pulled_with_the_login_of_docker_s_configuration(
    engine: Engine, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    _configured(tmp_path, monkeypatch, auths={registry.host: {"auth": login}})
    with connect(engine.endpoint.address) as fresh:
        assert build(fresh, _from(registry)).startswith("sha256:")
    assert any("/blobs/" in path for path in registry.asked)


HELPER = f"""#!{sys.executable}
import json, sys
host = sys.stdin.read().strip()
with open(sys.argv[0] + ".log", "a") as log:
    print(sys.argv[1], host, file=log)
json.dump({{"ServerURL": host, "Username": "{USER}", "Secret": "{PASSWORD}"}}, sys.stdout)
"""


@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_a_credential_helper_is_asked_once_in_a_build(
    engine: Engine,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
) -> None:
    helper = tmp_path / "docker-credential-made-up"
    helper.write_text(HELPER)
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    said = "made-up" if key == "credsStore" else {registry.host: "made-up"}
    _configured(tmp_path, monkeypatch, **{key: said})
    with connect(engine.endpoint.address) as fresh:
        build(fresh, _from(registry))
    assert Path(f"{helper}.log").read_text() == f"get {registry.host}\n"


def test_a_wrong_login_is_named_and_not_shown(engine: Engine, registry: Registry) -> None:
    with pytest.raises(BuildError) as caught:
        build(engine, _from(registry), credentials=lambda _host: (USER, "hunter-wrong"))
    assert "401" in str(caught.value)
    assert "hunter-wrong" not in repr((str(caught.value), caught.value.log, caught.value.hint))


def test_a_base_without_a_login_is_refused(engine: Engine, registry: Registry) -> None:
    with pytest.raises(BuildError, match=r"401|authorization"):
        build(engine, _from(registry), credentials=lambda _host: None)


# Other ways to the same engine.


REFUSED = b"HTTP/1.1 403 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Before:
    """A socket before the engine's; `through` decides by the first bytes of a connection."""

    def __init__(
        self, listener: socket.socket, engine: str, through: Callable[[bytes], bool]
    ) -> None:
        self._listener = listener
        self._engine = engine
        self._through = through
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except ssl.SSLError:
                continue
            except OSError:
                return
            threading.Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near: socket.socket) -> None:
        far = socket.socket(socket.AF_UNIX)
        far.connect(self._engine)
        back = threading.Thread(target=_copy, args=(far, near), daemon=True)
        back.start()
        with near, far:
            while data := _received(near):
                if not self._through(data):
                    near.sendall(
                        b"HTTP/1.1 403 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                    )
                    break
                far.sendall(data)
            for end in (far, near):
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(end, socket.SHUT_RDWR)
            back.join(10)


def _received(end: socket.socket) -> bytes:
    with contextlib.suppress(OSError):
        return end.recv(65536)
    return b""


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        socket.socket.shutdown(target, socket.SHUT_RDWR)


def test_behind_a_proxy_without_grpc_the_build_is_posted(
    path: str, base: str, tmp_path: Path
) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "docker.sock"))
    listener.listen()
    proxy = Before(listener, path, lambda data: not data.startswith(b"POST /grpc"))
    with Engine(Endpoint(f"unix://{tmp_path}/docker.sock", "argument")) as through:
        assert road(through) == roads.BUILD
        tag = ImageReference.parse(f"{LABEL}/{_fresh()}:1")
        request = BuildRequest(_with_secret(base).context, labels={LABEL: VALUE}, tags=(tag,))
        assert _logged(through, request)[0] == "7"
        assert through.inspect_image(str(tag)) is not None
    proxy.close()


def test_over_tls_everything_is_the_same(path: str, base: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    secured = context.wrap_socket(listener, server_side=True)
    proxy = Before(secured, path, lambda _data: True)
    endpoint = Endpoint(
        f"tcp://localhost:{port}", "argument", Tls(str(PEM), None, None, verify=True)
    )
    with Engine(endpoint) as through:
        assert road(through) == roads.GRPC
        context_of = Large(
            f"FROM {base}\nRUN --mount=source=large,target=/l sha256sum /l\n", megabytes=4
        )
        request = BuildRequest(context_of, labels={LABEL: VALUE})
        assert _logged(through, request)[0].startswith(context_of.digest.hexdigest())
    proxy.close()


SSH = f"""#!{sys.executable}
import os, socket, sys, threading
assert sys.argv[-1] == "docker system dial-stdio", sys.argv
far = socket.socket(socket.AF_UNIX)
far.connect(os.environ["TEST_SOCKET"])
def inward():
    while data := far.recv(65536):
        while data:
            data = data[os.write(1, data):]
    os._exit(0)
threading.Thread(target=inward).start()
while data := os.read(0, 65536):
    far.sendall(data)
far.shutdown(socket.SHUT_WR)
"""


@pytest.fixture
def by_ssh(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The same engine through a made-up `ssh`, which does what is asked of the real one."""
    program = tmp_path / "ssh"
    program.write_text(SSH)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TEST_SOCKET", path)
    with Engine(Endpoint("ssh://me@far.example", "argument")) as found:
        yield found


def test_by_ssh_everything_is_the_same(by_ssh: Engine, base: str) -> None:
    assert road(by_ssh) == roads.GRPC
    assert _logged(by_ssh, _with_secret(base))[0] == "7"
    seconds = f"300.{uuid.uuid4().int % 10**9:09}"

    def stop(event: BuildEvent) -> None:
        if isinstance(event, StepStarted) and seconds in event.name:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(by_ssh, _request(f"FROM {base}\nRUN sleep {seconds}\n"), on_event=stop)
    with ContainerManager(by_ssh) as manager:
        container = manager.start(ContainerOptions(image=base, network="none"))
        assert container.run(["echo", "by ssh"], timeout=30).stdout == b"by ssh\n"


def test_a_client_of_docker_py_is_enough(path: str, base: str) -> None:
    client = docker.DockerClient(base_url=f"unix://{path}")
    assert _logged(client, _with_secret(base))[0] == "7"
    assert build(client.api, _request(f"FROM {base}\n")).startswith("sha256:")
    client.close()


def test_the_logins_of_a_client_of_docker_py_are_used(
    path: str, registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _configured(tmp_path, monkeypatch)
    client: Any = docker.DockerClient(base_url=f"unix://{path}")
    login = {"username": USER, "password": PASSWORD, "serveraddress": registry.host}
    client.api._auth_configs.add_auth(registry.host, login)
    assert build(client, _from(registry)).startswith("sha256:")
    client.close()
