"""What a real build says: on a terminal while it runs, and why it failed in plain words."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tarfile
import termios
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Self

import pytest
from rich.cells import cell_len

from tests.docker.conftest import Cli
from tests.docker.packages import PLAIN, write_project
from tests.docker.test_bad_days import Sleep, require_a_long_build
from toolkit.engine import Engine
from toolkit.engine.buildkit import BuildRequest, build
from toolkit.engine.buildkit.origin import lines_of
from toolkit.errors import BuildError

pytestmark = pytest.mark.docker

PEM: Final = Path(__file__).parent.parent / "cases/wire/localhost.pem"
LABEL, VALUE = "toolkit-test-told", uuid.uuid4().hex

Fail = Callable[..., BuildError]


def fresh() -> str:
    """A text that no cache has seen."""
    return uuid.uuid4().hex


def context(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


@pytest.fixture
def fail(first_engine: Engine, base_image: str) -> Fail:
    """Build a Dockerfile that starts with the base and must fail."""

    def run(dockerfile: str, **files: str) -> BuildError:
        text = dockerfile.format(base=base_image, fresh=fresh())
        request = BuildRequest(context({"Dockerfile": text, **files}), labels={LABEL: VALUE})
        with pytest.raises(BuildError) as caught:
            build(first_engine, request, secrets={})
        return caught.value.placed(text, None)

    return run


# Where.


@pytest.mark.parametrize(
    ("dockerfile", "lines"),
    [
        (
            "FROM {base} AS Made\nWORKDIR /\nCOPY a /a\nRUN echo \\\n # no\n {fresh} \\\n;exit 3\n",
            (4, 7),
        ),
        (
            "ARG X=1\nFROM {base}\nENV A=1\nRUN --mount=type=cache,target=/x exit 4 #{fresh}\n",
            (4, 4),
        ),
        ("FROM {base} AS one\n" + "RUN true\n" * 11 + "RUN exit 5 #{fresh}\n", (13, 13)),
        ("FROM {base} AS a\n\nFROM a\nUSER 0\nRUN exit 6 #{fresh}\n", (5, 5)),
        ("FROM {base}\nCOPY nothing /\n", (2, 2)),
        ("FROM {base}\nRUNN x\n", (2, 2)),
        ("FROM localhost:1/toolkit-test/none\n", (1, 1)),
    ],
)
def test_the_lines_that_failed_are_found(
    fail: Fail, dockerfile: str, lines: tuple[int, int]
) -> None:
    """Counted where the engine gives no lines, as 20.10 does."""
    error = fail(dockerfile, a="x")
    assert lines_of(error.dockerfile, error.step or "", error.message) == lines


# Why.


def test_a_step_that_is_killed_most_likely_lacks_memory(fail: Fail) -> None:
    error = fail("FROM {base}\nRUN sh -c 'kill -9 $$'; exit $? #{fresh}\n")
    assert error.reason == "its command was killed (exit code 137), most likely for lack of memory"
    assert error.hint == "give the engine more memory, or build less at a time"


def test_so_does_a_program_that_is_killed_within_a_step(fail: Fail) -> None:
    """The step's shell says `Killed` and goes on."""
    error = fail("FROM {base}\nRUN sh -c 'kill -9 $$'; exit 1 #{fresh}\n")
    assert error.reason == (
        "a program of its command was killed (exit code 1), most likely for lack of memory"
    )


def test_a_name_that_does_not_resolve_is_named(fail: Fail) -> None:
    program = "import urllib.request as r; r.urlopen(\\'http://none.invalid/{fresh}\\')"
    error = fail(f'FROM {{base}}\nRUN ["python3", "-c", "{program}"]\n'.replace("\\'", "'"))
    assert error.reason == "a host name could not be resolved (exit code 1)"
    assert error.hint == "check the engine's network and name resolution, and the proxy variables"


TLS: Final = """
import http.server, ssl, threading, urllib.request
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
urllib.request.urlopen(f"https://127.0.0.1:{server.server_port}/")
"""


def test_a_certificate_that_is_not_trusted_is_named(fail: Fail) -> None:
    dockerfile = "FROM {base}\nCOPY pem tls.py /\nRUN unset https_proxy; python3 /tls.py #{fresh}\n"
    error = fail(dockerfile, **{"pem": PEM.read_text(), "tls.py": TLS})
    assert error.reason == "a certificate is not trusted (exit code 1)"
    assert (
        error.hint
        == "name the company's certificates with `--ca-bundle FILE`, or set SSL_CERT_FILE"
    )


