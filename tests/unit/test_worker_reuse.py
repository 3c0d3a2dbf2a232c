"""A supervisor that has nothing left to watch makes the next spare; one that has, never does."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.test_worker_channel import warm_channel
from toolkit.worker.channel import Channel
from toolkit.worker.result import Command

MANY = 200
"""Runs, after each of which a spare may come too late to be used."""


@pytest.fixture(params=["sh", "python", "program"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[Channel]:
    yield from warm_channel(tmp_path)


def _mask(*numbers: int) -> int:
    return sum(1 << number - 1 for number in numbers)


_OF_PYTHON = _mask(signal.SIGPIPE, signal.SIGXFSZ)
_SETTLED = _OF_PYTHON | _mask(signal.SIGINT, signal.SIGCHLD)
_OF_THE_LIBRARY = _mask(32, 33)
"""What glibc keeps for itself, and has what posix_spawn(3) starts ignore until it has threads."""


def _ignored(status: str) -> int:
    return int(status.partition("SigIgn:")[2].replace("\\t", " ").split()[0].strip("\\n',]"), 16)


def supervisor(channel: Channel, kind: str, folder: Path, *, leave: bool = False) -> list[int]:
    """Run something; give the pid of what supervised it, and of what it left, if it was to."""
    behind = "sleep 60 >/dev/null 2>&1 &" if leave else "set --"
    script = f"{behind}\necho $PPID $!"
    (folder / "code.sh").write_text(script)
    (folder / "code.py").write_text(
        "import os, subprocess\nfrom subprocess import DEVNULL\n"
        f"left = subprocess.Popen(['sleep', '60'], stdout=DEVNULL).pid if {leave} else ''\n"
        "print(os.getppid(), left, flush=True)\nos._exit(0)\n"
    )
    commands = {
        "sh": Command(("sh", "code.sh"), merged=True),
        "python": Command(("python3", "code.py"), merged=True, warm=True),
        "program": Command(("/bin/sh", "code.sh")),
    }
    return [int(word) for word in channel.run(commands[kind]).stdout.split()]


def test_a_supervisor_that_is_alone_watches_the_next(
    channel: Channel, kind: str, tmp_path: Path
) -> None:
    seen: set[int] = set()
    for _ in range(MANY):
        [found] = supervisor(channel, kind, tmp_path)
        if found in seen:
            return
        seen.add(found)
    pytest.fail(f"{MANY} runs had {MANY} supervisors")


def test_what_a_run_left_keeps_its_supervisor_from_another(
    channel: Channel, kind: str, tmp_path: Path
) -> None:
    """So that the end of a later run is not the end of it."""
    first, left = supervisor(channel, kind, tmp_path, leave=True)
    try:
        others = {supervisor(channel, kind, tmp_path)[0] for _ in range(MANY // 10)}
        assert first not in others
        assert channel.run(Command(("sleep", "60"), timeout=0.2)).timed_out
        os.kill(left, 0)
    finally:
        os.kill(left, signal.SIGKILL)


def test_signals_and_descriptors_of_a_later_run_are_those_of_the_first(
    channel: Channel, kind: str, tmp_path: Path
) -> None:
    """Its supervisor ignores every signal, and has descriptors of its own."""
    script = "grep -E 'Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd | wc -l"
    (tmp_path / "look.sh").write_text(script)
    (tmp_path / "look.py").write_text(
        "import os, signal, sys\n"
        "print([str(signal.getsignal(n)) for n in range(1, 32)], os.listdir('/proc/self/fd'))\n"
        "with open('/proc/self/status') as f: print([l for l in f if l[:4] in ('SigB', 'SigI')])\n"
        "sys.stdout.flush(); os._exit(0)\n"
    )
    name = "look.py" if kind == "python" else "look.sh"
    program = {"sh": "sh", "python": "python3", "program": "/bin/sh"}[kind]
    command = Command((program, name), merged=True, warm=True)
    outputs = {channel.run(command).stdout for _ in range(MANY // 10)}
    assert len(outputs) == 1, outputs
    [output] = outputs
    # A Python ignores SIGPIPE and SIGXFSZ, a shell nothing; both what whoever runs tests ignores.
    ours = _SETTLED | _OF_THE_LIBRARY
    inherited = _ignored(Path("/proc/self/status").read_text()) & ~ours
    expected = inherited | (_OF_PYTHON if kind == "python" else 0)
    assert _ignored(output.decode()) & ~_OF_THE_LIBRARY == expected
