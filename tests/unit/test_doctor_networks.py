"""How facts of networks are gathered: proxies of three places, and what a registry is asked for."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from toolkit.doctor import look, networks, questions


def test_proxies_are_read_from_the_environment_the_engine_and_dockers_configuration(
    tmp_path: Path,
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"proxies": {"default": {"httpProxy": "http://c:3"}}}))
    seen = networks.proxies(
        {"HttpProxy": "http://e:2", "NoProxy": "x"},
        {"http_proxy": "http://a:1", "HTTPS_PROXY": "http://a:2"},
        config,
        ask=False,
        local=True,
    )
    assert seen.env == {"HTTP_PROXY": "http://a:1", "HTTPS_PROXY": "http://a:2", "NO_PROXY": ""}
    assert seen.engine == {"HTTP_PROXY": "http://e:2", "HTTPS_PROXY": "", "NO_PROXY": "x"}
    assert seen.containers == {"HTTP_PROXY": "http://c:3", "HTTPS_PROXY": "", "NO_PROXY": ""}
    assert (seen.silent, seen.local) == ((), True)


def test_a_proxy_that_accepts_no_connection_is_silent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        env = {"HTTP_PROXY": f"http://ann:pw@127.0.0.1:{port}", "HTTPS_PROXY": "http://[broken"}
        seen = networks.proxies({}, env, tmp_path / "config.json", ask=True, local=True)
        assert seen.silent == ("HTTPS_PROXY",)
    seen = networks.proxies({}, env, tmp_path / "config.json", ask=True, local=True)
    assert seen.silent == ("HTTP_PROXY", "HTTPS_PROXY")
    seen = networks.proxies({}, env, tmp_path / "config.json", ask=False, local=True)
    assert seen.silent == ()


def test_bundles_that_hold_no_certificate_are_told(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.pem", tmp_path / "bad.pem"
    good.write_text("-----BEGIN CERTIFICATE-----\n")
    bad.write_text("nothing")
    env = {"PIP_CERT": str(good), "SSL_CERT_FILE": str(bad), "CURL_CA_BUNDLE": str(tmp_path)}
    assert look.environment(env, None).no_bundles == ("SSL_CERT_FILE",)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        (None, "python:3-slim"),
        ("toolkit/demo:0123", "python:3-slim"),
        ("toolkit/base:bookworm-py3.11", "python:3-slim"),
        ("r.example/toolkit/demo:1", "r.example/toolkit/demo:1"),
        ("debian:12", "debian:12"),
        ("not a name", "python:3-slim"),
    ],
)
def test_a_registry_is_asked_for_what_it_can_have(name: str | None, asked: str) -> None:
    assert str(networks.asked(name)) == asked


@pytest.mark.parametrize(
    ("env", "shown"),
    [
        ({}, "https://pypi.org"),
        (
            {"PIP_INDEX_URL": "https://ann:s3cret@i.example:8443/t0ken/simple"},
            "https://i.example:8443",
        ),
        ({"UV_DEFAULT_INDEX": "http://u", "PIP_INDEX_URL": "http://p"}, "http://u"),
        ({"PIP_INDEX_URL": "http://[broken"}, ""),
    ],
)
def test_of_the_index_only_the_host_is_told(env: dict[str, str], shown: str) -> None:
    assert questions.index(env) == shown