def test_a_requirement_for_another_python_is_named_with_both(cli: Cli, name: str) -> None:
    """And the Dockerfile's lines are shown, for whoever wants to know where that was."""
    project = write_project(cli.folder / "tk_new", PLAIN) / "pyproject.toml"
    project.write_text(project.read_text().replace("[build", 'requires-python = ">=3.99"\n[build'))
    cli.write("./tk_new")
    answer = cli("build-image", "--deps", "requirements.txt", "--name", name)
    error, hint = answer.refused(6)
    assert re.fullmatch(
        r"tk[-_]new==1\.0 needs Python >=3\.99, and the image has 3\.\d+\.\d+",
        error,
    )
    assert "choose another Python with --python or --base" in hint
    assert re.search(r"^Dockerfile:\d+-\d+$", answer.stderr, re.MULTILINE)
    assert re.search(r'^ > +\d+ \| .*"sources"\]$', answer.stderr, re.MULTILINE)


def test_a_step_that_prints_100_mb_is_read_to_its_end(fail: Fail) -> None:
    """The engine clips it, and the end is there; so is what a terminal would obey."""
    error = fail(
        "FROM {base}\n"
        "RUN yes $(seq 20) | head -c 100000000; printf '\\n\\033[2J\\n::end::'; exit 9 #{fresh}\n"
    )
    assert error.log[-2:] == ("\x1b[2J", "::end::")
    assert any(line.startswith("[output clipped") for line in error.log) or len(error.log) == 400


# While it runs, on a terminal.

SHOW: Final = """
import sys
from toolkit.cli._progress import showing
from toolkit.engine import connect
from toolkit.engine.buildkit import BuildRequest, build
request = BuildRequest(sys.stdin.buffer.read(), labels={sys.argv[1]: sys.argv[2]})
with connect() as engine:
    with showing(quiet=False) as display:
        image = build(engine, request, secrets={}, on_event=display)
    print(image)
"""
CSI: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A terminal of a size, with a program on it; what it writes is kept as it comes."""

    def __init__(self, *command: str, columns: int, stdin: bytes | None = None) -> None:
        self.screen, theirs = pty.openpty()
        self.columns = columns
        self.resize(columns)
        environment = {**os.environ, "TERM": "xterm-256color"}
        environment.pop("COLUMNS", None)
        if stdin is None:  # it gets the keyboard, too
            command = ("setsid", "--ctty", *command)
        self.process = subprocess.Popen(
            command,
            stdin=theirs if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=environment,
        )
        os.close(theirs)
        if stdin is not None and self.process.stdin is not None:
            self.process.stdin.write(stdin)
            self.process.stdin.close()
        self.written = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """A test that failed leaves no program behind."""
        with self.process:
            self.process.kill()
        os.close(self.screen)

    def resize(self, columns: int) -> None:
        self.columns = columns
        fcntl.ioctl(self.screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def until(self, holds: Callable[[], bool]) -> int:
        """Read what is written until that holds; gives how much that is."""
        limit = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < limit, self.written[-2000:]
            self._read(0.1)
        return len(self.written)

    def until_written(self, text: str) -> int:
        return self.until(lambda: text in self.written)

    def end(self) -> tuple[int, str]:
        """Read to the end; gives the exit code and what went to stdout."""
        while self._read(60):
            pass
        assert self.process.stdout is not None
        out = self.process.stdout.read().decode()
        return self.process.wait(60), out

    def _read(self, seconds: float) -> bool:
        if not select.select([self.screen], [], [], max(0, seconds))[0]:
            return False
        with contextlib.suppress(OSError):  # the other end is closed
            data = os.read(self.screen, 1 << 16)
            self.written += data.decode("utf-8", "replace")
            return bool(data)
        return False


@pytest.fixture
def remove(first_engine: Engine) -> Iterator[None]:
    yield
    for image in first_engine.list_images(f"{LABEL}={VALUE}"):
        first_engine.remove_image(image["Id"], force=True)


def drawn(written: str) -> list[str]:
    """Every line that was drawn, without what moves the cursor or colours it."""
    return [CSI.sub("", line) for line in re.split(r"[\r\n]+", written)]


@pytest.mark.usefixtures("remove")
def test_a_build_on_a_terminal_moves_and_ends_as_plain_lines(base_image: str) -> None:
    """Its running step shows the last line of its log, cut at the width, also at a new one."""
    dockerfile = (
        f"FROM {base_image}\nRUN echo {'漢字' * 40}; sleep 2; echo second {'字' * 60}; sleep 1;"
        f" true {fresh()}\n"
    )
    stdin = context({"Dockerfile": dockerfile})
    command = (sys.executable, "-c", SHOW, LABEL, VALUE)
    with Terminal(*command, columns=60, stdin=stdin) as terminal:
        terminal.until_written("| 漢字漢字")
        terminal.resize(41)
        at = terminal.until_written("| second 字字")
        code, out = terminal.end()
    assert (code, out[:7]) == (0, "sha256:")
    before, after = drawn(terminal.written[:at]), drawn(terminal.written[at:])
    assert max(map(cell_len, before)) <= 60
    assert max(map(cell_len, after)) <= 41
    assert "\N{REPLACEMENT CHARACTER}" not in terminal.written
    assert "\x1b[1A" in terminal.written or "\x1b[A" in terminal.written
    # What stands in the end: the steps, and after the last erasing their sum.
    lines = CSI.sub("", terminal.written)
    assert re.search(r"\r  +\d\.\d s  \[2/2\] RUN echo 漢.*…\r\n", lines)
    last = CSI.sub("", terminal.written.rpartition("\x1b[2K")[2]).strip()
    assert re.fullmatch(r"2 steps in \d+\.\d s(, 1 of them cached)?", last)
    assert terminal.written.rfind("\x1b[?25h") > terminal.written.rfind("\x1b[?25l")


EVIL: Final = "\x1b]0;owned\x07\x1b[2J\x9b5n\u202e::error::owned"
REPORT: Final = """
import sys
from toolkit.cli import report
from toolkit.cli._progress import showing
from toolkit.engine import connect
from toolkit.engine.buildkit import BuildRequest, build
from toolkit.errors import BuildError
dockerfile = sys.argv[1]
with connect() as engine:
    try:
        with showing(quiet=False, verbose=True) as display:
            build(engine, BuildRequest(sys.stdin.buffer.read()), secrets={}, on_event=display)
    except BuildError as error:
        report(error.placed(dockerfile, (3, 3)))
