"""A package index of one folder, with a login where one is wanted (PEP 503).

Standard library alone: it also runs inside the second engine's namespaces.
"""

from __future__ import annotations

import base64
import html
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote


@contextmanager
def serving(folder: Path, host: str, port: int = 0, *, login: str = "") -> Iterator[int]:
    """Serve the wheels of a folder at `http://host:port/simple/`; gives the port.

    `login` is `user:password`; without it, whoever asks is answered.
    """
    server = ThreadingHTTPServer((host, port), partial(_Handler, folder, login))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, folder: Path, login: str, *rest: object) -> None:
        self._folder = folder
        self._expected = "Basic " + base64.b64encode(login.encode()).decode() if login else ""
        super().__init__(*rest)  # type: ignore[arg-type]  # the base class's own arguments

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if self._expected and self.headers.get("Authorization") != self._expected:
            self._answer(HTTPStatus.UNAUTHORIZED, b"")
            return
        kind, _, name = unquote(self.path).strip("/").partition("/")
        content = {"simple": self._page, "files": self._file}.get(kind, _nothing)(name)
        self._answer(HTTPStatus.OK if content else HTTPStatus.NOT_FOUND, content)

    def _page(self, project: str) -> bytes:
        found = [path.name for path in sorted(self._folder.iterdir()) if _project(path) == project]
        links = (f'<a href="/files/{quote(each)}">{html.escape(each)}</a><br>' for each in found)
        return "".join(links).encode()

    def _file(self, name: str) -> bytes:
        path = self._folder / Path(name).name
        return path.read_bytes() if path.is_file() else b""

    def _answer(self, status: HTTPStatus, content: bytes) -> None:
        self.send_response(status)
        if status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing: pytest has a terminal of its own."""


def _project(path: Path) -> str:
    return re.sub(r"[-_.]+", "-", path.name.partition("-")[0]).lower()


def _nothing(_name: str) -> bytes:
    return b""
