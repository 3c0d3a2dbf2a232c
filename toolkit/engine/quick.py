"""One question to an engine behind a Unix socket, asked without docker-py.

Hidden here: HTTP, as far as it is needed. Importing docker-py takes longer than all else of a build
with nothing to do, which asks two questions. Only a whole answer that says yes or no counts;
whatever else happens there is none, and who asked asks again by the client that knows why.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

_LARGEST = 64 << 20


def asked(path: Path, target: str, *, timeout: float) -> tuple[int, Any] | None:
    """GET a target; the status, 200 or 404, and the JSON, or None where it was anything else."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(str(path))
            # Of version 1.0, so that the answer comes in one piece and ends with the connection.
            connection.sendall(f"GET {target} HTTP/1.0\r\nHost: docker\r\n\r\n".encode("ascii"))
            head, body = _received(connection)
            status = int(head.split(None, 2)[1])
            return (status, json.loads(body)) if status in {200, 404} else None
    except (OSError, ValueError, IndexError):
        return None


def _received(connection: socket.socket) -> tuple[bytes, bytes]:
    received = bytearray()
    while piece := connection.recv(1 << 16):
        received += piece
        if len(received) > _LARGEST:
            raise ValueError("the answer does not end")
        head, found, body = bytes(received).partition(b"\r\n\r\n")
        if found and len(body) == _length(head):
            break
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    return head, body


def _length(head: bytes) -> int | None:
    """The length of the body, where the head tells it."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return None
