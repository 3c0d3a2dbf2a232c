"""A question that is asked without docker-py: answered wholly, or not at all."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from toolkit.engine import quick


@contextmanager
def answering(path: Path, pieces: list[bytes], *, closes: bool = True) -> Iterator[list[bytes]]:
    """An engine that answers one question with these pieces; gives what it was asked."""
    heard: list[bytes] = []
    done = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            heard.append(connection.recv(65536))
            for piece in pieces:
                connection.sendall(piece)
            if not closes:
                done.wait(30)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield heard
        done.set()
        thread.join()


OK = b'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{"Id": "x"}'


@pytest.mark.parametrize("cut", [lambda text: [text], lambda text: [bytes([x]) for x in text]])
def test_a_whole_answer_counts(tmp_path: Path, cut: Callable[[bytes], list[bytes]]) -> None:
    with answering(tmp_path / "s", cut(OK)) as heard:
        assert quick.asked(tmp_path / "s", "/images/a/json", timeout=30) == (200, {"Id": "x"})
    assert heard == [b"GET /images/a/json HTTP/1.0\r\nHost: docker\r\n\r\n"]


def test_a_connection_that_stays_open_is_not_waited_for(tmp_path: Path) -> None:
    """Where the head tells how long the answer is."""
    text = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}"
    with answering(tmp_path / "s", [text], closes=False):
        assert quick.asked(tmp_path / "s", "/x", timeout=30) == (404, {})


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"HTTP/1.0 200 OK\r\n",
        OK[:-1],
        b"HTTP/1.0 500 Oops\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"\xff\xfe rubbish \r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: many\r\n\r\n{}",
    ],
)
def test_anything_else_is_no_answer(tmp_path: Path, text: bytes) -> None:
    """Who asked asks again by the client that can say what is wrong."""
    with answering(tmp_path / "s", [text]):
        assert quick.asked(tmp_path / "s", "/x", timeout=30) is None


def test_without_an_engine_there_is_no_answer(tmp_path: Path) -> None:
    assert quick.asked(tmp_path / "gone", "/x", timeout=30) is None
    with answering(tmp_path / "s", [], closes=False):
        assert quick.asked(tmp_path / "s", "/x", timeout=0.01) is None


def test_asking_imports_no_docker(tmp_path: Path) -> None:
    """Which is what it is for."""
    script = (
        "import sys; from toolkit.engine import connect\n"
        "assert connect(sys.argv[1]).inspect_image('a') == {'Id': 'x'}\n"
        "assert 'docker' not in sys.modules and 'requests' not in sys.modules\n"
    )
    with answering(tmp_path / "s", [OK]):
        command = [sys.executable, "-c", script, f"unix://{tmp_path}/s"]
        subprocess.run(command, check=True, timeout=60)
