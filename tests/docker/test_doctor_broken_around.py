"""What an engine is given and reaches: images, a registry, an index, a clock, each broken for real.

Each is told by its own check and no other, and is well after its fix.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.docker.conftest import RUN
from tests.docker.doctoring import doctor, examined, pasted, unsteered
from tests.docker.relay import Relay
from toolkit.engine import Engine
from toolkit.reference import ImageReference

pytestmark = pytest.mark.docker

LOGIN = "ann:s3cret"
DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return unsteered(os.environ, str(tmp_path))


@pytest.fixture
def name(first_engine: Engine) -> Iterator[str]:
    """The name of an image that a test makes."""
    unique = f"toolkit-test-{RUN}-doctor:1"
    yield unique
    first_engine.remove_image(unique)


def test_an_image_that_is_not_there(
    env: dict[str, str], name: str, base_image: str, first_engine: Engine
) -> None:
    usual = set(doctor(env))
    problems = doctor(env, "--image", name)
    assert set(problems) - usual == {"image.present"}
    assert problems["image.present"]["fix"]["commands"] == [f"docker pull {name}"]
    first_engine.tag_image(base_image, ImageReference.parse(name))  # as a pull would
    assert set(doctor(env, "--image", name)) - usual == set()


def test_an_image_without_python(
    env: dict[str, str], name: str, base_image: str, first_engine: Engine
) -> None:
    """It has a shell, and whatever else the base has."""
    remove = "rm -f $(command -v python3 python) /usr/bin/python3* /usr/local/bin/python*"
    made = first_engine.create_container({"Image": base_image, "Cmd": ["sh", "-c", remove]})
    try:
        first_engine.start_container(made)
        first_engine.wait_container(made, timeout=60)
        image = first_engine.commit_container(made)
    finally:
        first_engine.remove_container(made)
    first_engine.tag_image(image, ImageReference.parse(name))
    deep = ("--deep", "--skip", "net", "--image")
    usual = set(doctor(env, *deep, base_image))
    problems = doctor(env, *deep, name)
    assert set(problems) - usual == {"image.contents"}
    told = problems["image.contents"]
    assert told["why"] == f"image {name} contains no `python`."
    assert "python:3-slim" in told["fix"]["text"]


class Registry(BaseHTTPRequestHandler):
    """Knows every image, and tells nobody who has no login."""

    def do_GET(self) -> None:
        expected = f"Basic {base64.b64encode(LOGIN.encode()).decode()}"
        body = b"{}"
        if self.headers.get("Authorization") != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
        else:
            kind = "application/vnd.docker.distribution.manifest.v2+json"
            body = json.dumps({"schemaVersion": 2, "mediaType": kind}).encode()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Docker-Content-Digest", DIGEST)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


@contextlib.contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def test_a_registry_that_refuses(env: dict[str, str], first_engine: Engine) -> None:
    """The engine itself asks it, which takes this machine's own for one without TLS."""
    if first_engine.endpoint.socket_path is None:
        pytest.skip("the engine is on another machine than the registry")
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Registry)) as port:
        host = f"127.0.0.1:{port}"
        options = ("--check", "net.registry", "--image", f"{host}/a:1")
        problems = doctor(env, *options)
        assert set(problems) == {"net.registry"}
        told = problems["net.registry"]
        assert told["data"]["trouble"] == "denied"
        assert told["fix"]["commands"] == [f"docker login {host}"]
        configuration = Path(env["HOME"]) / ".docker" / "config.json"
        configuration.parent.mkdir()
        login = base64.b64encode(LOGIN.encode()).decode()
        configuration.write_text(json.dumps({"auths": {host: {"auth": login}}}))
        found = examined(env, *options)["net.registry"]
    assert (found["status"], found["summary"]) == (
        "ok",
        f"{host} has {host}/a:1, asked with a login",
    )


