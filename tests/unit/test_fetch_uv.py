"""The step that fetches uv: from real servers, with a pin of our own, and believing nobody."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from toolkit import resources

FILE = "uv-1.0-py3-none-any.whl"
PROGRAM = b"#!/bin/sh\necho this is uv\n"
PAGE = f'<a href="/files/{FILE}#sha256=0">{FILE}</a>'.encode()


def _wheel(program: bytes = PROGRAM) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("uv-1.0.data/scripts/uv", program)
    return packed.getvalue()


WHEEL = _wheel()


@dataclass(slots=True)
class Site:
    """A web server: its answers by path, and what it was asked with which login."""

    answers: dict[str, bytes]
    login: str = ""
    redirect: str = ""
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, site: Site, *rest: object) -> None:
        self._site = site
        super().__init__(*rest)  # type: ignore[arg-type]  # the base class's own arguments

    def do_GET(self) -> None:
        kind, _, sent = self.headers.get("Authorization", "").partition(" ")
        login = base64.b64decode(sent).decode() if kind == "Basic" else ""
        self._site.asked.append((self.path, login))
        content = self._site.answers.get(self.path)
        if self._site.login not in ("", login):
            self.send_response(401)
        elif self._site.redirect:
            self.send_response(302)
            self.send_header("Location", self._site.redirect + self.path)
        else:
            self.send_response(404 if content is None else 200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


Serve = Callable[[Site], Site]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[ThreadingHTTPServer] = []

    def start(site: Site) -> Site:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, site))
        site.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return site

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def _good(*, login: str = "") -> Site:
    return Site({"/simple/uv/": PAGE, f"/files/{FILE}": WHEEL}, login)


@dataclass(frozen=True, slots=True)
class Step:
    """The step as it lies in a build, with a pin of our own wheel."""

    folder: Path

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def __call__(self, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run it. pip, which it may ask, sees nothing of this machine's settings."""
        own = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PIP_CONFIG_FILE": os.devnull}
        quick = {"PIP_RETRIES": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        return subprocess.run(
            [sys.executable, "-B", str(self.folder / "steps/fetch_uv.py"), str(self.cache)],
            env={**own, **quick, **environment},
            capture_output=True,
            text=True,
        )


@pytest.fixture
def step(tmp_path: Path) -> Step:
    steps = tmp_path / "steps"
    steps.mkdir()
    shutil.copy(resources.tree("templates") / "steps/fetch_uv.py", steps)
    libc = "glibc" if platform.libc_ver()[0] == "glibc" else "musl"
    pin = {
        "file": FILE,
        "wheel_sha256": hashlib.sha256(WHEEL).hexdigest(),
        "program_sha256": hashlib.sha256(PROGRAM).hexdigest(),
    }
    pins = {"version": "1.0", "wheels": {f"{platform.machine()}-{libc}": pin}}
    (steps / "uv.json").write_text(json.dumps(pins))
    return Step(tmp_path)


def _assert_fetched(step: Step, done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "the short way did"
    path = Path(done.stdout.strip())
    assert path.parent == step.cache
    assert subprocess.run([path], capture_output=True).stdout == b"this is uv\n"


def test_it_is_fetched_once_and_then_found(step: Step, serve: Serve) -> None:
    site = serve(_good())
    environment = {"UV_DEFAULT_INDEX": f"http://127.0.0.1:{site.port}/simple/"}
    _assert_fetched(step, step(environment))
    _assert_fetched(step, step(environment))
    assert [path for path, _ in site.asked] == ["/simple/uv/", f"/files/{FILE}"]
    assert len(list(step.cache.iterdir())) == 1


def test_what_lies_in_the_cache_is_not_believed(step: Step, serve: Serve) -> None:
    """Other builds write there."""
    site = serve(_good())
    environment = {"UV_DEFAULT_INDEX": f"http://127.0.0.1:{site.port}/simple/"}
    found = Path(step(environment).stdout.strip())
    found.write_text("#!/bin/sh\necho evil\n")
    _assert_fetched(step, step(environment))


def test_another_wheel_than_the_pinned_one_is_refused(step: Step, serve: Serve) -> None:
    """By the short way and by pip."""
    site = serve(_good())
    site.answers[f"/files/{FILE}"] = _wheel(b"#!/bin/sh\necho evil\n")
    done = step({"PIP_INDEX_URL": f"http://127.0.0.1:{site.port}/simple/"})
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(
        f"toolkit: ValueError: the index has another {FILE} than the pinned one; asking pip\n"
    )
    assert done.stderr.endswith("toolkit: uv could not be fetched\n")
    assert not step.cache.exists()


def test_the_login_in_an_address_is_sent_and_not_said(step: Step, serve: Serve) -> None:
    """With whatever characters it is written in percent."""
    site = serve(_good(login="me@home:p:a ss"))
    url = f"http://me%40home:p%3Aa%20ss@127.0.0.1:{site.port}/simple"
    _assert_fetched(step, step({"PIP_INDEX_URL": url}))


def test_a_login_in_netrc_is_sent(step: Step, serve: Serve) -> None:
    site = serve(_good(login="me:secret"))
    (step.folder / "logins").write_text("machine 127.0.0.1 login me password secret\n")
    environment = {
        "UV_INDEX_URL": f"http://127.0.0.1:{site.port}/simple/",
        "NETRC": str(step.folder / "logins"),
    }
    _assert_fetched(step, step(environment))


def test_a_login_is_for_one_host(step: Step, serve: Serve) -> None:
    """Neither a link nor a redirection takes it anywhere else."""
    other = serve(_good())
    elsewhere = f"http://localhost:{other.port}"
    index = serve(Site({"/simple/uv/": PAGE.replace(b'"/', f'"{elsewhere}/'.encode())}))
    _assert_fetched(step, step({"PIP_INDEX_URL": f"http://me:pw@127.0.0.1:{index.port}/simple/"}))
    assert index.asked == [("/simple/uv/", "me:pw")]
    assert other.asked == [(f"/files/{FILE}", "")]

    shutil.rmtree(step.cache)
    sending = serve(Site({}, redirect=elsewhere))
    _assert_fetched(step, step({"PIP_INDEX_URL": f"http://me:pw@127.0.0.1:{sending.port}/simple/"}))
    assert sending.asked == [("/simple/uv/", "me:pw")]
    assert [login for _, login in other.asked] == ["", "", ""]


def test_an_index_without_uv_leaves_it_to_pip(step: Step, serve: Serve) -> None:
    site = serve(Site({}))
    done = step({"PIP_INDEX_URL": f"http://127.0.0.1:{site.port}/simple/"})
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.endswith("toolkit: the index has no uv; pip installs instead\n")


def test_an_index_that_does_not_answer_is_a_failure(step: Step, serve: Serve) -> None:
    """Else a build would go on by another road because of a bad day."""
    closed = serve(_good(login="me:secret"))
    done = step({"PIP_INDEX_URL": f"http://127.0.0.1:{closed.port}/simple/", "PIP_NO_INPUT": "1"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("toolkit: HTTPError: HTTP Error 401: Unauthorized; asking pip\n")
    assert done.stderr.endswith("toolkit: uv could not be fetched\n")
    assert "Traceback" not in done.stderr
