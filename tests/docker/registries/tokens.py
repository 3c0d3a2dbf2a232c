"""Certificates made on the spot, and a token server as registries with accounts have one.

The registry trusts tokens that are signed by the key of a certificate; whoever asks for one logs in
with a password, or with the identity token that `docker login` has stored instead of it.
"""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

USER: Final = "ada"
PASSWORD: Final = "made-up-password"
IDENTITY: Final = "made-up-identity-token"
HTPASSWD: Final = f"{USER}:$2b$05$abcdefghijklmnopqrstuuJgtjjEyKgAjLKfyMzQrXVWZG2QMxka.\n"
"""The same password, by bcrypt."""

SERVICE: Final = "toolkit-test-service"
ISSUER: Final = "toolkit-test-issuer"


def certify(folder: Path, name: str, *, key: str = "ec", by: str = "", address: str = "") -> None:
    """Write NAME.crt and NAME.key: a CA, or what the CA of the name `by` says of an address."""
    kind = ["-newkey", "rsa:2048"] if key == "rsa" else ["-newkey", "ec", *_CURVE]
    signer = ["-CA", f"{by}.crt", "-CAkey", f"{by}.key"] if by else []
    more = ["-addext", f"subjectAltName=IP:{address}"] if address else []
    output = ["-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}"]
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2", *kind, *signer, *more, *output]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


_CURVE: Final = ("-pkeyopt", "ec_paramgen_curve:P-256")


@contextmanager
def token_server(folder: Path) -> Iterator[int]:
    """Serve tokens signed by token.key of the folder at `/token`; gives the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, folder: Path, *rest: object) -> None:
        self._folder = folder
        super().__init__(*rest)  # type: ignore[arg-type]  # the base class's own arguments

    def do_GET(self) -> None:
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        self._answer(self.headers.get("Authorization") == expected, urlsplit(self.path).query)

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(parse_qs(form).get("refresh_token") == [IDENTITY], form)

    def _answer(self, is_known: bool, query: str) -> None:
        scopes = [scope for text in parse_qs(query).get("scope", ()) for scope in text.split()]
        token = _signed(self._folder, scopes) if is_known else ""
        content = json.dumps({"token": token, "access_token": token, "expires_in": 300}).encode()
        self.send_response(HTTPStatus.OK if is_known else HTTPStatus.UNAUTHORIZED)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def _signed(folder: Path, scopes: list[str]) -> str:
    """A JSON web token that allows what is asked for (RFC 7515, RS256)."""
    lines = (folder / "token.crt").read_text().splitlines()
    header = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(lines[1:-1])]}
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": USER,
        "aud": SERVICE,
        "iat": now,
        "nbf": now - 10,
        "exp": now + 300,
        "jti": uuid.uuid4().hex,
        "access": [_access(scope) for scope in scopes],
    }
    text = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
    command = ["openssl", "dgst", "-sha256", "-sign", str(folder / "token.key")]
    made = subprocess.run(command, input=text.encode(), check=True, capture_output=True)
    return f"{text}.{_encoded(made.stdout)}"


def _access(scope: str) -> dict[str, object]:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return {"type": kind, "name": name, "actions": actions.split(",")}


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