@pytest.fixture
def certified(tmp_path: Path, first_engine: Engine) -> Iterator[tuple[str, Path]]:
    """An index with TLS that containers reach, and the bundle with its CA."""
    if first_engine.endpoint.socket_path is None:
        pytest.skip("the engine is on another machine than the index")
    (bridge,) = [each for each in first_engine.list_networks(None) if each["Name"] == "bridge"]
    address = bridge["IPAM"]["Config"][0]["Gateway"]
    key, bundle = tmp_path / "key.pem", tmp_path / "ca.pem"
    asked = ("-subj", "/CN=index", "-addext", f"subjectAltName=IP:{address}")
    making = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    files = ("-keyout", str(key), "-out", str(bundle))
    subprocess.run([*making, *asked, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, key)
    server = ThreadingHTTPServer((address, 0), Registry)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server) as port:
        yield f"https://{address}:{port}/simple/", bundle


def test_a_certificate_that_nobody_trusts(
    env: dict[str, str], base_image: str, certified: tuple[str, Path]
) -> None:
    """A container and a build are asked, and both trust the bundle that the fix names."""
    index, bundle = certified
    env = {**env, "PIP_INDEX_URL": index}
    options = ("--deep", "--check", "net.index", "--check", "net.bridge", "--image", base_image)
    problems = doctor(env, *options)
    assert set(problems) == {"net.index"}
    told = problems["net.index"]
    assert "the certificate fails" in told["summary"]
    (command,) = told["fix"]["commands"]
    place = re.sub("=.*", f"={bundle}", command)  # where this company has it
    found = examined(pasted([place], env), *options)["net.index"]
    host = index.removesuffix("/simple/")
    assert found["summary"] == f"containers reach {host}; builds reach {host}"


def test_a_clock_that_is_off(env: dict[str, str], first_engine: Engine, tmp_path: Path) -> None:
    """The engine's own answer, but for the year."""

    def late(answer: bytes) -> bytes:
        return re.sub(rb'("SystemTime":"20)\d', rb"\g<1>9", answer)

    usual = set(doctor(env))
    with Relay.before(first_engine, tmp_path, changing=late) as (_relay, through):
        address = str(through.endpoint.address)
        problems = doctor({**env, "DOCKER_HOST": address})
        assert set(problems) - usual == {"engine.clock"}
        assert "ahead of this machine's" in problems["engine.clock"]["summary"]
    (tmp_path / "relay.sock").unlink()
    with Relay.before(first_engine, tmp_path) as (_relay, through):  # set right
        assert set(doctor({**env, "DOCKER_HOST": address})) - usual == set()


def test_a_proxy_that_lets_people_look_only(
    env: dict[str, str], first_engine: Engine, tmp_path: Path
) -> None:
    """As a socket proxy does that was not told POST=1: no build goes through it, either."""
    usual = set(doctor(env))
    with Relay.before(first_engine, tmp_path, refusing=b"POST ") as (_relay, through):
        address = str(through.endpoint.address)
        problems = doctor({**env, "DOCKER_HOST": address})
    assert set(problems) - usual == {"endpoint.proxy", "engine.build"}
    told = problems["endpoint.proxy"]
    assert told["why"].startswith("POST /containers/create was refused")
    assert "POST=1" in told["fix"]["text"]
    (tmp_path / "relay.sock").unlink()
    with Relay.before(first_engine, tmp_path):
        assert set(doctor({**env, "DOCKER_HOST": address})) - usual == set()


def test_a_proxy_that_does_not_say_when_somebody_has_gone(
    env: dict[str, str], base_image: str, first_engine: Engine, tmp_path: Path
) -> None:
    """A container that is held by such a connection outlives its owner."""
    options = ("--check", "gc.tether", "--image", base_image)
    with Relay.before(first_engine, tmp_path, deaf=True) as (_relay, through):
        problems = doctor({**env, "DOCKER_HOST": str(through.endpoint.address)}, *options)
    assert set(problems) == {"gc.tether"}
    assert problems["gc.tether"]["fix"]["text"].endswith("reach the engine without that proxy")
    assert doctor(env, *options) == {}
