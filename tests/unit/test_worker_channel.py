"""Client and worker together, over the pipes of a plain child process: no engine, the real code.

The worker is not PID 1 here; what needs a container is in tests/docker/.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.patience import with_enough_time
from toolkit.errors import (
    DiedError,
    EngineUnreachableError,
    ExecError,
    ExecTimeoutError,
    NotRunningError,
    StartError,
)
from toolkit.worker import boot, protocol
from toolkit.worker.channel import Channel, Setup
from toolkit.worker.protocol import Frame
from toolkit.worker.result import Cancellation, Command, Result
from toolkit.worker.standing import Standing


class Pipes:
    """A worker as a child process, seen as the attach stream of a container."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in = self.process.stdin
        self._out = self.process.stdout

    def recv(self, max_bytes: int = 65536) -> bytes:
        data = os.read(self._out.fileno(), max_bytes)
        return b"\1\0\0\0" + len(data).to_bytes(4, "big") + data if data else b""

    def send(self, data: bytes) -> None:
        try:
            self._in.write(data)
            self._in.flush()
        except ValueError as error:  # a ping may come just as it is closed
            raise EngineUnreachableError("the stream is closed", hint="open another") from error

    def shut_write(self) -> None:
        self._in.close()

    def silence(self) -> None:
        """Lose, from now on, what is sent."""
        self._in = open(os.devnull, "wb")  # noqa: SIM115, PTH123 - closed like the other

    def discard(self) -> None:
        """End it, whatever state it is in."""
        self.process.kill()
        self.process.wait()
        for stream in (self._in, self._out, self.process.stdin):
            if stream is not None:
                stream.close()

    def close(self) -> None:
        if not self._in.closed:
            self._in.close()
        self.process.wait(10)

    def close_after_fork(self) -> None: ...

    def fileno(self) -> int:
        return self._out.fileno()

    def ready(self) -> bool:
        return False


def warm_channel(folder: Path) -> Iterator[Channel]:
    """To a worker that keeps spares of each kind."""
    pipes = Pipes(boot.command(sys.executable))
    found = Channel(pipes, name="the worker")
    found.open(Setup(str(folder), warm=True), timeout=10)
    yield found
    found.close()
    pipes.discard()


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    pipes = Pipes(boot.command(sys.executable))
    yield pipes
    pipes.process.kill()
    pipes.close()
    pipes._out.close()


@pytest.fixture
def channel(pipes: Pipes, tmp_path: Path) -> Iterator[Channel]:
    channel = Channel(pipes, name="the worker")
    channel.open(Setup(str(tmp_path)), timeout=10)
    yield channel
    channel.close()


def sh(channel: Channel, script: str, **options: object) -> Result:
    return channel.run(Command(("sh", "-c", script), **options))  # type: ignore[arg-type]


