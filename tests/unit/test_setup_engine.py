"""How a daemon is started directly, with a program in its place that answers like one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.engine.endpoint import Endpoint
from toolkit.errors import EngineNotFoundError, EngineUnreachableError
from toolkit.setup import engine
from toolkit.setup.plan import Refuse, Start
from toolkit.setup.programs import Rights

ANSWERING = """\
import http.server, json, os, socketserver, sys
class Engine(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = json.dumps({"ApiVersion": "1.41", "MinAPIVersion": "1.12"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.send_header("Api-Version", "1.41")
        self.end_headers()
        self.wfile.write(said)
    def address_string(self):
        return "client"
print("listening", os.environ.get("DOCKER_TLS_VERIFY", "without TLS"), flush=True)
socketserver.ThreadingUnixStreamServer(os.environ["SOCKET"], Engine).serve_forever()
"""
REFUSING = "echo no bridge; exec sleep 600"


class Started:
    """A task whose `dockerd` is a script, and what it said."""

    def __init__(self, folder: Path, script: str, interpreter: str, *, seconds: float) -> None:
        program = folder / "dockerd"
        program.write_text(f"#!{interpreter}\n{script}")
        program.chmod(0o755)
        self.said: list[str] = []
        self.log = folder / "dockerd.log"
        self.log.write_text("of an earlier run\n")
        socket = folder / "docker.sock"
        self.task = engine._Task(
            endpoint=Endpoint(f"unix://{socket}", "default"),
            env={
                "PATH": f"{folder}:{os.environ['PATH']}",
                "SOCKET": str(socket),
                "DOCKER_TLS_VERIFY": "1",
            },
            access=Rights(()),
            consent=lambda _question: False,
            say=self.said.append,
            seconds=seconds,
        )

    @property
    def pid(self) -> int:
        return int(self.said[0].partition("(process ")[2].partition(")")[0])

    def start(self) -> None:
        engine._do(Start("direct", str(self.log)), self.task)


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Started]:
    started = Started(tmp_path, ANSWERING, f"{sys.executable} -I", seconds=60.0)
    yield started
    os.kill(started.pid, signal.SIGKILL)


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[Started]:
    """A daemon that has said why long before its time is over."""
    started = Started(tmp_path, REFUSING, "/bin/sh", seconds=3.0)
    yield started
    os.kill(started.pid, signal.SIGKILL)


def test_a_started_daemon_is_waited_for_and_outlives_our_session(answering: Started) -> None:
    answering.start()
    assert answering.said[-1] == f"the engine answers at {answering.task.endpoint}"
    assert os.getsid(answering.pid) == answering.pid
    assert os.getppid() != answering.pid


def test_the_log_is_named_and_appended_to(answering: Started) -> None:
    answering.start()
    assert f"log in {answering.log}" in answering.said[0]
    assert answering.log.read_text().startswith("of an earlier run\nlistening")


def test_the_daemon_does_not_get_the_clients_tls_variables(answering: Started) -> None:
    """A daemon would take DOCKER_TLS_VERIFY for its own and refuse to start."""
    answering.start()
    assert "listening without TLS" in answering.log.read_text()


def test_sigint_is_not_ignored_in_a_daemon_that_we_start(answering: Started) -> None:
    """An ignored SIGINT would be inherited by every process in every container."""
    answering.start()
    status = Path(f"/proc/{answering.pid}/status").read_text()
    ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
    assert not ignored & 1 << (signal.SIGINT - 1)


def test_a_daemon_that_does_not_answer_in_time_is_an_error_with_its_last_words(
    refusing: Started,
) -> None:
    with pytest.raises(EngineUnreachableError) as caught:
        refusing.start()
    assert str(caught.value) == (
        f"dockerd runs and did not answer at {refusing.task.endpoint} within 3 s; "
        "its log ends with:\n  no bridge"
    )
    assert caught.value.hint == (
        f"read {refusing.log}, mend what it says, and run `toolkit engine start` again"
    )


def test_a_daemon_that_dies_is_not_waited_for(tmp_path: Path) -> None:
    task = Started(tmp_path, REFUSING, "/bin/sh", seconds=3.0).task
    log = tmp_path / "dockerd.log"
    with pytest.raises(EngineNotFoundError) as caught:
        engine._wait(task, lambda: False, log=str(log), start=3)
    assert str(caught.value) == (
        f"dockerd ended before it answered at {task.endpoint}; its log ends with:\n  an earlier run"
    )


def test_an_endpoint_elsewhere_is_never_replaced(tmp_path: Path) -> None:
    task = Started(tmp_path, REFUSING, "/bin/sh", seconds=3.0).task
    with pytest.raises(EngineUnreachableError) as caught:
        engine._do(Refuse("elsewhere"), task)
    assert str(caught.value) == (
        f"no engine answers at {task.endpoint}, chosen by default, "
        "and only the engine of this machine can be started here"
    )


def test_docker_host_that_points_nowhere_is_an_error_that_says_so(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DOCKER_HOST": "tcp://127.0.0.1:1"}
    with pytest.raises(EngineUnreachableError, match="chosen by DOCKER_HOST"):
        engine.start_engine(consent=lambda _question: True, say=lambda _line: None, env=env)
