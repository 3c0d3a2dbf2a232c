"""A bare connection to an engine, and a request said over it by hand.

Hidden here: Unix sockets, TCP, TLS that agrees on HTTP/2, and ssh. Its program gets a socket for
its input and output, so that a connection through it is like any other; docker-py's is made of
pipes, which can be neither polled nor closed from another thread.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from toolkit.engine import failures
from toolkit.engine.endpoint import Endpoint, Tls
from toolkit.engine.forks import keep_from_children
from toolkit.engine.stream import ByteStream, SocketStream
from toolkit.errors import EngineUnreachableError

_PORT, _TLS_PORT = 2375, 2376
_LARGEST_HEAD: Final = 64 << 10
_LARGEST_REFUSAL: Final = 1 << 20
# What is ignored stays so in the program that is started: Ctrl-C in a terminal is for us to act on.
_UNINTERRUPTED: Final = 'trap "" INT; exec ssh "$@"'


def dial(endpoint: Endpoint, *, doing: str, timeout: float, alpn: str | None = None) -> ByteStream:
    """Connect. With `alpn`, a TLS connection must agree on it, else `EngineUnreachableError`."""
    with failures.translated(doing, endpoint):
        if endpoint.address.startswith("ssh://"):
            return _by_ssh(endpoint.address)
        if endpoint.socket_path is not None:
            return SocketStream(_unix(str(endpoint.socket_path), timeout))
        return SocketStream(_tcp(endpoint, timeout, alpn))


def request(
    method: str, path: str, headers: Mapping[str, str], options: Mapping[str, Any]
) -> bytes:
    """Return a request of HTTP/1.1. Of `options`, `params` is its query, `json` its body. Pure."""
    query = f"?{urlencode(options['params'], doseq=True)}" if options.get("params") else ""
    content = json.dumps(options["json"]).encode() if "json" in options else b""
    said = {"Host": "docker", **headers, "Content-Length": str(len(content))}
    if content:
        said["Content-Type"] = "application/json"
    lines = [f"{method} {path}{query} HTTP/1.1", *(f"{name}: {said[name]}" for name in said)]
    return "\r\n".join([*lines, "", ""]).encode() + content


def upgraded(stream: ByteStream, asked: bytes, *, doing: str, endpoint: Endpoint) -> ByteStream:
    """Send a request and expect "101 Switching Protocols"; what came after it is not lost.

    `EngineRefusedError` for another answer. The stream is closed where this raises.
    """
    try:
        stream.send(asked)
        head, early = _head(stream, doing, endpoint)
        status = _status(head, doing, endpoint)
        words = "" if status == 101 else _words(stream, head, early)
    except BaseException:
        stream.close()
        raise
    if status == 101:
        return _Continued(stream, early)
    stream.close()
    raise failures.refused(doing, status=status, words=words)


class _Continued:
    """A stream of which some was read already."""

    def __init__(self, stream: ByteStream, early: bytes) -> None:
        self._stream = stream
        self._early = early
        self.send = stream.send
        self.shut_write = stream.shut_write
        self.close = stream.close
        self.close_after_fork = stream.close_after_fork
        self.fileno = stream.fileno

    def recv(self, max_bytes: int = 65536) -> bytes:
        if self._early:
            data, self._early = self._early[:max_bytes], self._early[max_bytes:]
            return data
        return self._stream.recv(max_bytes)

    def ready(self) -> bool:
        return bool(self._early) or self._stream.ready()


def _unix(path: str, timeout: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    keep_from_children(connection)
    with _closed_on_failure(connection):
        connection.settimeout(timeout)
        connection.connect(path)
    return connection


def _tcp(endpoint: Endpoint, timeout: float, alpn: str | None) -> socket.socket:
    parts = urlsplit(endpoint.address)
    host, tls = parts.hostname or "localhost", endpoint.tls
    secured = tls is not None or parts.scheme == "https"
    port = parts.port or (_TLS_PORT if secured else _PORT)
    connection = socket.create_connection((host, port), timeout)
    with _closed_on_failure(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not secured:
            return connection
        wrapped = _context(tls, alpn).wrap_socket(connection, server_hostname=host)
    with _closed_on_failure(wrapped):
        if alpn is not None and wrapped.selected_alpn_protocol() != alpn:
            raise EngineUnreachableError(f"the Docker engine at {endpoint} does not speak {alpn}")
    return wrapped


def _context(tls: Tls | None, alpn: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca if tls is not None else None)
    if tls is not None and not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls is not None and tls.cert and tls.key:
        context.load_cert_chain(tls.cert, tls.key)
    if alpn is not None:
        context.set_alpn_protocols([alpn])
    return context


def _by_ssh(address: str) -> ByteStream:
    parts = urlsplit(address)
    arguments = ["-l", parts.username] if parts.username else []
    arguments += ["-p", str(parts.port)] if parts.port else []
    arguments += ["--", parts.hostname or "", "docker system dial-stdio"]
    ours, theirs = socket.socketpair()
    keep_from_children(theirs)
    with _closed_on_failure(ours), theirs:
        command = ["/bin/sh", "-c", _UNINTERRUPTED, "ssh", *arguments]
        process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=theirs.fileno())
    return SocketStream(ours, release=lambda: _end(process))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _closed_on_failure(connection: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _head(stream: ByteStream, doing: str, endpoint: Endpoint) -> tuple[bytes, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        data = stream.recv()
        if not data or len(received) > _LARGEST_HEAD:
            raise failures.lost(doing, endpoint)
        received += data
    head, _, early = received.partition(b"\r\n\r\n")
    return head, early


def _status(head: bytes, doing: str, endpoint: Endpoint) -> int:
    version, _, rest = head.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise failures.lost(doing, endpoint)
    return int(rest[:3])


def _words(stream: ByteStream, head: bytes, body: bytes) -> str:
    """Return the engine's words in an answer that says no; what there is of them."""
    size = 0
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length" and value.strip().isdigit():
            size = min(int(value), _LARGEST_REFUSAL)
    while len(body) < size and (data := stream.recv()):
        body += data
    try:
        said = json.loads(body[:size] if size else body)
    except ValueError:
        return body.decode("utf-8", "replace").strip()
    return str(said.get("message", said)) if isinstance(said, dict) else str(said)