@pytest.fixture
def other_bytecode(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A client whose bytecode is not that of the Python in the container."""
    monkeypatch.setattr(boot, "_MAGIC", b"\0\0\r\n")
    boot._packed.cache_clear()
    yield
    boot._packed.cache_clear()


@pytest.mark.usefixtures("other_bytecode")
def test_another_version_of_python_gets_the_text_and_its_warm_interpreter_too(
    pipes: Pipes, tmp_path: Path
) -> None:
    channel = Channel(pipes, name="the worker")
    # It is only ready when the warm interpreter has said that it has loaded this.
    channel.open(Setup(str(tmp_path), preload=["fractions"]), timeout=10)
    assert sh(channel, "echo out").stdout == b"out\n"
    channel.close()


def test_streams_are_apart_and_the_exit_code_is_the_programs_own(channel: Channel) -> None:
    result = sh(channel, "echo out; echo err >&2; exit 3")
    assert (result.exit_code, result.stdout, result.stderr) == (3, b"out\n", b"err\n")
    assert not result.timed_out


def test_merged_streams_are_in_true_order(channel: Channel) -> None:
    script = "for i in 1 2 3 4 5; do echo o$i; echo e$i >&2; done"
    result = sh(channel, script, merged=True)
    assert result.stdout == b"o1\ne1\no2\ne2\no3\ne3\no4\ne4\no5\ne5\n"
    assert result.stderr == b""


@pytest.mark.parametrize(("number", "code"), [("TERM", 143), ("KILL", 137), ("SEGV", 139)])
def test_death_by_a_signal_is_128_and_its_number(channel: Channel, number: str, code: int) -> None:
    assert sh(channel, f"kill -{number} $$").exit_code == code


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (("no-such-program",), 127, b"no-such-program: not found\n"),
        (("/no/such/program",), 127, b"/no/such/program: not found\n"),
        (("/etc/passwd",), 126, b"/etc/passwd: Permission denied\n"),
    ],
)
def test_a_program_that_cannot_be_run_is_a_result(
    channel: Channel, argv: tuple[str, ...], code: int, words: bytes
) -> None:
    result = channel.run(Command(argv))
    assert (result.exit_code, result.stderr) == (code, words)


def test_a_folder_that_is_missing_is_a_result(channel: Channel) -> None:
    result = channel.run(Command(("true",), cwd="/no/such/folder"))
    assert result.exit_code == 127
    assert result.stderr == b"/no/such/folder: No such file or directory\n"


def test_input_arrives_whole_and_ends(channel: Channel) -> None:
    data = os.urandom(3_000_000)
    result = channel.run(Command(("sha256sum",), stdin=data))
    assert result.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()


def test_input_that_nobody_reads_is_dropped(channel: Channel) -> None:
    assert channel.run(Command(("true",), stdin=bytes(5_000_000))).exit_code == 0


def test_input_that_is_made_of_output(channel: Channel) -> None:
    """What is read from may have nothing yet: it is asked again after more output."""
    heard: list[bytes] = []
    sizes: list[int] = []

    answers = [b"yes\n", b""]

    class Answering:
        def read(self, size: int) -> bytes | None:
            sizes.append(size)
            return answers.pop(0) if heard else None

    result = channel.run(
        Command(("sh", "-c", "echo go; read word; echo $word"), stdin=Answering()),
        on_output=lambda _stream, data: heard.append(data),
    )
    assert (result.exit_code, result.stdout) == (0, b"go\nyes\n")
    assert max(sizes) <= protocol.INPUT_WINDOW // 4


def test_without_input_the_program_reads_the_end_at_once(channel: Channel) -> None:
    assert sh(channel, "cat; echo end").stdout == b"end\n"


def test_environment_and_folder_are_the_runs_own(channel: Channel) -> None:
    result = sh(channel, 'echo "$X $PWD"', environment={"X": "a b"}, cwd="/")
    assert result.stdout == b"a b /\n"


def test_binary_output_is_unchanged(channel: Channel) -> None:
    script = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 4096)"
    result = channel.run(Command((sys.executable, "-c", script)))
    assert result.stdout == bytes(range(256)) * 4096


def test_a_slow_reader_gets_everything_and_holds_the_program_back(
    channel: Channel, tmp_path: Path
) -> None:
    """The program is never further ahead than its credit and what the pipes hold."""
    script = (
        "import os\nprogress = os.open('progress', os.O_CREAT | os.O_WRONLY)\n"
        "for i in range(320):\n"
        " os.write(1, bytes(1 << 16))\n os.pwrite(progress, str(i + 1).encode(), 0)"
    )
    seen = 0
    ahead: list[int] = []

    def on_output(_stream: str, data: bytes) -> None:
        nonlocal seen
        time.sleep(0.001)
        written = int((tmp_path / "progress").read_text() or "0") << 16
        ahead.append(written - seen)
        seen += len(data)

    command = Command((sys.executable, "-c", script), output_limit=1000)
    result = channel.run(command, on_output=on_output)
    assert seen == 320 << 16
    assert result.truncated
    assert max(ahead) <= protocol.OUTPUT_WINDOW + 3 * protocol.CHUNK


def test_output_comes_before_the_program_ends(channel: Channel, tmp_path: Path) -> None:
    """The program waits for a file that is only made once its first line was seen."""
    flag = tmp_path / "seen"
    lines: list[bytes] = []

    def on_output(_stream: str, data: bytes) -> None:
        lines.append(data)
        flag.touch()

    script = f"echo first; until [ -e {flag} ]; do sleep 0.01; done; echo second"
    result = channel.run(Command(("sh", "-c", script), timeout=10), on_output=on_output)
    assert result.stdout == b"first\nsecond\n"
    assert lines[0] == b"first\n"
    assert not result.timed_out


def test_a_closed_output_is_not_the_end_of_the_program(channel: Channel) -> None:
    assert sh(channel, "exec >&- 2>&-; sleep 0.2; exit 4").exit_code == 4


def test_a_program_has_no_descriptor_but_its_own_three(channel: Channel) -> None:
    script = "import os; print(sorted(os.listdir('/proc/self/fd')))"
    result = channel.run(Command((sys.executable, "-c", script)))
    assert result.stdout == b"['0', '1', '2', '3']\n"  # 3 is the listing's own


def test_writing_to_descriptors_of_others_fails_in_the_program(channel: Channel) -> None:
    script = "for i in 3 4 5 6 7 8 9; do echo x >&$i; done; echo done"
    result = sh(channel, f"({script}) 2>/dev/null; echo survived")
    assert result.stdout.endswith(b"survived\n")
    assert sh(channel, "echo next").stdout == b"next\n"


TREES = {
    "deaf": "trap '' TERM; touch started; sleep 60 & wait; sleep 60",
    "session": "setsid sh -c 'trap \"\" TERM; touch started; sleep 60; sleep 60' & sleep 60",
    "daemon": "(setsid sh -c 'sh -c \"touch started; sleep 60\" &' &) ; sleep 60",
    "stopped": "sh -c 'touch started; kill -STOP $$; sleep 60' & sleep 60",
}


@pytest.mark.parametrize("tree", TREES)
def test_a_limit_ends_every_descendant(channel: Channel, tmp_path: Path, tree: str) -> None:
    """Each tree is marked by its environment, so that what is left of it can be found."""
    mark = {"TOOLKIT_TEST_TREE": f"{tree}{os.getpid()}"}

    def run(timeout: float) -> Result:
        return sh(channel, f"echo before; {TREES[tree]}", timeout=timeout, environment=mark)

    result = with_enough_time(run, lambda _result: (tmp_path / "started").exists())
    assert (result.exit_code, result.timed_out) == (124, True)
    assert result.stdout == b"before\n"
    assert _marked(mark["TOOLKIT_TEST_TREE"]) == []
    assert sh(channel, "echo usable").stdout == b"usable\n"


def test_a_limit_ends_nobody_elses_processes(channel: Channel) -> None:
    """What an earlier program left running lives on."""
    mark = f"other{os.getpid()}"
    other = {"TOOLKIT_TEST_TREE": mark}
    sh(channel, "setsid sleep 60 > /dev/null 2>&1 &", environment=other)
    sh(channel, "sleep 60", timeout=0.2)
    left = _marked(mark)
    for pid in left:
        os.kill(pid, 9)
    assert len(left) == 1


@pytest.mark.parametrize(
    ("last_act", "said"),
    [
        # Its child is left when all that there were have been asked.
        ("if os.fork(): os._exit(0)\n signal.signal(15, said)\n time.sleep(60)", b"asked\n"),
        ("os.system('sleep 0.3; echo cleared up')\n os._exit(0)", b"cleared up\n"),
    ],
)
def test_what_is_forked_while_a_block_ends_is_asked_to_end_unless_somebody_waits_for_it(
    channel: Channel, last_act: str, said: bytes
) -> None:
    cancellation = Cancellation()
    code = (
        "import os, signal, time\n"
        "def said(*_):\n os.write(1, b'asked\\n')\n os._exit(0)\n"
        f"def end(*_):\n {last_act}\n"
        "signal.signal(15, end)\nos.write(1, b'on\\n')\ntime.sleep(60)"
    )
    command = Command((sys.executable, "-c", code), cancellation=cancellation)
    result = channel.run(command, on_output=lambda *_: elsewhere(cancellation.cancel))
    assert (result.cancelled, result.stdout) == (True, b"on\n" + said)


@pytest.mark.parametrize("way", ["limit", "cancellation"])
def test_what_another_program_leaves_meanwhile_lives_on(channel: Channel, way: str) -> None:
    """It has no supervisor any more, and is younger than the program that is ended by force."""
    left: list[int] = []
    cancellation = Cancellation()

    def leave() -> None:
        script = "setsid sleep 60 > /dev/null 2>&1 & echo $!"
        left.append(int(sh(channel, script).stdout))
        if way == "cancellation":
            cancellation.cancel()

    command = Command(
        ("sh", "-c", "trap '' TERM; echo on; sleep 60; sleep 60"),
        cancellation=cancellation,
        timeout=5.0 if way == "limit" else None,
    )
    result = channel.run(command, on_output=lambda *_: elsewhere(leave))
    assert (result.timed_out, result.cancelled) == (way == "limit", way != "limit")
    os.kill(left[0], 9)  # it is still there


def test_a_fork_bomb_is_ended(channel: Channel) -> None:
    mark = {"TOOLKIT_TEST_TREE": f"bomb{os.getpid()}"}
    bomb = (
        "import os, time\nend = time.time() + 30\nn = 0\n"
        "while time.time() < end and n < 6:\n n += 1\n os.fork()\n"
        "time.sleep(60)"
    )
    command = Command((sys.executable, "-c", bomb), timeout=1.0, environment=mark)
    assert channel.run(command).timed_out
    assert _marked(mark["TOOLKIT_TEST_TREE"]) == []


def test_a_program_that_exits_124_has_not_run_out_of_time(channel: Channel) -> None:
    result = sh(channel, "exit 124", timeout=10)
    assert (result.exit_code, result.timed_out) == (124, False)


def test_output_of_a_background_process_is_waited_for_until_the_limit(channel: Channel) -> None:

    def run(timeout: float) -> Result:
        return sh(channel, "sleep 60 & echo $!", timeout=timeout)

    result = with_enough_time(run, lambda result: not result.timed_out)
    os.kill(int(result.stdout), 9)  # it lived on: only the program is limited
    assert (result.exit_code, result.timed_out) == (0, False)
    assert result.seconds < 10


def test_a_background_process_that_never_pauses_does_not_keep_the_run(channel: Channel) -> None:
    def run(timeout: float) -> Result:
        return sh(channel, "yes & echo $! >&2; exit 3", timeout=timeout)

    result = with_enough_time(run, lambda result: not result.timed_out)
    os.kill(int(result.stderr), 9)
    assert (result.exit_code, result.timed_out) == (3, False)


def test_a_run_can_be_cancelled_from_another_thread(channel: Channel) -> None:
    """Every process of it ends, what it has said is kept, and the channel goes on."""
    mark = f"cancel{os.getpid()}"
    cancellation = Cancellation()
    script = "setsid sleep 60 & trap '' TERM; echo begun; sleep 60; sleep 60"
    command = Command(
        ("sh", "-c", script), environment={"TOOLKIT_TEST_TREE": mark}, cancellation=cancellation
    )
    result = channel.run(command, on_output=lambda *_: elsewhere(cancellation.cancel))
    assert (result.cancelled, result.timed_out, result.stdout) == (True, False, b"begun\n")
    assert result.exit_code > 128
    assert _marked(mark) == []
    assert sh(channel, "echo next").stdout == b"next\n"


def test_a_cancellation_ends_what_outlives_the_program_and_holds_its_output(
    channel: Channel,
) -> None:
    """The program has ended by itself; all that it has left is of its block still."""
    cancellation = Cancellation()
    left: list[int] = []

    def cancel(_stream: str, data: bytes) -> None:
        program, child = map(int, data.split())
        left.append(child)
        _wait_until(lambda: not Path(f"/proc/{program}").exists())
        elsewhere(cancellation.cancel)

    command = Command(("sh", "-c", "sleep 60 & echo $$ $!"), cancellation=cancellation)
    result = channel.run(command, on_output=cancel)
    assert (result.cancelled, result.exit_code) == (True, 0)
    assert not Path(f"/proc/{left[0]}").exists()


def test_a_cancellation_before_the_run_ends_it_at_once_and_one_after_it_nothing(
    channel: Channel,
) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    started = time.monotonic()
    assert channel.run(Command(("sleep", "60"), cancellation=cancellation)).cancelled
    cancellation.cancel()
    assert time.monotonic() - started < 10
    assert not sh(channel, "true").cancelled


class Cut(Pipes):
    """Whose end cannot be said to the worker: closing it is closing this side only."""

    def close(self) -> None:
        self.process.kill()


def test_a_worker_that_hears_nothing_for_its_time_to_live_ends() -> None:
    pipes = Pipes(boot.command(sys.executable))
    Channel(pipes, name="x").open(Setup("/", ttl=1.5), timeout=10)
    assert pipes.process.poll() is None
    pipes.silence()
    assert pipes.process.wait(10) == 0
    pipes.discard()


def test_a_heartbeat_keeps_a_worker_that_nobody_asks_anything() -> None:
    pipes = Pipes(boot.command(sys.executable))
    channel = Channel(pipes, name="x")
    channel.open(Setup("/", ttl=1.5), timeout=10)
    time.sleep(3.5)
    assert sh(channel, "echo there").stdout == b"there\n"
    channel.close()
    pipes.discard()


def test_a_worker_that_is_silent_for_the_time_to_live_is_lost() -> None:
    """Its end of the network may be gone without a word: a run must not wait for ever."""
    pipes = Cut(boot.command(sys.executable))
    channel = Channel(pipes, name="x")
    channel.open(Setup("/", ttl=0.5), timeout=10)
    pipes.process.send_signal(signal.SIGSTOP)
    with pytest.raises(DiedError, match=r"nothing was heard from it for 0\.5 s"):
        sh(channel, "echo there")
    pipes.discard()


def test_a_worker_that_cannot_make_spares_rests_all_the_same(tmp_path: Path) -> None:
    """With descriptors for a program and a spare, but not for a second spare."""
    shell = ["sh", "-c", 'ulimit -n 22; exec "$@"', "sh"]
    pipes = Pipes([*shell, *boot.command(sys.executable)])
    channel = Channel(pipes, name="x")
    channel.open(Setup(str(tmp_path)), timeout=10)
    status = Path(f"/proc/{pipes.process.pid}/status")

    def sleeps() -> list[str]:
        return [line for line in status.read_text().splitlines() if line.startswith("voluntary")]

    for _ in range(3):
        assert sh(channel, "echo there").stdout == b"there\n"
        before = None
        for _ in range(200):
            if sleeps() == before:
                break
            before = sleeps()
            time.sleep(0.05)
        else:
            raise AssertionError("it never rests")
    channel.close()
    pipes.discard()


def test_runs_from_several_threads_do_not_mix(channel: Channel) -> None:
    def work(number: int) -> None:
        script = f"for i in $(seq 200); do echo {number}; done"
        for _ in range(5):
            found = sh(channel, script).stdout
            results.append(found == f"{number}\n".encode() * 200)

    results: list[bool] = []
    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 30


def test_a_short_run_does_not_wait_behind_a_flood_that_nobody_reads(channel: Channel) -> None:
    flows, release = threading.Event(), threading.Event()

    def hold(_stream: str, _data: bytes) -> None:
        flows.set()
        release.wait(30)

    def flood() -> None:
        command = Command(("head", "-c", "30000000", "/dev/zero"), output_limit=10)
        channel.run(command, on_output=hold)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        assert flows.wait(30)
        assert sh(channel, "echo quick").stdout == b"quick\n"
        assert thread.is_alive()
    finally:
        release.set()
        thread.join(30)


class Question:
    """What a program that stays is asked, a line, and its answer, up to a line's end."""

    def __init__(self, words: bytes) -> None:
        self._words: bytes | None = words
        self.answer = b""

    def read(self, _size: int) -> bytes | None:
        words, self._words = self._words, None
        return words

    def take(self, _stream: str, data: bytes) -> None:
        self.answer += data

    def put(self, standing: Standing, patience: float = 10) -> Result | None:
        return standing.ask(
            self,
            self.take,
            is_done=lambda: self.answer.endswith(b"\n"),
            patience=lambda: patience,
        )


UPPER = "while read line; do [ $line = end ] && exit 7; echo $$ $line | tr a-z A-Z; done"


def test_a_program_that_stays_answers_again_and_again(channel: Channel) -> None:
    standing = channel.start(Command(("sh", "-c", UPPER)))
    answers = []
    for words in (b"one\n", b"two\n"):
        question = Question(words)
        assert question.put(standing) is None
        answers.append(question.answer.split())
        assert sh(channel, "echo beside it").stdout == b"beside it\n"
    assert [words for _, words in answers] == [b"ONE", b"TWO"]
    assert answers[0][0] == answers[1][0]  # it is the same process
    result = Question(b"end\n").put(standing)
    assert result is not None
    assert result.exit_code == 7


def test_a_program_that_stays_and_was_killed_says_so_when_it_is_asked(channel: Channel) -> None:
    standing = channel.start(Command(("sh", "-c", UPPER)))
    (question := Question(b"one\n")).put(standing)
    os.kill(int(question.answer.split()[0]), signal.SIGKILL)
    result = Question(b"two\n").put(standing)
    assert result is not None
    assert result.exit_code == 137


def test_a_program_that_stays_and_says_nothing_is_ended(channel: Channel, tmp_path: Path) -> None:
    (tmp_path / "pid").touch()
    standing = channel.start(Command(("sh", "-c", "echo $$ >pid; sleep 100")))
    with pytest.raises(ExecTimeoutError, match=r"^the worker in the worker said nothing for 0.2 s"):
        Question(b"one\n").put(standing, patience=0.2)
    _wait_until(lambda: bool((tmp_path / "pid").read_text()))
    pid = int((tmp_path / "pid").read_text())
    _wait_until(lambda: not Path(f"/proc/{pid}").exists())


def test_the_end_of_the_channel_is_the_end_of_a_program_that_stays(
    channel: Channel, pipes: Pipes
) -> None:
    standing = channel.start(Command(("sh", "-c", UPPER)))
    (question := Question(b"one\n")).put(standing)
    channel.close()
    _wait_until(lambda: not Path(f"/proc/{int(question.answer.split()[0])}").exists())
    with pytest.raises(NotRunningError):
        Question(b"two\n").put(standing)
    assert pipes.process.wait(10) == 0


def test_an_exception_in_the_callback_ends_the_program(channel: Channel, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def on_output(_stream: str, _data: bytes) -> None:
        raise StopError

    command = Command(("sh", "-c", "echo $$ > pid; echo x; sleep 60"))
    with pytest.raises(StopError):
        channel.run(command, on_output=on_output)
    pid = int((tmp_path / "pid").read_text())
    _wait_until(lambda: not Path(f"/proc/{pid}").exists())
    assert sh(channel, "echo usable").stdout == b"usable\n"


def test_a_program_that_kills_its_supervisor_is_ended_and_nobody_else(channel: Channel) -> None:
    """Only where it has the same uid can it; nothing hangs, and the next program runs.

    A process that init has adopted, such as another engine's, is none of its own.
    """
    daemon = (
        "import os, time\nif os.fork(): os._exit(0)\nos.setsid()\nprint(os.getpid(), flush=True)"
    )
    other = subprocess.run(
        [sys.executable, "-c", f"{daemon}\nos.close(1)\ntime.sleep(60)"],
        stdout=subprocess.PIPE,
        check=True,
    )
    result = sh(
        channel, "echo $$; (setsid sleep 60 & echo $!); kill -9 $PPID; sleep 60", timeout=30
    )
    assert (result.exit_code, result.timed_out) == (137, False)
    # They are dead already; init takes its time to bury those that it has adopted.
    _wait_until(
        lambda: not any(Path(f"/proc/{int(pid)}").exists() for pid in result.stdout.split())
    )
    os.kill(int(other.stdout), 9)
    assert sh(channel, "echo usable").stdout == b"usable\n"


def test_a_file_is_written_and_its_folders_made(channel: Channel, tmp_path: Path) -> None:
    data = os.urandom(1_000_000)
    channel.write("a/b/file", data, mode=0o600)
    assert (tmp_path / "a/b/file").read_bytes() == data
    assert (tmp_path / "a/b/file").stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_is_an_error(channel: Channel) -> None:
    with pytest.raises(
        ExecError, match="file '/proc/none' cannot be written in the worker: /proc/none: "
    ):
        channel.write("/proc/none", b"x")


def test_arguments_over_the_frame_limit_are_refused_before_they_are_sent(channel: Channel) -> None:
    with pytest.raises(ExecError, match="the arguments of 'echo' are too long"):
        channel.run(Command(("echo", "x" * 2_000_000)))
    assert sh(channel, "echo usable").stdout == b"usable\n"


def test_the_end_of_the_worker_ends_a_run_with_an_error(channel: Channel, pipes: Pipes) -> None:
    command = Command(("sh", "-c", "echo on; sleep 60"))
    with pytest.raises(DiedError, match="the worker ended"):
        channel.run(command, on_output=lambda *_: pipes.process.kill())
    assert not channel.is_alive
    with pytest.raises(DiedError):
        sh(channel, "true")


def test_the_end_of_the_input_ends_the_worker_and_all_programs(
    channel: Channel, pipes: Pipes
) -> None:
    mark = f"tether{os.getpid()}"
    script = "trap '' TERM HUP; setsid sleep 60 & sleep 60"

    def run() -> None:
        with pytest.raises(DiedError):
            sh(channel, script, environment={"TOOLKIT_TEST_TREE": mark})

    other = threading.Thread(target=run)
    other.start()
    _wait_until(lambda: len(_marked(mark)) >= 2)
    pipes.shut_write()
    other.join(10)
    assert pipes.process.wait(5) == 0
    _wait_until(lambda: not _marked(mark))


def test_a_closed_channel_says_so(channel: Channel) -> None:
    channel.close()
    with pytest.raises(NotRunningError, match="the worker is closed"):
        sh(channel, "true")


def test_a_worker_that_never_answers_is_a_start_error() -> None:
    pipes = Pipes(["sleep", "60"])
    try:
        with pytest.raises(StartError, match=r"the worker in x did not answer within 0.2 s"):
            Channel(pipes, name="x").open(Setup("/"), timeout=0.2)
    finally:
        pipes.process.kill()
        pipes.close()
        pipes._out.close()


def test_an_unknown_user_is_a_start_error(pipes: Pipes) -> None:
    channel = Channel(pipes, name="x")
    with pytest.raises(StartError, match="x cannot be set up: the image knows no user 'nobody-x'"):
        channel.open(Setup("/", user="nobody-x"), timeout=10)
    channel.close()


def test_a_request_of_no_known_kind_ends_the_worker(channel: Channel, pipes: Pipes) -> None:
    """A peer that speaks otherwise is not guessed at."""
    channel._send(Frame(protocol.READY, 1))
    assert pipes.process.wait(10) != 0


def elsewhere(act: Callable[[], object]) -> None:
    """Do it in another thread."""
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()


def _marked(mark: str) -> list[int]:
    """The processes that have the mark in their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if f"TOOLKIT_TEST_TREE={mark}".encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
