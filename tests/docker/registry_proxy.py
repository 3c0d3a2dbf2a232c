"""What stands between an engine and a registry and has bad days: an HTTP proxy with faults.

A fault is put in for so many requests of a kind, and whatever comes is written down, so that a test
can say what was asked for and how often.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Kind = Literal["status", "drop", "cut", "hang", "swap", "spoil"]

_HOP: frozenset[str] = frozenset({"connection", "transfer-encoding", "keep-alive"})
_SECONDS = 60.0


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests whose `METHOD path` the pattern is found in.

    `status`: answered with that number. `drop`: closed without an answer. `cut`: closed in the
    middle of the answer. `hang`: not answered before the proxy ends. `swap`: another path is asked
    for. `spoil`: the last byte of the answer is another one.
    """

    kind: Kind
    pattern: str
    times: int = 1 << 30
    status: int = 500
    body: bytes = b""
    swap: Callable[[str], str] = str

    def meets(self, request: str) -> bool:
        if self.times <= 0 or not re.search(self.pattern, request):
            return False
        self.times -= 1
        return True


@dataclass(slots=True)
class Proxy:
    """It listens at `address`; `faults` may be changed at any time, `asked` is what came."""

    port: int
    upstream: int
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def fault(self, request: str) -> Fault | None:
        self.asked.append(request)
        return next((fault for fault in self.faults if fault.meets(request)), None)


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
        path = fault.swap(self.path) if fault is not None else self.path
        # One that is there several times, such as Accept, means all of them.
        headers = {
            name: ", ".join(self.headers.get_all(name, ()))
            for name in self.headers
            if name.lower() not in _HOP
        }
        headers["Content-Length"] = str(len(content))
        upstream = http.client.HTTPConnection("127.0.0.1", self._proxy.upstream, timeout=_SECONDS)
        with contextlib.closing(upstream):
            upstream.request(self.command, path, content, headers)
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
