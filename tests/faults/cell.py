"""One cell of the fault matrix: a client at a stage, a fault, and what is there afterwards.

Hidden here: how a client is started so that it is told apart from everything else on the machine,
and the judgement. A cell is on a host of its own as far as the library can see: its machine-id is
another one, so that no sweep but its own next start's may clear what it left.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from tests.faults.client import LONG, Part
from tests.faults.images import RUN
from tests.faults.leftovers import Leftovers
from toolkit.engine import Engine

STAGES: Final = ("creating", "created", "opening", "running", "streaming", "stopping")
EXECUTORS: Final = ("executor", "pool")
"""The stage `running`, with the containers of an executor and of a pool."""
BAR: Final = 1.0
"""Seconds after the client's end at which nothing of it is left."""
GRACE: Final = 5.0
"""The same on a machine that has other things to do; the median of many rounds knows no grace."""
NOTICED: Final = 10.0
"""Seconds after a deed within which the client has noticed it, and ended."""
HANGS: Final = 30.0
"""Seconds after which a client that has not ended is taken to hang."""

_DELAYS: Final = {"creating": 0.08, "stopping": 0.12}
"""Up to so many seconds after the beginning of these stages the fault hits."""
_TOP: Final = Path(__file__).parents[2]

_PYTHON: Final = """
import signal, subprocess, time
for number in signal.SIGTERM, signal.SIGHUP, signal.SIGINT:
    signal.signal(number, signal.SIG_IGN)
subprocess.Popen(["sleep", "{0}"], start_new_session=True)
print("on", flush=True)
time.sleep({0})
"""
# Deaf to signals, with a child that has left its session: they end with the container only.
_BLOCKS: Final = {
    "running": "trap '' TERM HUP INT; setsid sleep {0} & echo on; sleep {0}",
    "streaming": "trap '' TERM HUP INT; timeout -s KILL {0} yes all the world is a stage; true",
    "executor": _PYTHON,
    "pool": _PYTHON,
}


@dataclass(frozen=True, slots=True)
class World:
    """Where cells are played. `mend` is called when the client has ended, before it is judged."""

    engine: Engine
    image: str
    folder: Path
    address: str | None = None
    mend: Callable[[], None] | None = None


@dataclass(slots=True)
class Scene:
    """A client that runs, for a deed to be done to it."""

    world: World
    part: Part
    process: subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, and what may be seen of it.

    `played` is its name in the client; `deed` is done to it when it says `now`. `code`, `says` and
    `complains` are the client's end: its exit code, what must be found among its lines, and the
    whole of its standard error. `goes_on`: the work comes to its end. `may_leave`: a container that
    was never started, and files, which the next start clears. `script` is run instead of a block.
    """

    name: str
    played: str = ""
    deed: Callable[[Scene], None] | None = None
    code: int = 0
    says: str = ""
    complains: str = ""
    goes_on: bool = False
    may_leave: bool = False
    script: str = ""
    memory: int | None = None
    confined: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    stage: str
    fault: Fault

    def __str__(self) -> str:
        return f"{self.fault.name}-{self.stage}"


@dataclass(slots=True)
class Outcome:
    """What came of one round. `seconds`: from the client's end until nothing was left of it."""

    said: list[str] = field(default_factory=list)
    stderr: str = ""
    seconds: float = 0.0
    needed_next: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def was_late(self) -> bool:
        """Whether the stage was over when the fault hit."""
        return "late" in self.said

    def explained(self) -> str:
        said = "".join(f"\n  said: {line}" for line in self.said)
        return "; ".join(self.problems) + said + (f"\n{self.stderr}" if self.stderr else "")


def play(cell: Cell, world: World) -> Outcome:
    """Play one round of a cell and judge it; whatever it left is then removed."""
    folder = world.folder / f"{RUN}-{uuid.uuid4().hex[:8]}"
    for each in ("work", "tmp"):
        (folder / each).mkdir(parents=True)
    part = _part(cell, world, folder)
    left = Leftovers(world.engine, part.cell, folder / "work", folder / "tmp")
    outcome = Outcome()
    try:
        with _started(part, folder, outcome.said, confined=cell.fault.confined) as process:
            left.pids.append(process.pid)
            ended = _act(cell, Scene(world, part, process), outcome)
            if world.mend is not None:
                world.mend()
                ended = time.monotonic()
            settle = BAR if cell.stage in {"creating", "created"} else 0
            found = _await_nothing(
                left, ended, outcome, settle=settle, may_leave=cell.fault.may_leave
            )
        outcome.stderr = (folder / "stderr").read_text()
        if found and cell.fault.may_leave and left.can_be_cleared():
            found = _start_next(part, folder, left, outcome)
        _judge(cell, process.returncode, outcome, found)
    finally:
        left.remove()
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


def _part(cell: Cell, world: World, folder: Path) -> Part:
    fault = cell.fault
    seconds = "0.5" if fault.goes_on else str(LONG)
    return Part(
        cell=folder.name,
        stage=cell.stage,
        fault=fault.played or fault.name,
        image=world.image,
        work=str(folder / "work"),
        script=fault.script or _BLOCKS.get(cell.stage, "").format(seconds),
        goes_on=fault.goes_on,
        delay=random.uniform(0, _DELAYS.get(cell.stage, 0)),  # noqa: S311 - no secret
        address=world.address,
        memory=fault.memory,
    )


