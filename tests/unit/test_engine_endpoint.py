"""Which engine is chosen, and why: a table over environment, contexts and sockets."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from toolkit.engine import connect
from toolkit.engine.endpoint import Endpoint, Tls, home_folder, resolve
from toolkit.errors import EngineNotFoundError

HOME = Path("/home/me")


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _context(name: str, host: str, **more: object) -> dict[str, bytes]:
    meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, **more}}}
    path = f"/home/me/.docker/contexts/meta/{_key(name)}/meta.json"
    return {path: json.dumps(meta).encode()}


def _current(name: str) -> dict[str, bytes]:
    return {"/home/me/.docker/config.json": json.dumps({"currentContext": name}).encode()}


def _resolve(
    explicit: str | None = None,
    *,
    env: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
    sockets: tuple[str, ...] = ("/var/run/docker.sock",),
) -> Endpoint:
    return resolve(
        explicit,
        env=env or {},
        home=HOME,
        read=lambda path: (files or {}).get(str(path)),
        is_socket=lambda path: str(path) in sockets,
    )


def test_the_default_socket_is_used_where_nothing_else_is_said() -> None:
    assert _resolve() == Endpoint("unix:///var/run/docker.sock", "default")


def test_the_order_is_argument_then_docker_host_then_docker_context_then_current_context() -> None:
    """Each one is taken away in turn, and the next one shows."""
    files = {**_context("a", "unix:///a"), **_context("b", "unix:///b"), **_current("b")}
    env = {"DOCKER_HOST": "unix:///h", "DOCKER_CONTEXT": "a"}
    assert _resolve("unix:///x", env=env, files=files) == Endpoint("unix:///x", "argument")
    assert _resolve(env=env, files=files) == Endpoint("unix:///h", "DOCKER_HOST")
    del env["DOCKER_HOST"]
    assert _resolve(env=env, files=files) == Endpoint("unix:///a", "context a")
    assert _resolve(files=files) == Endpoint("unix:///b", "context b")


def test_an_empty_variable_counts_as_unset() -> None:
    env = {"DOCKER_HOST": "", "DOCKER_CONTEXT": "", "DOCKER_CONFIG": ""}
    assert _resolve(env=env).origin == "default"


def test_the_context_named_default_means_the_default_socket() -> None:
    assert _resolve(env={"DOCKER_CONTEXT": "default"}, files=_current("gone")).origin == "default"
    assert _resolve(files=_current("default")).origin == "default"


def test_a_context_that_is_gone_is_an_error_and_never_the_default_socket() -> None:
    with pytest.raises(EngineNotFoundError) as caught:
        _resolve(env={"DOCKER_CONTEXT": "gone"})
    message = "the Docker context `gone`, named by DOCKER_CONTEXT, does not exist"
    assert (str(caught.value), caught.value.hint) == (message, "unset DOCKER_CONTEXT")
    with pytest.raises(EngineNotFoundError) as caught:
        _resolve(files=_current("gone"))
    named = "/home/me/.docker/config.json"
    assert str(caught.value) == f"the Docker context `gone`, named by {named}, does not exist"
    assert caught.value.hint == "run `docker context use default`"


def test_a_context_whose_file_is_broken_does_not_exist() -> None:
    path = f"/home/me/.docker/contexts/meta/{_key('bad')}/meta.json"
    for content in (b"", b"{", b"[]", b'{"Endpoints": 7}', b'{"Endpoints": {"docker": {}}}'):
        with pytest.raises(EngineNotFoundError):
            _resolve(env={"DOCKER_CONTEXT": "bad"}, files={path: content})


def test_a_configuration_that_cannot_be_read_names_no_context() -> None:
    for content in (b"", b"{", b"[]", b'{"currentContext": 7}', b'{"currentContext": ""}'):
        assert _resolve(files={"/home/me/.docker/config.json": content}).origin == "default"


def test_docker_config_moves_configuration_and_contexts() -> None:
    files = {
        path.replace("/home/me/.docker", "/conf"): content
        for path, content in {**_context("a", "unix:///a"), **_current("a")}.items()
    }
    env = {"DOCKER_CONFIG": "/conf"}
    assert _resolve(env=env, files=files) == Endpoint("unix:///a", "context a")


def test_a_context_brings_its_tls_files() -> None:
    tls = f"/home/me/.docker/contexts/tls/{_key('far')}/docker"
    files = {
        **_context("far", "tcp://far:2376"),
        **{f"{tls}/{name}.pem": b"x" for name in ("ca", "cert", "key")},
    }
    found = _resolve(env={"DOCKER_CONTEXT": "far"}, files=files)
    expected = Tls(f"{tls}/ca.pem", f"{tls}/cert.pem", f"{tls}/key.pem", verify=True)
    assert found == Endpoint("tcp://far:2376", "context far", expected)


def test_a_context_may_skip_verification() -> None:
    files = _context("far", "tcp://far", SkipTLSVerify=True)
    found = _resolve(env={"DOCKER_CONTEXT": "far"}, files=files)
    expected = Tls(None, None, None, verify=False)
    assert found == Endpoint("tcp://far:2376", "context far", expected)


@pytest.mark.parametrize(
    ("env", "tls"),
    [
        ({"DOCKER_TLS_VERIFY": "1"}, ("/home/me/.docker", True)),
        ({"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"}, ("/certs", True)),
        ({"DOCKER_TLS_VERIFY": "", "DOCKER_CERT_PATH": "/certs"}, ("/certs", False)),
        ({"DOCKER_TLS_VERIFY": "", "DOCKER_CERT_PATH": ""}, None),
    ],
)
def test_tls_variables_hold_for_tcp(env: dict[str, str], tls: tuple[str, bool] | None) -> None:
    found = _resolve(env={**env, "DOCKER_HOST": "tcp://far:1"}).tls
    if tls is None:
        assert found is None
    else:
        base, verify = tls
        expected = Tls(f"{base}/ca.pem", f"{base}/cert.pem", f"{base}/key.pem", verify=verify)
        assert found == expected


def test_tls_variables_mean_nothing_for_a_socket() -> None:
    """docker-py refuses this combination; the docker command does not."""
    assert _resolve(env={"DOCKER_TLS_VERIFY": "1"}) == Endpoint(
        "unix:///var/run/docker.sock", "default"
    )
    assert _resolve("unix:///x", env={"DOCKER_TLS_VERIFY": "1"}).tls is None


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("unix://var/run/x.sock", "unix:///var/run/x.sock"),
        ("tcp://host", "tcp://host:2375"),
        ("tcp://host/", "tcp://host:2375"),
        ("tcp://host:99", "tcp://host:99"),
        ("tcp://[::1]", "tcp://[::1]:2375"),
        ("tcp://[::1]:5", "tcp://[::1]:5"),
        ("ssh://me@host", "ssh://me@host"),
    ],
)
def test_an_address_is_brought_into_one_form(given: str, address: str) -> None:
    assert _resolve(given).address == address


@pytest.mark.parametrize("given", ["/var/run/docker.sock", "host:2375", "unix://", "npipe:////x"])
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(EngineNotFoundError) as caught:
        _resolve(env={"DOCKER_HOST": given})
    assert str(caught.value) == (
        f"`{given}`, given by DOCKER_HOST, is not the address of an engine"
    )
    assert caught.value.hint is not None


KNOWN = (
    "/run/user/7/docker.sock",  # rootless
    "/home/me/.docker/run/docker.sock",  # Docker Desktop
    "/home/me/.docker/desktop/docker.sock",
    "/home/me/.colima/default/docker.sock",
    "/home/me/.colima/docker.sock",
    "/home/me/.config/colima/default/docker.sock",
    "/home/me/.orbstack/run/docker.sock",
    "/home/me/.rd/docker.sock",  # Rancher Desktop
    f"/run/user/{os.getuid()}/docker.sock",
    "/run/podman/podman.sock",
    "/run/user/7/podman/podman.sock",
    f"/run/user/{os.getuid()}/podman/podman.sock",
)


@pytest.mark.parametrize("number", range(len(KNOWN)), ids=KNOWN)
def test_other_known_sockets_are_looked_at_in_this_order_when_the_default_one_is_not_there(
    number: int,
) -> None:
    env = {"XDG_RUNTIME_DIR": "/run/user/7"}
    found = _resolve(sockets=KNOWN[number:], env=env)
    assert found == Endpoint(f"unix://{KNOWN[number]}", "found")
    both = ("/var/run/docker.sock", KNOWN[number])
    assert _resolve(sockets=both, env=env).origin == "default"


def test_limas_sockets_are_looked_for_by_their_instances(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f".lima/{name}/sock").mkdir(parents=True)
        (tmp_path / f".lima/{name}/sock/docker.sock").touch()
    found = resolve(None, env={}, home=tmp_path, is_socket=lambda path: ".lima" in str(path))
    assert found == Endpoint(f"unix://{tmp_path}/.lima/a/sock/docker.sock", "found")


@pytest.mark.parametrize(
    ("explicit", "env", "sockets", "reason"),
    [
        ("unix:///x", {}, (), "it was given"),
        (None, {"DOCKER_HOST": "unix:///h"}, (), "DOCKER_HOST says so"),
        (None, {"DOCKER_CONTEXT": "a"}, (), "context a says so"),
        (None, {}, (), "it is the default, and nothing says another"),
        (None, {}, KNOWN[3:], "nothing is at the default socket, and something at this one"),
    ],
)
def test_why_it_is_this_one_is_told(
    explicit: str | None, env: dict[str, str], sockets: tuple[str, ...], reason: str
) -> None:
    files = _context("a", "unix:///a")
    assert _resolve(explicit, env=env, files=files, sockets=sockets).reason == reason


def test_where_no_socket_is_found_the_default_one_is_named() -> None:
    assert _resolve(sockets=()) == Endpoint("unix:///var/run/docker.sock", "default")


def test_a_password_in_an_address_is_not_shown() -> None:
    endpoint = _resolve("tcp://me:hunter2@host:1")
    assert str(endpoint) == "tcp://me:***@host:1"


def test_a_user_whom_nobody_knows_has_no_home_and_no_contexts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a container under a uid of no entry in passwd, without HOME."""
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)
    monkeypatch.delenv("HOME", raising=False)
    assert not home_folder({}).exists()
    with connect(env={}) as engine:
        assert engine.endpoint.origin in {"default", "found"}


def test_home_is_what_the_environment_says() -> None:
    assert home_folder({"HOME": "/home/me"}) == HOME