"""


@pytest.mark.parametrize("terminal", [True, False])
def test_a_step_whose_name_a_terminal_would_obey_is_shown_inert(
    base_image: str, terminal: bool
) -> None:
    """While it runs, as it fails, in the report, and in what it says itself."""
    name = f"RUN : {EVIL} {fresh()}; printf '%s\\n' '{EVIL}'; exit 3"
    dockerfile = f"FROM {base_image}\nRUN true\n{name}\n"
    command = (sys.executable, "-c", REPORT, dockerfile)
    content = context({"Dockerfile": dockerfile})
    if terminal:
        with Terminal(*command, columns=300, stdin=content) as screen:
            assert screen.end()[0] == 0
        assert "\x1b[2J" not in screen.written
        text = CSI.sub("", screen.written.replace("\r", ""))
    else:
        done = subprocess.run(command, input=content, capture_output=True, check=True)
        text = done.stderr.decode()
    assert "error: the build failed at [3/3] RUN : " in text
    assert "::error::owned" in text
    bad = [char for char in text if not char.isprintable() and char not in "\n\t"]
    assert bad == []


def test_control_c_on_a_terminal_leaves_it_clean(cli: Cli, name: str) -> None:
    """The key itself, pressed where the line discipline hears it."""
    sleep = Sleep()
    require_a_long_build(cli, sleep)
    command = (sys.executable, "-m", "toolkit", "build-image", "--deps", "requirements.txt")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cli.folder)
        for variable, value in cli.environment.items():
            patch.setenv(variable, value)
        terminal = Terminal(*command, "--name", name, columns=80)
    with terminal:
        terminal.until(sleep.runs)
        terminal.until_written("install.sh")
        os.write(terminal.screen, b"\x03")
        code, out = terminal.end()
    assert not sleep.runs()
    assert (code, out) == (130, "")
    lines = [line for line in drawn(terminal.written) if line.strip()]
    assert lines[-1] == "interrupted"
    assert terminal.written.rfind("\x1b[?25h") > terminal.written.rfind("\x1b[?25l")
    assert "Traceback" not in terminal.written