@contextlib.contextmanager
def _started(
    part: Part, folder: Path, said: list[str], *, confined: bool
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a client; in the end all that it started is ended with it, and what it said is known."""
    python = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.faults.client"]
    command = [*python, json.dumps(asdict(part))]
    with (folder / "stderr").open("wb") as stderr, memory_group(confined=confined) as enter:
        process = subprocess.Popen(
            [*_on_a_host_of_its_own(folder), *enter, *command],
            cwd=_TOP,
            env={**os.environ, "TMPDIR": str(folder / "tmp")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            with process.stdout:
                said += [line.strip() for line in process.stdout.read().decode().splitlines()]
            process.wait()


def _on_a_host_of_its_own(folder: Path) -> tuple[str, ...]:
    """Give a command another machine-id, where that can be done. The process stays the same."""
    if os.geteuid() or not Path("/etc/machine-id").exists() or not shutil.which("unshare"):
        return ()
    (folder / "machine-id").write_text(f"{folder.name:0<32}\n")
    script = 'mount --bind "$0" /etc/machine-id && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", script, str(folder / "machine-id"))


LIMIT: Final = 160 << 20
"""Bytes for a client that is to run out of memory; without that it needs a third."""


def why_not_confined() -> str | None:
    """Why no memory group can be made on this machine; None when it can."""
    if os.geteuid():
        return "a memory control group takes root's rights"
    if not Path("/sys/fs/cgroup/memory/memory.limit_in_bytes").exists():
        return "no memory control group (version 1) at /sys/fs/cgroup/memory"
    return None


@contextlib.contextmanager
def memory_group(*, confined: bool) -> Iterator[tuple[str, ...]]:
    """Make a control group with little memory; gives what a command is put behind to enter it."""
    if not confined:
        yield ()
        return
    group = Path(f"/sys/fs/cgroup/memory/toolkit-faults-{uuid.uuid4().hex[:12]}")
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(LIMIT))
        yield ("sh", "-c", 'echo $$ > "$0"/cgroup.procs && exec "$@"', str(group))
    finally:
        deadline = time.monotonic() + GRACE
        while group.exists() and time.monotonic() < deadline:
            with contextlib.suppress(OSError):  # its last process is just going
                group.rmdir()
            time.sleep(0.01)


def _act(cell: Cell, scene: Scene, outcome: Outcome) -> float:
    """See the client to its end, and do the deed when it asks for it; gives the time of the end."""
    process = scene.process
    hung = threading.Event()

    def end_it() -> None:
        hung.set()
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGUSR1)  # it says where it hangs
            time.sleep(1)
            os.killpg(process.pid, signal.SIGKILL)

    watchdog = threading.Timer(HANGS, end_it)
    watchdog.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            outcome.said.append(line.decode().strip())
            if line == b"now\n":
                break
        if cell.fault.deed is not None and process.poll() is None:
            cell.fault.deed(scene)
        done = time.monotonic()
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
    finally:
        watchdog.cancel()
    if hung.is_set():
        outcome.problems.append(f"the client had not ended after {HANGS:g} s")
    elif time.monotonic() - done > NOTICED:
        outcome.problems.append(f"the client had not ended {NOTICED:g} s after the deed")
    return time.monotonic()


def _await_nothing(
    left: Leftovers, since: float, outcome: Outcome, *, settle: float = 0, may_leave: bool = False
) -> list[str]:
    """Wait until nothing is left, or as long as that may take; gives what is left.

    `settle` is seconds for which an engine may still be doing what a client that is gone has asked.
    """
    while True:
        passed = time.monotonic() - since
        found = left.found()
        if found:
            outcome.seconds = passed
            if passed > GRACE or (may_leave and passed > BAR and left.can_be_cleared()):
                return found
        elif passed >= settle:
            return []
        time.sleep(0.01 if found else 0.05)


def _start_next(part: Part, folder: Path, left: Leftovers, outcome: Outcome) -> list[str]:
    """Let the next one start, on the same host and folders; gives what is left then."""
    outcome.needed_next = True
    following = replace(
        part, fault="next-start", stage=part.stage if part.stage in EXECUTORS else ""
    )
    said: list[str] = []
    with _started(following, folder, said, confined=False) as process:
        left.pids.append(process.pid)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(HANGS)
    if said != ["done"]:
        outcome.problems.append(f"the next start failed: {(folder / 'stderr').read_text()}")
    return _await_nothing(left, time.monotonic(), Outcome())


def _judge(cell: Cell, code: int, outcome: Outcome, found: list[str]) -> None:
    fault, problems = cell.fault, outcome.problems
    if found:
        when = "after the next start" if outcome.needed_next else f"after {GRACE:g} s"
        problems.append(f"left {when}: {', '.join(found)}")
    if code != fault.code:
        problems.append(f"exit code {code}, not {fault.code}")
    if not re.search(fault.says, "\n".join(outcome.said), re.MULTILINE):
        problems.append(f"it did not say {fault.says!r}")
    if not re.fullmatch(fault.complains, outcome.stderr.strip(), re.DOTALL):
        problems.append("standard error is not as it should be")
    problems += [line for line in outcome.said if line.endswith(("failed", "never reached"))]
