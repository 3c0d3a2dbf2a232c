"""Why a pull failed, told from the engine's and the registry's words."""

from __future__ import annotations

import pytest

from toolkit.engine.pulling import PullEvent, event, failure

_HEAD = 'Head "https://r.example/v2/x/manifests/1": '

UNREACHABLE = [
    'Get "https://r.example/v2/": dial tcp: lookup r.example on 10.0.0.53:53: no such host',
    'Get "https://r:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused',
    f"{_HEAD}dial tcp 10.1.1.1:443: i/o timeout",
    f"{_HEAD}x509: certificate signed by unknown authority",
    f"{_HEAD}tls: failed to verify certificate: x509: unknown issuer",
    f"{_HEAD}net/http: TLS handshake timeout",
    f"{_HEAD}EOF",
    f"{_HEAD}proxyconnect tcp: dial tcp: lookup proxy: no such host",
    "Get https://r/v2/: net/http: request canceled (Client.Timeout exceeded while awaiting)",
    "received unexpected HTTP status: 503 Service Unavailable",
]
ANSWERED = [
    "pull access denied for nope, repository does not exist or may require 'docker login'",
    "manifest for alpine:nope not found: manifest unknown: manifest unknown",
    "unauthorized: authentication required",
    "no matching manifest for linux/riscv64 in the manifest list entries",
    "toomanyrequests: You have reached your pull rate limit.",
    "something new",
]


@pytest.mark.parametrize("words", UNREACHABLE)
def test_a_registry_that_never_answered_is_unreachable(words: str) -> None:
    error = failure("r.example/x:1", words)
    assert error.unreachable
    assert str(error) == (
        "the image r.example/x:1 could not be pulled: its registry cannot be reached: " + words
    )
    assert error.hint is not None
    assert "network" in error.hint


@pytest.mark.parametrize("words", ANSWERED)
def test_a_registry_that_answered_no_is_not_unreachable(words: str) -> None:
    error = failure("x:1", words)
    assert not error.unreachable
    assert error.reference == "x:1"
    assert words in str(error)


def test_each_kind_of_answer_has_its_own_sentence_and_hint() -> None:
    denied, absent, login, _, limited, unknown = (failure("x:1", words) for words in ANSWERED)
    assert str(denied).startswith("the image x:1 does not exist or may not be pulled: ")
    assert str(login).startswith("the image x:1 does not exist or may not be pulled: ")
    assert denied.hint == "correct the name, or run `docker login` for its registry"
    assert str(absent).startswith("the image x:1 does not exist: ")
    assert absent.hint == "correct the name, the tag or the platform"
    assert "(429)" in str(limited)
    assert limited.hint == "run `docker login`, or wait and try again"
    assert (str(unknown), unknown.hint) == (
        "the image x:1 could not be pulled: something new",
        None,
    )


def test_a_full_disk_is_named_and_is_not_the_registry() -> None:
    error = failure("x:1", "write /var/lib/docker/tmp/GetImageBlob1: no space left on device")
    assert str(error) == "the image x:1 could not be pulled: the engine's disk is full"
    assert not error.unreachable
    assert error.hint is not None
    assert error.hint.startswith("free disk space")


def test_events_carry_layer_and_bytes() -> None:
    item = {
        "status": "Downloading",
        "id": "a1",
        "progressDetail": {"current": 5, "total": 10},
        "progress": "[==>]",
    }
    assert event(item) == PullEvent("a1", "Downloading", 5, 10)
    assert event({"status": "Pulling from x", "progressDetail": {}}) == PullEvent(
        "", "Pulling from x"
    )
    assert event({"aux": {}}) is None
