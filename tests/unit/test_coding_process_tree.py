"""A program on this machine, and the end of all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.patience import with_enough_time
from toolkit.coding import process_tree
from toolkit.errors import ExecError
from toolkit.worker.result import Cancellation, Command, Result

PATH = {"PATH": os.environ["PATH"]}
SETSID = "import os,time\nos.setsid()\nopen('pid','w').write(str(os.getpid()))\ntime.sleep(60)"
TWICE = (
    f"import os,time\nif os.fork() == 0:\n if os.fork() == 0:\n  exec({SETSID!r})\ntime.sleep(60)"
)
DEAF = (
    "import os,signal,time\nsignal.signal(15, signal.SIG_IGN)\n"
    "open('pid','w').write(str(os.getpid()))\ntime.sleep(60)"
)


@pytest.fixture(params=["tree", "group"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to supervise; the second is for platforms that are not this one."""
    monkeypatch.setattr(process_tree, "_KIND", request.param)
    return str(request.param)


def run(folder: Path, *argv: str, **options: Any) -> Result:  # noqa: ANN401 - Command's own
    options = {"timeout": 30.0, "merged": True, "environment": PATH, **options}
    return process_tree.run(Command(argv, cwd=str(folder), **options))


def python(folder: Path, code: str, **options: Any) -> Result:  # noqa: ANN401 - as above
    return run(folder, sys.executable, "-c", code, **options)


def limited(folder: Path, *argv: str) -> Result:
    """Run until a limit ends it, which it must not before it has written its id into the folder."""
    pid = folder / "pid"

    def attempt(timeout: float) -> Result:
        pid.unlink(missing_ok=True)
        return run(folder, *argv, timeout=timeout)

    return with_enough_time(attempt, lambda _result: pid.exists() and pid.read_text() != "")


def is_gone(folder: Path) -> bool:
    """Whether the process that wrote its id into the folder has ended; init may yet collect it."""
    try:
        stat = Path(f"/proc/{(folder / 'pid').read_text().strip()}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] in {"Z", "X"}


def test_its_output_and_exit_code_are_the_result(kind: str, tmp_path: Path) -> None:
    result = run(tmp_path, "sh", "-c", "echo a; echo b >&2; echo c; pwd; exit 3")
    assert kind
    assert result.stdout == f"a\nb\nc\n{tmp_path}\n".encode()
    assert (result.exit_code, result.stderr, result.timed_out) == (3, b"", False)


def test_streams_can_be_had_apart(tmp_path: Path) -> None:
    result = run(tmp_path, "sh", "-c", "echo a; echo b >&2", merged=False)
    assert (result.stdout, result.stderr) == (b"a\n", b"b\n")


def test_output_is_passed_on_as_it_comes(tmp_path: Path) -> None:
    seen: list[tuple[str, bytes]] = []
    command = Command(
        ("sh", "-c", "echo a; sleep 0.2; echo b"), merged=True, cwd=str(tmp_path), environment=PATH
    )
    process_tree.run(command, on_output=lambda stream, data: seen.append((stream, data)))
    assert seen == [("stdout", b"a\n"), ("stdout", b"b\n")]


def test_a_signal_is_128_and_its_number(kind: str, tmp_path: Path) -> None:
    assert kind
    assert run(tmp_path, "sh", "-c", "kill -9 $$").exit_code == 137


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (("no-such-program",), 127, b"no-such-program: not found\n"),
        (("./no/such",), 127, b"./no/such: No such file or directory\n"),
        (("/",), 126, b"/: Permission denied\n"),
    ],
)
def test_a_program_that_cannot_be_run_is_a_result(
    tmp_path: Path, argv: tuple[str], code: int, words: bytes
) -> None:
    result = run(tmp_path, *argv)
    assert (result.exit_code, result.stdout) == (code, words)


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ExecError, match=r"^program 'true' could not be started: No such file"):
        run(tmp_path / "gone", "true")


def test_input_is_empty_and_no_descriptor_leaks(tmp_path: Path) -> None:
    """The supervisor's pipes, and whatever the application has open, stay out of the program."""
    with (tmp_path / "open").open("w") as stream:
        os.set_inheritable(stream.fileno(), True)
        code = "import os,sys; print(repr(sys.stdin.read()), os.listdir('/proc/self/fd'))"
        assert python(tmp_path, code).stdout.startswith(b"'' ['0', '1', '2', '3']")


def test_the_environment_is_the_given_one_to_the_letter(tmp_path: Path) -> None:
    code = "import os; print(sorted(os.environ.items()))"
    given = {"A": "b", "PATH": PATH["PATH"], "PYTHONCOERCECLOCALE": "0"}
    assert python(tmp_path, code, environment=given).stdout == f"{sorted(given.items())}\n".encode()
    given["LC_CTYPE"] = "C"
    assert python(tmp_path, code, environment=given).stdout == f"{sorted(given.items())}\n".encode()


def test_signals_that_python_ignores_are_not_ignored_in_the_program(tmp_path: Path) -> None:
    """Others may be: who starts us in the background may have had them ignored."""
    result = run(tmp_path, "sh", "-c", "grep SigIgn /proc/self/status")
    ignored = int(result.stdout.split()[-1], 16)
    assert not ignored & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1)


