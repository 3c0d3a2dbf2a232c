"""What stands between an engine and a registry and has bad days: an HTTP proxy with faults.

Whatever comes is written down, so that a test can say what was asked for and how often.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Kind = Literal["status", "drop", "cut", "hang", "spoil"]

_HOP: frozenset[str] = frozenset({"connection", "transfer-encoding", "keep-alive"})
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to requests whose `METHOD path` the pattern is found in, for so many attempts.

    `status`: answered with that number. `drop`: closed without an answer. `cut`: closed in the
    middle of the answer. `hang`: not answered before the proxy ends. `spoil`: the last byte of the
    answer is another one.
    """

    kind: Kind
    pattern: str
    attempts: int = 1 << 30
    status: int = 500
    body: bytes = b""


@dataclass(slots=True)
class Proxy:
    """It listens at `address`; `asked` is what came since it was given its faults."""

    port: int
    upstream: int
    asked: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    _faults: tuple[Fault, ...] = ()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def attempts(self) -> int:
        """How often an engine has begun anew, which it does with this request."""
        return self.asked.count("GET /v2/")

    def breaks(self, *faults: Fault) -> None:
        """Have these faults from now on, and no others."""
        self.asked.clear()
        self._faults = faults

    def fault(self, request: str) -> Fault | None:
        self.asked.append(request)
        for fault in self._faults:
            if self.attempts <= fault.attempts and re.search(fault.pattern, request):
                return fault
        return None


@contextmanager
def proxying(upstream: int) -> Iterator[Proxy]:
    """Stand before the registry at that port of this machine."""
    proxy = Proxy(0, upstream)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, proxy))
    server.daemon_threads = True
    proxy.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.ended.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, proxy: Proxy, *rest: object) -> None:
        self._proxy = proxy
        super().__init__(*rest)  # type: ignore[arg-type]  # the base class's own arguments

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError):  # an engine that was told enough
            super().handle_one_request()

    def _answer(self) -> None:
        content = self._content()
        fault = self._proxy.fault(f"{self.command} {self.path}")
        if fault is not None and fault.kind == "status":
            self._send(fault.status, {"Content-Type": "application/json"}, fault.body)
        elif fault is not None and fault.kind in {"drop", "hang"}:
            if fault.kind == "hang":
                self._proxy.ended.wait(_SECONDS)
            self._close()
        else:
            self._forward(content, fault)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base class's names

    def _content(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _forward(self, content: bytes, fault: Fault | None) -> None:
        # One that is there several times, such as Accept, means all of them.
        headers = {
            name: ", ".join(self.headers.get_all(name, ()))
            for name in self.headers
            if name.lower() not in _HOP
        }
        headers["Content-Length"] = str(len(content))
        upstream = http.client.HTTPConnection("127.0.0.1", self._proxy.upstream, timeout=_SECONDS)
        with contextlib.closing(upstream):
            upstream.request(self.command, self.path, content, headers)
            answer = upstream.getresponse()
            body = answer.read()
        found = {name: text for name, text in answer.getheaders() if name.lower() not in _HOP}
        if fault is not None and fault.kind == "spoil":
            body = body[:-1] + bytes([body[-1] ^ 1])
        if fault is not None and fault.kind == "cut":
            self._send(answer.status, found, body[: len(body) // 2])
            self._close()
        else:
            self._send(answer.status, found, body)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, text in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
            self.wfile.flush()

    def _close(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        pass
