"""Where a client of docker-py is, and what it is logged in to."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import docker.tls
import pytest

from toolkit import context
from toolkit.engine.adopting import engine_of
from toolkit.engine.buildkit import BuildRequest, build
from toolkit.engine.endpoint import Endpoint, Tls
from toolkit.errors import EngineError

PEM = str(Path(__file__).parent.parent / "cases/wire/localhost.pem")


@pytest.mark.parametrize(
    ("address", "endpoint"),
    [
        ("unix:///run/user/1000/docker.sock", "unix:///run/user/1000/docker.sock"),
        ("tcp://engine.example:2375", "tcp://engine.example:2375"),
    ],
)
def test_the_address_of_a_client_is_found(address: str, endpoint: str) -> None:
    client = docker.DockerClient(base_url=address, version="1.41")
    assert engine_of(client).endpoint == Endpoint(endpoint, "client")
    assert engine_of(client.api).endpoint == Endpoint(endpoint, "client")
    client.close()


@pytest.mark.parametrize("verify", [True, False])
def test_the_certificates_of_a_client_are_found(verify: bool) -> None:
    tls = docker.tls.TLSConfig(client_cert=(PEM, PEM), ca_cert=PEM, verify=verify)
    client = docker.DockerClient(base_url="tcp://engine.example:2376", tls=tls, version="1.41")
    found = engine_of(client).endpoint
    assert found.address == "tcp://engine.example:2376"
    assert found.tls == Tls(PEM if verify else None, PEM, PEM, verify=verify)
    client.close()


def test_a_client_by_ssh_is_found() -> None:
    """docker-py makes one only where paramiko is installed; it keeps the host so."""
    client: Any = docker.DockerClient(base_url="tcp://x:1", version="1.41")
    client.api.base_url = "http+docker://ssh"
    client.api._custom_adapter = SimpleNamespace(ssh_host="me@engine.example:22")
    assert engine_of(client).endpoint == Endpoint("ssh://me@engine.example:22", "client")
    client.api._custom_adapter = None
    client.close()


def test_a_client_in_an_unknown_way_is_refused() -> None:
    client = docker.DockerClient(base_url="tcp://engine.example:2375", version="1.41")
    client.api.base_url = "http+docker://localnpipe"
    with pytest.raises(EngineError) as caught:
        engine_of(client)
    assert str(caught.value) == (
        "a client of http+docker://localnpipe cannot be used for building images"
    )
    client.close()


def test_the_logins_are_the_client_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also those of `client.login`, which are in no file; a token comes without a user."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    client: Any = docker.DockerClient(base_url="tcp://engine.example:2375", version="1.41")
    logins = client.api._auth_configs
    logins.add_auth("localhost:5000", {"username": "me", "password": "hunter2"})
    logins.add_auth("https://index.docker.io/v1/", {"IdentityToken": "hunter2"})
    engine = engine_of(client)
    assert engine.credentials("localhost:5000") == ("me", "hunter2")
    assert engine.credentials("docker.io") == ("", "hunter2")
    assert engine.credentials("elsewhere:5000") is None
    assert "hunter2" not in repr((engine, vars(engine)["endpoint"]))
    client.close()


@pytest.mark.parametrize("what", [object(), docker, None, "unix:///var/run/docker.sock"])
def test_what_is_no_client_is_told_by_its_type(what: object) -> None:
    """The client is the first argument of an entry that is documented."""
    request = BuildRequest(context.pack([]))
    with pytest.raises(TypeError) as caught:
        build(what, request)  # type: ignore[arg-type]  # that is the point
    assert str(caught.value) == (
        "expected toolkit.engine.Engine, docker.DockerClient or docker.APIClient, "
        f"got {type(what).__name__}"
    )
