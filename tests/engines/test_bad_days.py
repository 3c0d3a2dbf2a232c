"""Bad days that are too long for `make test`, or that differ between engines."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import threading
import uuid
from pathlib import Path
from typing import Final

import pytest

from tests.docker.conftest import Cli
from tests.docker.relay import Relay
from tests.engines.nested import Nested
from toolkit.engine import Engine
from toolkit.engine.buildkit import BuildEvent, BuildRequest, StepStarted, build
from toolkit.errors import EngineUnreachableError

pytestmark = pytest.mark.docker

MANY = 20
LINES, LENGTH = 1600, 1 << 16

SAY: Final = f"""
import os
for _ in range({LINES}):
    os.write(1, b"x" * {LENGTH - 1} + b"\\n")
print("end")
raise SystemExit(7)
"""
READ: Final = f"""
import resource, sys
from toolkit.engine import connect
from toolkit.engine.buildkit import BuildRequest, StepLog, build, road
from toolkit.errors import BuildError
said, odd = 0, []
def listen(event):
    global said
    if isinstance(event, StepLog):
        said += len(event.line) + 1
        if len(event.line) != {LENGTH - 1} and len(odd) < 5:
            odd.append(event.line[-40:])
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with connect(sys.argv[1]) as engine:
    road(engine)  # whatever has to be imported is
    before = peak()
    try:
        build(engine, BuildRequest(sys.stdin.buffer.read()), secrets={{}}, on_event=listen)
    except BuildError as error:
        print(error.message, peak() - before, said, odd, *error.log[-1:], sep="\\n")
"""


def context(dockerfile: str, **files: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, text in {"Dockerfile": dockerfile, **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def test_a_log_of_100_mb(nest: Nested, base: str) -> None:
    """The client holds little of it at a time; it hears all of it where the engine tells it."""
    sent = context(f"FROM {base}\nCOPY say /\nRUN python3 -u /say\n", say=SAY)
    command = [sys.executable, "-c", READ, nest.address]
    answer = subprocess.run(command, input=sent, stdout=subprocess.PIPE, check=True, timeout=600)
    message, grown, said, odd, *last = answer.stdout.decode().splitlines()
    assert message.endswith("its command ended with exit code 7")
    assert int(grown) < 40_000
    if nest.kind.whole_logs:
        whole = LINES * LENGTH + len("end\n")
        assert (int(said), odd, last) == (whole, "['end']", ["end"])


def test_a_session_that_is_lost_ends_the_build(
    nest: Nested, engine: Engine, base: str, tmp_path: Path
) -> None:
    if nest.kind.road != "grpc":
        pytest.skip("it has no session")
    threads = set(threading.enumerate())
    name = f"sleep 600 # {uuid.uuid4().hex}"
    with Relay.before(engine, tmp_path) as (relay, through):

        def listen(event: BuildEvent) -> None:
            if isinstance(event, StepStarted) and name in event.name:
                relay.cut_only(b"POST /session ")

        request = BuildRequest(context(f"FROM {base}\nRUN {name}\n"))
        with pytest.raises(EngineUnreachableError, match="closed the connection while building"):
            build(through, request, secrets={}, on_event=listen)
    assert set(threading.enumerate()) <= threads


def test_twenty_commands_build_different_images_at_once(cli: Cli, engine: Engine) -> None:
    """Each is a process, and has its image proven in a container."""
    names = [f"many-{uuid.uuid4().hex[:8]}" for _ in range(MANY)]
    for name in names:
        cli.write(cli.wheel("tk_many", folder=name), file=f"{name}.txt")
    processes = [
        cli.start("build-image", "--deps", f"{name}.txt", "--name", name) for name in names
    ]
    answers = [cli.ended(each, seconds=600) for each in processes]
    assert [answer.code for answer in answers] == [0] * MANY, [
        answer.stderr for answer in answers if answer.code
    ]
    ids = {(engine.inspect_image(answer.stdout.strip()) or {})["Id"] for answer in answers}
    assert len(ids) == MANY