@pytest.mark.parametrize("code", [SETSID, TWICE, DEAF], ids=["setsid", "twice", "deaf"])
def test_a_limit_ends_every_process_and_keeps_the_output(tmp_path: Path, code: str) -> None:
    shell = f'echo before; "{sys.executable}" -c "$0" & exec sleep 60'
    result = limited(tmp_path, "sh", "-c", shell, code)
    assert (result.exit_code, result.stdout, result.timed_out) == (124, b"before\n", True)
    assert is_gone(tmp_path)


def test_a_limit_ends_the_group_where_there_is_no_subreaper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_tree, "_KIND", "group")
    shell = f'echo before; "{sys.executable}" -c "$0" & exec sleep 60'
    result = limited(tmp_path, "sh", "-c", shell, DEAF)
    assert (result.exit_code, result.stdout, result.timed_out) == (124, b"before\n", True)
    assert is_gone(tmp_path)


def test_what_stays_behind_without_a_limit_lives_on(kind: str, tmp_path: Path) -> None:
    assert kind
    result = run(tmp_path, "sh", "-c", "sleep 30 > /dev/null 2>&1 & echo $! > pid")
    try:
        assert result.exit_code == 0
        assert not is_gone(tmp_path)
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_who_holds_the_output_has_no_longer_than_the_limit(kind: str, tmp_path: Path) -> None:
    """As in AutoGen, a program that has ended has timed out when its output has no end."""
    assert kind
    result = limited(tmp_path, "sh", "-c", "sleep 30 & echo on; echo $! > pid")
    assert (result.exit_code, result.stdout, result.timed_out) == (124, b"on\n", True)
    assert is_gone(tmp_path)


def test_a_cancellation_ends_every_process(kind: str, tmp_path: Path) -> None:
    """From another thread, once the program runs."""
    assert kind
    cancellation = Cancellation()

    def cancel(_stream: str, _data: bytes) -> None:
        thread = threading.Thread(target=cancellation.cancel)
        thread.start()
        thread.join()

    shell = "sleep 60 & echo $! > pid; echo before; wait"
    command = Command(
        ("sh", "-c", shell),
        merged=True,
        cwd=str(tmp_path),
        environment=PATH,
        cancellation=cancellation,
    )
    result = process_tree.run(command, on_output=cancel)
    assert (result.cancelled, result.timed_out, result.stdout) == (True, False, b"before\n")
    assert is_gone(tmp_path)
    cancellation.cancel()


def test_a_cancellation_ends_what_outlives_the_program_and_holds_its_output(
    kind: str, tmp_path: Path
) -> None:
    assert kind
    cancellation = Cancellation()

    def cancel(_stream: str, data: bytes) -> None:
        while Path(f"/proc/{int(data)}").exists():
            time.sleep(0.01)
        cancellation.cancel()

    command = Command(
        ("sh", "-c", "sleep 60 & echo $! > pid; echo $$"),
        cwd=str(tmp_path),
        environment=PATH,
        cancellation=cancellation,
    )
    assert process_tree.run(command, on_output=cancel).cancelled
    assert is_gone(tmp_path)


def test_a_cancellation_before_the_run_ends_it_at_once(tmp_path: Path) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    assert run(tmp_path, "sleep", "60", cancellation=cancellation).cancelled


def test_an_exception_of_the_listener_ends_every_process(tmp_path: Path) -> None:
    """Ctrl-C is one."""

    def interrupt(_stream: str, _data: bytes) -> None:
        raise KeyboardInterrupt

    shell = "sleep 60 & echo $! > pid; echo on; wait"
    command = Command(("sh", "-c", shell), merged=True, cwd=str(tmp_path), environment=PATH)
    with pytest.raises(KeyboardInterrupt):
        process_tree.run(command, on_output=interrupt)
    assert is_gone(tmp_path)


def test_the_end_of_the_application_ends_every_process(kind: str, tmp_path: Path) -> None:
    """Though it be killed: the supervisor sees that nobody gives orders any more."""
    program = (
        "import os, sys\nfrom toolkit.coding import process_tree\n"
        "from toolkit.worker.result import Command\n"
        f"process_tree._KIND = {kind!r}\n"
        "argv = ('sh', '-c', 'sleep 60 & echo $! > pid; wait')\n"
        "process_tree.run(Command(argv, cwd=sys.argv[1], environment=dict(os.environ)))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) as application:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
        application.kill()
    for _ in range(500):
        if is_gone(tmp_path):
            return
        time.sleep(0.01)
    pytest.fail("the program outlives the application")


def test_a_program_that_kills_its_supervisor_is_ended_with_its_group(tmp_path: Path) -> None:
    shell = "sleep 60 & echo $! > pid; echo before; kill -9 $PPID; sleep 60"
    result = run(tmp_path, "sh", "-c", shell)
    assert (result.exit_code, result.stdout) == (137, b"before\n")
    for _ in range(500):
        if is_gone(tmp_path):
            return
        time.sleep(0.01)
    pytest.fail("the program outlives its supervisor")


def test_a_fork_bomb_is_ended(tmp_path: Path) -> None:
    code = "import os, time\nif os.fork(): time.sleep(60)\nwhile True:\n if os.fork(): os._exit(0)"
    result = run(tmp_path, sys.executable, "-c", code, str(tmp_path), timeout=1)
    assert result.timed_out
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if _names(path, tmp_path)]


def _names(path: Path, folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return str(folder) in path.read_text()
    return False


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No child of this process, dead or alive."""
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
