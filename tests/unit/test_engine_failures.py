"""Foreign failures become ours: the sentence, the hint, and the class."""

from __future__ import annotations

import errno
import http.client
import os
import socket
import ssl
from pathlib import Path

import docker.errors
import pytest
import requests.exceptions
import urllib3.exceptions

from toolkit.engine import failures
from toolkit.engine.endpoint import Endpoint
from toolkit.engine.failures import SocketFacts, classify, translated
from toolkit.errors import (
    BuildError,
    EngineError,
    EngineNotFoundError,
    EngineRefusedError,
    EngineTooOldError,
    EngineUnreachableError,
)

SOCKET = Endpoint("unix:///var/run/docker.sock", "default")
REMOTE = Endpoint("tcp://far:2376", "DOCKER_HOST")
AT = "the Docker engine at unix:///var/run/docker.sock"
START = "run `toolkit engine start`, or set DOCKER_HOST to where an engine listens"


def _wrapped(cause: BaseException) -> Exception:
    """As docker-py, requests and urllib3 wrap it: four deep, and no errno on the outside."""
    outer = docker.errors.DockerException("Error while fetching server API version")
    outer.__context__ = requests.exceptions.ConnectionError(
        urllib3.exceptions.ProtocolError("Connection aborted.", cause)
    )
    return outer


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _classified(
    cause: BaseException, facts: SocketFacts, endpoint: Endpoint = SOCKET
) -> EngineError:
    return classify(_wrapped(cause), "listing images", endpoint, facts)


def test_a_missing_socket_is_no_engine() -> None:
    error = _classified(_os_error(errno.ENOENT), SocketFacts("missing"))
    assert isinstance(error, EngineNotFoundError)
    assert (str(error), error.hint) == (
        "no Docker engine at unix:///var/run/docker.sock: the socket does not exist",
        START,
    )


def test_a_socket_that_nobody_listens_on_is_unreachable() -> None:
    error = _classified(_os_error(errno.ECONNREFUSED), SocketFacts("socket"))
    assert isinstance(error, EngineUnreachableError)
    assert (str(error), error.hint) == (
        f"{AT} cannot be reached: nothing listens on the socket, its engine has stopped",
        START,
    )


def test_a_directory_in_the_socket_s_place_is_named() -> None:
    error = _classified(_os_error(errno.ECONNREFUSED), SocketFacts("directory"))
    assert str(error) == f"{AT} cannot be reached: the path is a directory, not a socket"
    assert error.hint is not None
    assert error.hint.startswith("remove the directory")


def test_a_refused_port_is_unreachable() -> None:
    error = _classified(_os_error(errno.ECONNREFUSED), SocketFacts("none"), REMOTE)
    assert str(error) == "the Docker engine at tcp://far:2376 cannot be reached: connection refused"


@pytest.mark.parametrize(
    ("facts", "hint"),
    [
        (
            SocketFacts("socket", 999, "docker"),
            "run `sudo usermod -aG docker $USER` and log in again",
        ),
        (
            SocketFacts("socket", 999, "docker", in_container=True),
            "start this container with `--group-add 999`",
        ),
        (
            SocketFacts("socket", 0, "root"),
            "run as root, or set DOCKER_HOST to an engine of your own",
        ),
        (
            SocketFacts("other"),
            "use an account that may open the socket, or set DOCKER_HOST",
        ),
    ],
)
def test_a_forbidden_socket_says_how_to_be_let_in(facts: SocketFacts, hint: str) -> None:
    error = _classified(_os_error(errno.EACCES), facts)
    assert (str(error), error.hint) == (f"{AT} cannot be reached: permission denied", hint)


@pytest.mark.parametrize(
    ("cause", "facts", "check"),
    [
        (_os_error(errno.ENOENT), SocketFacts("missing"), "endpoint.socket"),
        (_os_error(errno.ECONNREFUSED), SocketFacts("directory"), "endpoint.socket"),
        (_os_error(errno.EACCES), SocketFacts("socket", 999, "docker"), "endpoint.permission"),
        (_os_error(errno.ECONNREFUSED), SocketFacts("socket"), "endpoint.reach"),
        (TimeoutError(), SocketFacts("socket"), "endpoint.reach"),
        (docker.errors.InvalidVersion(), SocketFacts("socket"), "engine.version"),
        (_os_error(errno.EIO), SocketFacts("socket"), "endpoint.reach"),
    ],
)
def test_each_error_names_the_check_that_explains_it(
    cause: Exception, facts: SocketFacts, check: str
) -> None:
    assert _classified(cause, facts).hint.check == check


def test_a_name_that_cannot_be_resolved_is_named_even_below_a_time_out_class() -> None:
    """urllib3 derives "cannot connect" from its time-out: the name must win."""
    cause = requests.exceptions.ConnectTimeout()
    cause.__context__ = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    error = _classified(cause, SocketFacts("none"), REMOTE)
    assert str(error).endswith("tcp://far:2376 cannot be reached: its name cannot be resolved")


