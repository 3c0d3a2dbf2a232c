"""A program that a supervisor starts beside itself is what one would be that was forked for it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.unit.test_worker_channel import Pipes, warm_channel
from toolkit.worker import boot
from toolkit.worker.channel import Channel, Setup
from toolkit.worker.identity import Identity, identify
from toolkit.worker.program import LONGEST, Program
from toolkit.worker.result import Command
from toolkit.worker.spawn import Pipes as Ends
from toolkit.worker.spawn import Starter, hatch, open_pipes, order_next
from toolkit.worker.supervisor import Account

LIMIT = 20.0
SHOWN = (
    'cat /proc/$$/cmdline; printf "\\0END\\0"; cat /proc/$$/environ; ls /proc/$$/fd;'
    " readlink /proc/$$/fd/0; pwd; umask; grep -E '^(SigBlk|Groups|Uid|Gid)' /proc/self/status;"
    " cat /proc/$$/oom_score_adj; ulimit -a;"
    " cut -d' ' -f6 /proc/$$/stat | grep -qx $$ && echo leads"
)


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[Channel]:
    yield from warm_channel(tmp_path)


@pytest.fixture(params=["beside", "forked"])
def padding(request: pytest.FixtureRequest) -> dict[str, str]:
    """What is too long for a supervisor that stands by to be told is started by a fork."""
    return {"PAD": "x" * LONGEST} if request.param == "forked" else {}


def places(folder: Path) -> dict[str, tuple[list[str], str]]:
    """What is run, and on which PATH; in a folder with all that may stand in its way."""
    own, barred, other = folder / "own", folder / "barred", folder / "other"
    for each in (own, barred, other / "tool"):
        each.mkdir(parents=True)
    tool = own / "tool"
    tool.write_text('#!/bin/sh\necho "$0" "$@"\n')
    tool.chmod(0o755)
    (barred / "tool").write_text("#!/bin/sh\n")
    (folder / "plain").write_text("echo plain\n")
    (folder / "plain").chmod(0o755)
    return {
        "found in the second place": (["tool", "a b", ""], f"{folder}/none:{own}:/bin"),
        "not executable, then found": (["tool"], f"{barred}:{own}"),
        "a folder of that name, then found": (["tool"], f"{other}:{own}"),
        "a folder of that name": (["tool"], str(other)),
        "not executable": (["tool"], str(barred)),
        "a file where a folder should be": (["tool"], f"{tool}:{own}"),
        "nowhere": (["tool"], "/none:/nowhere"),
        "by its path, which is relative": (["./own/tool"], "/bin"),
        "relative, and not there": (["./none/tool"], "/bin"),
        "in a relative place": (["tool"], "own"),
        "in the folder itself": (["plain"], ":/bin"),
        "of no known format": (["./plain"], "/bin"),
        "a folder": (["./own"], "/bin"),
        "nothing": ([""], "/bin"),
    }


def test_what_can_be_run_is_found_and_what_cannot_is_told_alike(
    channel: Channel, tmp_path: Path
) -> None:
    cases = places(tmp_path)
    seen: dict[str, list[tuple[int, bytes, bytes]]] = {}
    for padding in ({}, {"PAD": "x" * LONGEST}):
        for what, (argv, path) in cases.items():
            told = Command((*argv,), cwd=str(tmp_path), environment={"PATH": path, **padding})
            result = channel.run(told)
            seen.setdefault(what, []).append((result.exit_code, result.stdout, result.stderr))
    assert [what for what, (one, other) in seen.items() if one != other] == []
    assert seen["found in the second place"][0] == (0, f"{tmp_path}/own/tool a b \n".encode(), b"")
    assert seen["a folder of that name"][0] == (126, b"", b"tool: Permission denied\n")
    assert seen["nowhere"][0] == (127, b"", b"tool: not found\n")
    assert seen["of no known format"][0] == (126, b"", b"./plain: Exec format error\n")


def test_its_world_is_that_of_a_program_that_was_forked(channel: Channel, tmp_path: Path) -> None:
    """Arguments, variables, descriptors, folder, signals, user, limits, session."""
    odd = {"EMPTY": "", "LINES": "a\nb", "a.b": "dot", "NOT_UTF8": os.fsdecode(b"\xff")}
    (tmp_path / "it's here").mkdir()
    told = []
    for padding in ("", "x" * LONGEST):
        variables = {**odd, "PAD": padding}
        command = Command(
            ("sh", "-c", SHOWN, "zero", "a 'b", ""),
            cwd=str(tmp_path / "it's here"),
            environment=variables,
            merged=True,
        )
        told.append(channel.run(command).stdout.replace(b"x" * LONGEST, b"").split(b"\n"))
    assert told[0] == told[1]
    assert b"leads" in told[0]
    assert b"NOT_UTF8=\xff\0" in told[0][0] + told[0][1] + told[0][2]


def test_streams_are_apart_or_one_and_input_is_given(channel: Channel, padding: dict) -> None:  # type: ignore[type-arg]
    script = ("sh", "-c", "cat; echo out; echo err >&2")
    apart = channel.run(Command(script, stdin=b"in\n", environment=padding))
    assert (apart.stdout, apart.stderr) == (b"in\nout\n", b"err\n")
    merged = channel.run(Command(script, merged=True, environment=padding))
    assert (merged.stdout, merged.stderr) == (b"out\nerr\n", b"")


def test_where_it_is_missing_is_said_on_its_errors_wherever_they_go(
    channel: Channel, padding: dict[str, str], tmp_path: Path
) -> None:
    gone = channel.run(Command(("true",), cwd=f"{tmp_path}/gone", merged=True, environment=padding))
    assert gone.exit_code == 127
    assert gone.stdout == f"{tmp_path}/gone: No such file or directory\n".encode()


def test_a_relative_folder_is_one_below_the_working_folder(
    channel: Channel, padding: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "below").mkdir()
    seen = [
        channel.run(Command(argv, cwd="below", environment=padding, warm=warm)).stdout
        for argv, warm in [
            (("pwd",), False),
            (("python3", "-c", "import os\nprint(os.getcwd())"), True),
        ]
    ]
    assert seen == [f"{tmp_path}/below\n".encode()] * 2


class Stopping(Identity):
    """One whose supervisors are stopped as other code of a user can: in the stretch of lending."""

    @contextlib.contextmanager
    def lending(self) -> Iterator[None]:
        yield
        os.kill(os.getpid(), signal.SIGSTOP)


def standing_by(who: Identity, env: Mapping[str, str], *, can_launch: bool = True) -> Ends:
    """A supervisor that waits for a program: our ends of its pipes."""
    ours, theirs = open_pipes(contextlib.nullcontext())
    nursery = os.fork()
    if nursery == 0:
        empty = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(empty, standard)
        starter = Starter(who, env)
        starter._can_launch = starter._can_launch and can_launch
        hatch(theirs, foreign=ours.descriptors(), starter=starter)
        os._exit(0)
    theirs.close()
    os.waitpid(nursery, 0)
    return ours


def test_what_may_have_run_is_not_taken_for_lost(tmp_path: Path) -> None:
    """What was not begun in time is begun again. A supervisor may be late after it has begun it."""
    ours = standing_by(Stopping(os.geteuid(), os.getegid()), {"PATH": os.environ["PATH"]})
    program = Program(["sh", "-c", "echo $PPID; exec sleep 60"], str(tmp_path), {})
    os.set_blocking(ours.output, True)
    os.write(ours.begin, program.tell({}))
    supervisor = int(os.read(ours.output, 64))
    poll = select.poll()
    poll.register(ours.begin, 0)
    try:
        assert poll.poll(0) == [(ours.begin, select.POLLERR)]
    finally:
        ours.close()
        os.kill(supervisor, signal.SIGCONT)


@pytest.mark.parametrize("can_launch", [True, False], ids=["beside", "forked"])
def test_a_supervisor_starts_one_after_another(can_launch: bool, tmp_path: Path) -> None:
    """Also where this Python cannot give it a session, and after one that is missing."""
    ours = standing_by(identify(None), {"OWN": "1"}, can_launch=can_launch)
    control, seen, ends = ours.control, [], []
    for name in ("sh", "none", "sh"):
        if ours.begin < 0:
            ours, theirs = open_pipes(contextlib.nullcontext(), control)
            order_next(control, theirs)
            theirs.close()
        for descriptor in (ours.output, control):
            os.set_blocking(descriptor, True)
        program = Program([name, "-c", "echo $OWN $EXTRA; exit 7"], str(tmp_path), {})
        program.merged = True
        os.write(ours.begin, program.tell({"EXTRA": "2", "PATH": os.environ["PATH"]}))
        with os.fdopen(ours.output, "rb", closefd=False) as output:
            seen.append(output.read())
        reports = b""
        while Account(reports).code is None:
            reports += os.read(control, 64)
        ends.append(Account(reports))
        ours.control = -1
        ours.close()
    assert seen == [b"1 2\n", b"none: not found\n", b"1 2\n"]
    assert [(end.code, end.is_alone, end.is_unstarted) for end in ends] == [
        (7, True, False),
        (127, True, False),
        (7, True, False),
    ]
    [supervisor] = {end.supervisor for end in ends}
    assert 0 < supervisor != os.getpid()
    assert 0 < ends[0].child != ends[2].child > 0
    assert supervisor not in {ends[0].child, ends[2].child}
    os.close(control)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_has_no_capability_of_the_worker_s(tmp_path: Path) -> None:
    """Ambient ones outlive an exec, unlike all others (capabilities(7))."""
    tmp_path.chmod(0o755)
    given = ["setpriv", "--inh-caps=+chown,+kill", "--ambient-caps=+chown,+kill"]
    pipes = Pipes([*given, *boot.command(sys.executable)])
    channel = Channel(pipes, name="the worker")
    try:
        channel.open(Setup("/", user="4321:4321", warm=True), timeout=10)
        script = "grep -E '^(Uid|Gid|Groups|Cap(Prm|Eff|Amb))' /proc/self/status"
        for padding in ("", "x" * LONGEST):
            told = Command(("sh", "-c", script), environment={"PAD": padding})
            seen = channel.run(told).stdout.decode().split("\n")[:-1]
            assert [line.split()[1:] for line in seen] == [["4321"] * 4] * 2 + [[]] + [
                ["0" * 16]
            ] * 3
    finally:
        channel.close()
        pipes.discard()
