"""Docker-out-of-Docker where the engine is reached by TCP, TLS or ssh, and is the same engine.

It is the same host, so a work dir that both see is shared; what only the application has is copied.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import pytest

from tests.docker.dood.conftest import SOCKET, Run
from tests.docker.dood.test_dood import MADE, TOP, check, content, mounted
from tests.docker.outer import mount
from tests.docker.registries.tokens import certify
from tests.docker.relay import listening
from tests.docker.test_buildkit_native import SSH
from toolkit.engine import Engine

pytestmark = pytest.mark.docker

CERTIFICATES: Final = "/certificates"
Options = Mapping[str, Any]


@pytest.fixture(scope="module")
def gateway(first_engine: Engine) -> str:
    """The host's address, as containers on the engine's bridge have it."""
    with first_engine.open("GET", "/networks/bridge", doing="finding the gateway") as answer:
        found = b"".join(answer.chunks())
    network = json.loads(found)["IPAM"]["Config"][0]
    return str(network.get("Gateway") or next(ip_network(network["Subnet"]).hosts()))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory, gateway: str) -> Path:
    """An authority, the engine's certificate of it, and ours, as docker has them in a folder."""
    folder = tmp_path_factory.mktemp("certificates")
    certify(folder, "ca")
    certify(folder, "engine", by="ca", address=gateway)
    certify(folder, "cert", by="ca", address="127.0.0.1")
    for name, made in (("ca.pem", "ca.crt"), ("cert.pem", "cert.crt"), ("key.pem", "cert.key")):
        (folder / name).write_bytes((folder / made).read_bytes())
        (folder / name).chmod(0o644)
    return folder


@pytest.fixture(params=["tcp", "tls", "ssh"])
def road(
    request: pytest.FixtureRequest, gateway: str, certificates: Path, tmp_path: Path
) -> Iterator[Options]:
    """The options of an application's container that reaches the engine so."""
    if request.param == "ssh":
        program = tmp_path / "ssh"
        program.write_text(f"#!/usr/bin/env python3\n{SSH.partition(chr(10))[2]}")
        program.chmod(0o755)
        environment = {"DOCKER_HOST": "ssh://me@far.example", "TEST_SOCKET": str(SOCKET)}
        places = [mount(f"type=bind,source={program},target=/usr/local/bin/ssh,readonly")]
        yield {"environment": environment, "mounts": places}
        return
    context = _server(certificates) if request.param == "tls" else None
    with listening(SOCKET, gateway, context) as port:
        environment = {"DOCKER_HOST": f"tcp://{gateway}:{port}"}
        if context is not None:
            environment |= {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": CERTIFICATES}
        places = [mount(f"type=bind,source={certificates},target={CERTIFICATES},readonly")]
        yield {"environment": environment, "mounts": places}


def _server(certificates: Path) -> ssl.SSLContext:
    """As `dockerd --tlsverify` has it: who comes without a certificate is sent away."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "engine.crt", certificates / "engine.key")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def test_whatever_leads_to_the_engine(application: Run, road: Options, tmp_path: Path) -> None:
    (host := tmp_path / "host").mkdir()
    options = {**road, "mounts": [*road["mounts"], *mounted(str(host))["mounts"]]}
    answers, warnings = application(
        options,
        {"work_dir": TOP},
        {"work_dir": f"{TOP}/copied", "transfer": "copy"},
        {"work_dir": "/toolkit-test-overlay"},
    )
    check(answers[0], str(host))
    for answer in answers[1:]:
        check(answer, "")
    assert content(host) == {*MADE, "copied", *(f"copied/{name}" for name in MADE)}
    assert {path.stat().st_uid for path in host.rglob("*")} == {0}
    assert not Path("/toolkit-test-overlay").exists()
    assert warnings == ""


def test_a_certificate_of_another_authority_is_an_error(
    application: Run, gateway: str, certificates: Path, tmp_path: Path
) -> None:
    """Nothing is sent to an engine that is not the one that was meant."""
    certify(tmp_path, "ca")
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_bytes((certificates / name).read_bytes())
    (tmp_path / "ca.crt").rename(tmp_path / "ca.pem")
    with listening(SOCKET, gateway, _server(certificates)) as port:
        environment = {
            "DOCKER_HOST": f"tcp://{gateway}:{port}",
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": CERTIFICATES,
        }
        places = [mount(f"type=bind,source={tmp_path},target={CERTIFICATES},readonly")]
        options = {"environment": environment, "mounts": places}
        (answer,), _ = application(options, {"work_dir": "/work"})
    assert "certificate" in answer["error"]
