"""A shell that was started ahead becomes just what `execve` would have made."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.worker.identity import identify
from toolkit.worker.program import Program
from toolkit.worker.shell import WaitingShell, waiting_shell
from toolkit.worker.spawn import Pipes

OWN = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "LC_ALL": "C"}
SHOWN = 'cat /proc/$$/cmdline; printf "\\0END\\0"; cat /proc/$$/environ'

ME = identify(None)
DASH = str(Path(shutil.which("sh") or "").resolve())

pytestmark = pytest.mark.skipif(Path(DASH).name != "dash", reason="sh is not dash here")

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
raw = st.binary(max_size=20).map(lambda data: os.fsdecode(data.replace(b"\0", b"")))
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


def told(
    program: Program,
    extra: Mapping[str, str],
    *,
    shell: WaitingShell | None = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> subprocess.CompletedProcess[bytes]:
    """Start a shell that waits, with its output in one pipe and its errors in another; tell it."""
    shell = shell or WaitingShell(DASH, OWN, ME)
    assert shell.can_become(program, extra)
    begin, words = os.pipe()
    empty, outputs, told_pid = os.open(os.devnull, os.O_RDONLY), (os.pipe(), os.pipe()), os.pipe()
    keeper = os.fork()
    if keeper == 0:
        for standard in range(3):  # as in a supervisor: no pipe is among the first
            os.dup2(empty, standard)
        shell.settle()
        kept = {begin, empty, told_pid[1], *(write for _, write in outputs)}
        for descriptor in set(range(3, 1024)) - kept:  # also what these tests were started with
            with contextlib.suppress(OSError):
                os.close(descriptor)
        theirs = Pipes([begin, empty, *(write for _, write in outputs)])
        pid = shell.start(theirs, [signal.SIGPIPE, signal.SIGXFSZ])
        theirs.close()
        os.write(told_pid[1], b"%d" % pid)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    for end in (begin, empty, *(write for _, write in outputs)):
        os.close(end)
    pid = int(os.read(told_pid[0], 20))
    for end in told_pid:
        os.close(end)
    meanwhile()
    os.write(words, shell.tell(program, extra))
    os.close(words)
    said = []
    for read, _ in outputs:
        with os.fdopen(read, "rb") as stream:
            said.append(stream.read())
    _, status = os.waitpid(keeper, 0)
    return subprocess.CompletedProcess([], os.waitstatus_to_exitcode(status), *said)


def program(*arguments: str, cwd: str = "/", merged: bool = False) -> Program:
    made = Program(["sh", *arguments], cwd, OWN)
    made.merged = merged
    return made


@settings(max_examples=60)
@given(st.lists(texts | raw, max_size=3), st.dictionaries(names, texts | raw, max_size=3))
def test_arguments_and_variables_arrive_as_they_were_told(
    arguments: list[str], extra: dict[str, str]
) -> None:
    asked = program("-c", SHOWN, "zero", *arguments)
    shell = WaitingShell(DASH, OWN, ME)
    if not shell.can_become(asked, extra) or extra.keys() & {"PATH", "_"}:
        return
    seen = told(asked, extra)
    line, _, variables = seen.stdout.partition(b"\0END\0")
    assert line.split(b"\0")[:-1] == [os.fsencode(each) for each in asked.argv]
    expected = {f"{key}={text}" for key, text in {**OWN, **extra}.items()}
    assert set(map(os.fsdecode, variables.split(b"\0")[:-1])) == expected


def test_its_streams_are_those_that_were_asked_for() -> None:
    script = "readlink /proc/$$/fd/0; echo out; echo err >&2; ls /proc/$$/fd"
    apart = told(program("-c", script), {})
    assert apart.stdout == b"/dev/null\nout\n0\n1\n2\n"
    assert apart.stderr == b"err\n"
    assert told(program("-c", script, merged=True), {}).stdout == b"/dev/null\nout\nerr\n0\n1\n2\n"


def test_it_runs_a_file_in_its_folder_and_ends_as_that_does(tmp_path: Path) -> None:
    (tmp_path / "a 'b.sh").write_text('echo "$0 $#"; exit 7')
    seen = told(program("a 'b.sh", "one", cwd=str(tmp_path)), {})
    assert (seen.returncode, seen.stdout) == (7, b"a 'b.sh 1\n")


def test_the_path_that_it_is_told_finds_the_shell(tmp_path: Path) -> None:
    own = tmp_path / "sh"
    own.write_text("#!/bin/sh\necho my own\n")
    own.chmod(0o755)
    assert told(program("file"), {"PATH": f"{tmp_path}:/usr/bin:/bin"}).stdout == b"my own\n"


def test_another_shell_that_was_made_of_it_meanwhile_is_what_it_becomes(tmp_path: Path) -> None:
    """The waiting one stays the one that is known: bash would wait for the end of its words."""
    link = tmp_path / "sh"
    link.symlink_to("/bin/sh")
    env = {**OWN, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    shell = waiting_shell(identify(None), env)
    link.unlink()
    link.write_text('#!/bin/sh\necho my own "$@"\n')
    link.chmod(0o755)
    assert told(program("file"), {}, shell=shell).stdout == b"my own file\n"


def test_it_enters_the_folder_that_is_there_when_it_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "a 'b"
    folder.mkdir()

    def replace() -> None:
        folder.rename(tmp_path / "old")
        folder.mkdir()
        (folder / "new").touch()

    script = 'ls; pwd; echo "${OLDPWD-none}"; cat /proc/$$/environ'
    seen = told(program("-c", script, cwd=str(folder)), {}, meanwhile=replace)
    assert seen.stdout.startswith(f"new\n{folder}\nnone\n".encode())
    assert b"PWD=" not in seen.stdout
    assert seen.stderr == b""


def test_a_folder_that_is_gone_is_said_once_and_nothing_is_run(tmp_path: Path) -> None:
    seen = told(program("-c", "echo never", cwd=f"{tmp_path}/gone"), {})
    assert (seen.returncode, seen.stdout) == (127, b"")
    assert seen.stderr == f"sh: 2: cd: can't cd to {tmp_path}/gone\n".encode()


def test_a_file_that_is_missing_is_the_shells_own_error() -> None:
    seen = told(program("absent.sh"), {})
    assert seen.returncode == 2
    assert b"absent.sh" in seen.stderr


@pytest.mark.parametrize("variable", ["PWD", "OLDPWD", "IFS", "OPTIND", "a.b", "1st", "", "A\n"])
def test_what_a_shell_would_not_pass_on_is_no_business_of_its(variable: str) -> None:
    assert not WaitingShell(DASH, OWN, ME).can_become(program("file"), {variable: "x"})
    assert waiting_shell(identify(None), {**OWN, variable: "x"}) is None


def test_another_program_or_a_folder_beside_its_own_or_a_file_to_be_written_is_not_its() -> None:
    shell = WaitingShell(DASH, OWN, ME)
    written = program("file")
    written.path = "target"
    others = (Program(["bash", "file"], "/", OWN), program("file", cwd="tmp"), written)
    assert not any(shell.can_become(other, {}) for other in others)


def test_a_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="contains a NUL"):
        WaitingShell(DASH, OWN, ME).tell(program("a\0b"), {})


def test_only_a_dash_waits(tmp_path: Path) -> None:
    found = waiting_shell(identify(None), OWN)
    assert found is not None
    (tmp_path / "sh").symlink_to("/usr/bin/env")
    assert waiting_shell(identify(None), {"PATH": str(tmp_path)}) is None
    assert waiting_shell(identify(None), {"PATH": "/nowhere"}) is None