def test_a_failed_tls_handshake_carries_its_words() -> None:
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error = _classified(cause, SocketFacts("none"), REMOTE)
    assert (
        str(error) == "the Docker engine at tcp://far:2376 cannot be reached: TLS failed:"
        " certificate verify failed"
    )


@pytest.mark.parametrize(
    "cause",
    [TimeoutError(), requests.exceptions.ReadTimeout(), requests.exceptions.ConnectTimeout()],
)
def test_an_answer_that_does_not_come_in_time_is_unreachable(cause: BaseException) -> None:
    error = _classified(cause, SocketFacts("socket"))
    assert str(error) == f"{AT} did not answer in time while listing images"


@pytest.mark.parametrize(
    "cause",
    [
        _os_error(errno.ECONNRESET),
        _os_error(errno.EPIPE),
        http.client.RemoteDisconnected("gone"),
        http.client.IncompleteRead(b""),
    ],
)
def test_an_engine_that_goes_in_the_middle_is_unreachable(cause: BaseException) -> None:
    error = _classified(cause, SocketFacts("socket"))
    assert isinstance(error, EngineUnreachableError)
    assert str(error) == f"{AT} closed the connection while listing images"


def test_an_answer_that_is_no_http_is_no_docker_engine() -> None:
    error = _classified(http.client.BadStatusLine("SSH-2.0"), SocketFacts("none"), REMOTE)
    assert (
        str(error) == "what answers at tcp://far:2376 is not a Docker engine: listing images failed"
    )


def test_an_api_that_docker_py_does_not_speak_is_too_old() -> None:
    outer = docker.errors.InvalidVersion("API versions below 1.24")
    error = classify(outer, "connecting", SOCKET, SocketFacts("socket"))
    assert isinstance(error, EngineTooOldError)
    assert str(error) == f"{AT} offers an API below 1.24, and API 1.41 is required"


def test_an_answer_that_says_no_keeps_status_and_words() -> None:
    response = requests.Response()
    response.status_code = 403
    api = docker.errors.APIError("x", response=response, explanation="blocked by a proxy")
    outer = docker.errors.DockerException("Error while fetching server API version")
    outer.__context__ = api
    error = classify(outer, "connecting", SOCKET, SocketFacts("socket"))
    assert isinstance(error, EngineRefusedError)
    assert (str(error), error.status) == ("connecting failed: blocked by a proxy", 403)


def test_anything_else_is_said_in_the_system_s_words() -> None:
    error = _classified(_os_error(errno.EMFILE), SocketFacts("socket"))
    assert (
        str(error) == "listing images failed at the Docker engine at unix:///var/run/docker.sock:"
        " Too many open files"
    )


def test_a_full_disk_brings_a_hint() -> None:
    error = failures.refused("importing", status=500, words="write /x: no space left on device\n")
    assert str(error) == "importing failed: write /x: no space left on device"
    assert error.hint == (
        "free disk space where the engine keeps its data, e.g. by `docker builder prune`"
    )


def test_an_engine_that_refuses_without_a_word_is_to_be_looked_at() -> None:
    """As one does that is being stopped."""
    error = failures.refused("importing", status=500, words=" \n")
    assert error.message == (
        "importing failed: the engine answered with HTTP status 500 and without a word"
    )
    assert error.hint == "look whether the engine still runs"


def test_only_foreign_failures_are_translated() -> None:
    ours = BuildError("x", hint="y")
    with pytest.raises(BuildError) as caught, translated("x", SOCKET):
        raise ours
    assert caught.value is ours
    with pytest.raises(ZeroDivisionError), translated("x", SOCKET):
        1 / 0  # noqa: B018 - the failure is the point
    with pytest.raises(KeyboardInterrupt), translated("x", SOCKET):
        raise KeyboardInterrupt


def test_the_foreign_failure_stays_as_the_cause() -> None:
    cause = _os_error(errno.ECONNRESET)
    with pytest.raises(EngineUnreachableError) as caught, translated("x", SOCKET):
        raise cause
    assert caught.value.__cause__ is cause


def test_what_lies_at_the_socket_s_path_is_looked_up(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        facts = failures.socket_facts(Endpoint(f"unix://{path}", "argument"))
        assert (facts.kind, facts.gid) == ("socket", path.stat().st_gid)
    (tmp_path / "f").touch()
    for name, kind in (("gone", "missing"), ("f", "other"), ("", "directory")):
        endpoint = Endpoint(f"unix://{tmp_path / name}", "argument")
        assert failures.socket_facts(endpoint).kind == kind
    assert failures.socket_facts(REMOTE).kind == "none"
