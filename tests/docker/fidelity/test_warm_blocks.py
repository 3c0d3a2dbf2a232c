"""Warm blocks that harm what they came from, run out of time, run at once, and change the image.

Whatever a block does, its result is true or says that it was killed, soon; the next block works,
and of the block nothing is left. Under every profile, with and without a uid of the code's own.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.docker.fidelity.cases import SCRIPTS
from tests.docker.fidelity.conftest import STRANGER, Start
from tests.patience import with_enough_time
from toolkit.container import Container
from toolkit.errors import ExecError
from toolkit.profile import COMPAT, STANDARD, STRICT, Limits
from toolkit.worker.result import Result

pytestmark = pytest.mark.docker

_SOON: Final = 10.0
_KILLED: Final = 137
_HOMES: Final[Mapping[str, Mapping[str, object]]] = {
    "standard": {"profile": STANDARD, "user": STRANGER},
    "standard as root": {"profile": STANDARD, "user": "0:0"},
    "strict": {"profile": STRICT, "user": STRANGER},
    "compat": {"profile": COMPAT, "user": None},
}
_HARM: Final[Mapping[str, str]] = {
    "kills its parent": "os.kill(os.getppid(), signal.SIGKILL)",
    "stops its parent": "os.kill(os.getppid(), signal.SIGSTOP)",
    "kills everybody": "os.kill(-1, signal.SIGKILL)",
    "stops everybody": "os.kill(-1, signal.SIGSTOP)",
    "kills each by name": (
        "[os.kill(int(p), 9) for p in os.listdir('/proc') if p.isdigit() and p != str(os.getpid())"
        " and os.stat('/proc/' + p).st_uid == os.getuid() and int(p) > 1]"
    ),
}
_TEASING: Final[Mapping[str, str]] = {
    "terminates its parent": "os.kill(os.getppid(), signal.SIGTERM)",
    "interrupts its parent": "os.kill(os.getppid(), signal.SIGINT)",
    "alarms its parent": "[os.kill(os.getppid(), n) for n in (1, 3, 10, 12, 13, 14, 17, 18, 25)]",
    "interrupts everybody": "signal.signal(2, signal.SIG_IGN), os.kill(-1, signal.SIGINT)",
    "kills its group": "os.killpg(0, signal.SIGKILL)",
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP)",
}
_ENDS: Final = {**_HARM, **_TEASING}
_OWN_EXIT: Final = 5
_BOTH_UIDS: Final = ("standard", "standard as root")
_ENOUGH: Final = ("kills everybody", "stops everybody")
"""What is tried under each profile."""
_PRELUDE: Final = """\
import os, signal, sys, time
with open(sys.argv[1], 'w') as stream:
    silent = [(os.POSIX_SPAWN_CLOSE, descriptor) for descriptor in range(3)]
    for _ in range(2):
        sleep = os.posix_spawnp('sleep', ['sleep', '120'], {{}}, file_actions=silent, setsid=True)
        print(sleep, file=stream)
    print(os.getpid(), file=stream)
    stream.flush()
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        print(os.getpid(), file=stream, flush=True)
        for descriptor in range(3):
            os.close(descriptor)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(120)
        os._exit(0)
    os.waitpid(child, 0)
while len(open(sys.argv[1]).read().split()) < 4:
    time.sleep(0.01)
print('begun', flush=True)
try:
    {harm}
except OSError as error:
    print(type(error).__name__, flush=True)
"""


@pytest.fixture(scope="module")
def container(start: Start) -> Iterator[Container]:
    container = start()
    yield container
    container.close()


def block(container: Container, source: str, *arguments: str, **options: Any) -> Result:  # noqa: ANN401 - run's own
    """Run a Python block warm."""
    path = f"/tmp/block-{uuid.uuid4().hex}.py"
    container.write(path, source.encode())
    return container.run(["python", path, *arguments], **{"warm": True, **options})


def works(container: Container) -> bool:
    """Whether the next blocks do, warm and started."""
    warm, cold = (block(container, "print(6 * 7)", warm=warm, timeout=20) for warm in (True, False))
    again = block(container, "import os; print(os.getpid() == os.getsid(0))", timeout=20)
    outputs = (warm.stdout, cold.stdout, again.stdout)
    return outputs == (b"42\n", b"42\n", b"True\n")


def alive(container: Container, pids: str, *, patience: float = 10.0) -> list[str]:
    """Which of these processes run, after they had time to end."""
    script = (
        "for p in $(cat $0); do s=$(sed -n 's/^State:.//p' /proc/$p/status 2>&1);"
        'case "$s" in [ZX]*|*such*) ;; *) echo $p; esac; done'
    )
    deadline = time.monotonic() + patience
    while True:
        found = container.run(["sh", "-c", script, pids]).stdout.decode().split()
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Harmed:
    """What came of a block that did harm. `seconds` are those after its limit, where it had one."""

    result: Result
    seconds: float
    left: Sequence[str]
    works: bool

    def check(self) -> None:
        assert self.seconds < _SOON
        assert self.works
        assert list(self.left) == []
        if self.result.exit_code != _OWN_EXIT:
            assert self.result.exit_code == (124 if self.result.timed_out else _KILLED)


def _go_on(home: Container, deed: str) -> Harmed:
    """Do harm, and then sleep on."""
    pids = f"/tmp/pids-{uuid.uuid4().hex}"
    source = _PRELUDE.format(harm=deed) + "time.sleep(120)\n"

    def attempt(timeout: float) -> tuple[Result, float]:
        started = time.monotonic()
        result = block(home, source, pids, timeout=timeout)
        return result, time.monotonic() - started - timeout

    result, seconds = with_enough_time(attempt, lambda came: came[0].stdout != b"")
    return Harmed(result, seconds, alive(home, pids), works(home))


def _end(home: Container, deed: str) -> Harmed:
    """Do harm, and then end with an exit code of its own."""
    source = f"import os, signal\ntry:\n    {deed}\nexcept OSError:\n    pass\n"
    source += f"print('the end')\nraise SystemExit({_OWN_EXIT})\n"
    started = time.monotonic()
    result = block(home, source, timeout=1.0)
    return Harmed(result, time.monotonic() - started, (), works(home))


def _limit(home: Container) -> None:
    """Let one of two blocks reach its limit; the other lives on with all that it started."""
    pids, others, end = (f"/tmp/{name}-{uuid.uuid4().hex}" for name in ("pids", "others", "end"))
    lives = _PRELUDE.format(harm="pass") + f"while not os.path.exists({end!r}): time.sleep(0.01)\n"
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(block, home, lives + "print('lived')\n", others, timeout=120)
        dies = _PRELUDE.format(harm="signal.signal(15, signal.SIG_IGN)") + "time.sleep(120)\n"
        result = with_enough_time(
            lambda timeout: block(home, dies, pids, timeout=timeout),
            lambda result: result.stdout != b"" and len(alive(home, others, patience=0)) == 4,
        )
        assert (result.exit_code, result.timed_out, result.stdout) == (124, True, b"begun\n")
        assert alive(home, pids) == []
        assert len(alive(home, others, patience=0)) == 4
        home.write(end, b"")
        assert other.result().stdout == b"begun\nlived\n"
    home.reset()
    assert alive(home, others) == []
    assert works(home)


def _look(home: Container) -> bytes:
    """Try to reach into every other Python, such as what the next block is forked from."""
    assert works(home)
    source = (
        "import os, time\n"
        "def reached():\n"
        "    for pid in filter(str.isdigit, os.listdir('/proc')):\n"
        "        for name in ('mem', 'fd/3', 'environ'):\n"
        "            if int(pid) == os.getpid(): continue\n"
        "            try:\n"
        "                mode = os.O_RDWR if name == 'mem' else os.O_RDONLY\n"
        "                os.close(os.open(f'/proc/{pid}/{name}', mode))\n"
        "                if 'python' in open(f'/proc/{pid}/comm').read(): yield pid, name\n"
        "            except OSError: pass\n"
        "first = set(reached())\n"
        "time.sleep(0.5)  # one that was just starting has ended or hidden itself\n"
        "print(first & set(reached()))\n"
    )
    return block(home, source, timeout=20).stdout


Experiments = Mapping[tuple[str, str], "Future[Any]"]


@pytest.fixture(scope="module")
def experiments(start: Start) -> Iterator[Experiments]:
    """All that is done in one container after another, four containers at a time."""
    started: dict[tuple[str, str], Future[Any]] = {}
    homes = [start(**{"network": None, **options}) for options in _HOMES.values()]
    with ExitStack() as stack:
        for name, home in zip(_HOMES, homes, strict=True):
            stack.callback(home.close)
            pool = stack.enter_context(ThreadPoolExecutor(1))
            started[name, "look"] = pool.submit(_look, home)
            started[name, "limit"] = pool.submit(_limit, home)
            for harm in _ENDS if name in _BOTH_UIDS else ():
                started[name, f"{harm} and ends"] = pool.submit(_end, home, _ENDS[harm])
            for harm in _HARM if name in _BOTH_UIDS else _ENOUGH:
                started[name, f"{harm} and goes on"] = pool.submit(_go_on, home, _HARM[harm])
        yield started
        for future in started.values():
            future.cancel()


@pytest.mark.parametrize(
    ("home", "harm"),
    [(home, harm) for home in _HOMES for harm in (_HARM if home in _BOTH_UIDS else _ENOUGH)],
)
def test_of_a_block_that_does_harm_and_goes_on_nothing_is_left(
    experiments: Experiments, home: str, harm: str
) -> None:
    harmed = experiments[home, f"{harm} and goes on"].result()
    harmed.check()
    assert harmed.result.stdout.startswith(b"begun\n")


@pytest.mark.parametrize("home", _BOTH_UIDS)
@pytest.mark.parametrize("harm", [*_HARM, *_TEASING])
def test_of_a_block_that_does_harm_and_ends_the_result_is_true(
    experiments: Experiments, home: str, harm: str
) -> None:
    harmed = experiments[home, f"{harm} and ends"].result()
    harmed.check()
    if harmed.result.exit_code == _OWN_EXIT:
        assert harmed.result.stdout == b"the end\n"


@pytest.mark.parametrize("home", _HOMES)
def test_a_limit_ends_all_of_its_block_and_nothing_of_another(
    experiments: Experiments, home: str
) -> None:
    experiments[home, "limit"].result()


@pytest.mark.parametrize("home", _HOMES)
def test_a_block_cannot_reach_into_what_the_next_is_forked_from(
    experiments: Experiments, home: str
) -> None:
    assert experiments[home, "look"].result() == b"set()\n"


def test_blocks_at_once_do_not_mix(container: Container) -> None:
    source = (
        "import os, sys, threading, time\n"
        "time.sleep(0.01)\n"
        "print(sys.argv[1], sys.stdin.read(), os.environ['MINE'], len(threading.enumerate()))\n"
        "sys.exit(int(sys.argv[1]))"
    )

    def run(number: int) -> bool:
        text = str(number)
        result = block(
            container, source, text, stdin=text.encode() * 3, environment={"MINE": text}, timeout=60
        )
        expected = f"{text} {text * 3} {text} 1\n".encode()
        return (result.exit_code, result.stdout, result.stderr) == (number, expected, b"")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(40))) == [True] * 40


def test_random_values_differ_from_block_to_block(container: Container) -> None:
    source = (SCRIPTS / "values_that_differ.py").read_text()
    with ThreadPoolExecutor(4) as pool:
        outputs = list(pool.map(lambda _: block(container, source).stdout, range(6)))
    names = ["pid", "random", "system", "secrets", "uuid4", "uuid1", "urandom", "folder"]
    for name, values in zip(names, zip(*map(bytes.splitlines, outputs), strict=True), strict=False):
        assert len(set(values)) == 6, name


def test_another_user_is_another_user(container: Container) -> None:
    source = "import os; print(os.getuid(), os.getgid(), os.getgroups(), os.environ['HOME'])"
    container.run(["chmod", "-R", "a+rX", "/tmp"])
    results = [
        block(container, source, user="5555:5556", warm=warm, timeout=20) for warm in (False, True)
    ]
    assert results[0].stdout == results[1].stdout
    assert results[1].stdout.startswith(b"5555 5556 []")


def test_a_container_without_a_warm_interpreter_runs_such_blocks_too(start: Start) -> None:
    container = start(warm=False)
    assert works(container)
    container.close()


@pytest.mark.parametrize("left", ["chmod 0311 .", "rm -r ../$1"])
def test_a_folder_that_cannot_be_looked_into_is_as_without_a_warm_interpreter(
    container: Container, left: str
) -> None:
    folder = uuid.uuid4().hex
    container.run(["mkdir", f"/tmp/{folder}"])
    container.write(f"/tmp/{folder}/code.py", b"print('here')")
    container.run(["sh", "-c", f"cd /tmp/{folder}; {left}", "sh", folder])
    cold, warm = (
        container.run(["python", "code.py"], cwd=f"/tmp/{folder}", warm=warm, timeout=20)
        for warm in (False, True)
    )
    assert (warm.exit_code, warm.stdout, warm.stderr) == (cold.exit_code, cold.stdout, cold.stderr)


def test_after_a_reset_blocks_work(container: Container) -> None:
    for _ in range(2):
        container.reset()
        assert works(container)


def test_after_a_fork_bomb_blocks_work(start: Start) -> None:
    container = start(limits=Limits(pids=60))
    bomb = "import os\nwhile True:\n try: os.fork()\n except OSError: pass"
    assert block(container, bomb, timeout=1.0).timed_out
    assert works(container)
    container.close()


def test_where_no_process_is_left_the_result_says_so_and_later_blocks_work(start: Start) -> None:
    container = start(limits=Limits(pids=20))
    hog = (
        "import os, time\n"
        "while True:\n"
        "    try: os.fork() or time.sleep(3)\n"
        "    except OSError: time.sleep(3)\n"
    )
    with ThreadPoolExecutor(1) as pool:
        hogging = pool.submit(block, container, hog, timeout=2.0)
        container.run(["sleep", "0.5"])
        for warm in (True, False):
            with contextlib.suppress(ExecError):
                result = block(container, "print(1)", warm=warm, timeout=20)
                assert result.exit_code in {0, 126, _KILLED}
        assert hogging.result().timed_out
    assert works(container)
    container.close()


def test_what_a_block_installs_for_all_is_there_for_the_next(start: Start) -> None:
    """Into the interpreter's own folder, as pip does it: a module, a .pth and sitecustomize."""
    container = start(user="0:0")
    look = (
        "import builtins, site, sys\n"
        "try:\n    import planted; print(planted.VALUE)\n"
        "except ImportError as error: print(error)\n"
        "print(sys.path[1:], hasattr(builtins, 'customised'), 'from site' in vars(builtins))\n"
    )
    plant = (
        "import os, site\n"
        "folder = site.getsitepackages()[0]\n"
        "os.makedirs(folder + '/planted_folder', exist_ok=True)\n"
        "def write(name, text): print(text, file=open(f'{folder}/{name}', 'w'))\n"
        "write('planted.py', 'VALUE = 3')\n"
        "write('planted.pth', 'planted_folder\\nimport builtins; builtins.customised = 1')\n"
        "write('usercustomize.py', 'vars(__import__(\"builtins\"))[\"from site\"] = 1')\n"
    )
    before = [block(container, look, warm=warm).stdout for warm in (False, True)]
    assert block(container, plant).exit_code == 0
    after = [block(container, look, warm=warm).stdout for warm in (True, False, True)]
    assert before[0] == before[1] != after[0]
    assert after[0] == after[1] == after[2]
    assert after[0].startswith(b"3\n")
    container.close()
