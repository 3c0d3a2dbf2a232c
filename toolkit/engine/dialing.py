"""A bare connection to an engine: by a Unix socket, TCP, TLS that agrees on HTTP/2, or ssh.

Hidden here: ssh's program gets a socket for its input and output, so that a connection through it
is like any other. That of docker-py is made of two pipes, which cannot be polled, nor closed from
another thread, and wants paramiko installed even where it is not used.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from toolkit.engine import failures
from toolkit.engine.endpoint import Endpoint, Tls
from toolkit.engine.forks import keep_from_children
from toolkit.engine.stream import ByteStream, SocketStream
from toolkit.errors import EngineUnreachableError, Hint

_PORT, _TLS_PORT = 2375, 2376
# What is ignored stays so in the program that is started: Ctrl-C in a terminal is for us to act on.
_UNINTERRUPTED: Final = 'trap "" INT; exec ssh "$@"'


def dial(endpoint: Endpoint, *, doing: str, timeout: float, alpn: str | None = None) -> ByteStream:
    """Connect. With `alpn`, a TLS connection must agree on it, else `EngineUnreachableError`."""
    with failures.translated(doing, endpoint):
        if endpoint.address.startswith("ssh://"):
            return SocketStream(by_ssh(endpoint.address, timeout))
        if endpoint.socket_path is not None:
            return SocketStream(unix(str(endpoint.socket_path), timeout))
        return SocketStream(_tcp(endpoint, timeout, alpn))


def unix(path: str, timeout: float | None) -> socket.socket:
    """Connect to a Unix socket."""
    connection = socket.socket(socket.AF_UNIX)
    keep_from_children(connection)
    with _closed_on_failure(connection):
        connection.settimeout(timeout)
        connection.connect(path)
    return connection


def by_ssh(address: str, timeout: float | None) -> socket.socket:
    """Start ssh and give the socket that is its input and output; closing it ends the program."""
    parts = urlsplit(address)
    arguments = ["-l", parts.username] if parts.username else []
    arguments += ["-p", str(parts.port)] if parts.port else []
    arguments += ["--", parts.hostname or "", "docker system dial-stdio"]
    command = ["/bin/sh", "-c", _UNINTERRUPTED, "ssh", *arguments]
    near, theirs = socket.socketpair()
    ours = _SshSocket(fileno=near.detach())
    ours.settimeout(timeout)
    for end in (ours, theirs):
        keep_from_children(end)
    with _closed_on_failure(ours), theirs:
        ours.process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=theirs.fileno())
    return ours


class _SshSocket(socket.socket):
    """Our end of what a program reads and writes; the program ends with it."""

    process: subprocess.Popen[bytes] | None = None
    _owner = 0

    def __init__(self, *, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self._owner = os.getpid()

    def _real_close(self) -> None:  # what both kinds of close come to
        super()._real_close()  # type: ignore[misc]  # of the library's own, without a stub
        process, self.process = self.process, None
        if process is None or self._owner != os.getpid():
            return
        process.terminate()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


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
            raise EngineUnreachableError(
                f"the Docker engine at {endpoint} does not speak {alpn}",
                hint=Hint("let DOCKER_HOST lead to the engine itself", check="endpoint.proxy"),
            )
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


@contextlib.contextmanager
def _closed_on_failure(connection: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise
