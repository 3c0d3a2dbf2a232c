"""What hostile or clumsy code does to the worker: a true result, bounded memory, and a next run.

Each is tried as an ordinary program and as a fork of the warm interpreter.
"""

from __future__ import annotations

import contextlib
import gc
import os
import re
import resource
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.container import Container, ContainerOptions
from toolkit.engine import Engine, connect
from toolkit.errors import ExecError
from toolkit.image import local_bases
from toolkit.lifecycle import ContainerManager
from toolkit.profile import Limits
from toolkit.worker.result import Result

pytestmark = pytest.mark.docker

KEY = "toolkit-test-stress"
RUN = uuid.uuid4().hex
MEBI = 1 << 20
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The engine; nothing of these tests may be left on it."""
    with connect() as found:
        yield found
        assert found.list_containers(f"{KEY}={RUN}") == []


def options(engine: Engine) -> ContainerOptions:
    return ContainerOptions(
        image=str(local_bases(engine)[0]),
        network="none",
        user="4321:4321",
        working_dir="/tmp",
        limits=Limits(memory=256 * MEBI, pids=100),
        labels={KEY: RUN},
        warm=True,
    )


@pytest.fixture(scope="module")
def container(engine: Engine) -> Iterator[Container]:
    with ContainerManager(engine) as manager:
        yield manager.start(options(engine))


@pytest.fixture(params=["as a program", "in a fork"])
def python(container: Container, request: pytest.FixtureRequest) -> Iterator[Run]:
    """Run Python code in the container; afterwards the next run must be as if nothing had been."""
    warm = request.param == "in a fork"

    def run(code: str, **options: object) -> Result:
        container.write("/tmp/code.py", code.encode())
        given = {"timeout": 60.0, **options}
        return container.run(["python", "code.py"], warm=warm, **given)  # type: ignore[arg-type]

    yield run
    result = run("print('as if nothing had been')")
    assert (result.exit_code, result.stdout) == (0, b"as if nothing had been\n")


def peak(engine: Engine, container: Container) -> int:
    """The worker's greatest size so far, in bytes."""
    pid = engine.inspect_container(container.id)["State"]["Pid"]  # type: ignore[index]
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("utf-8"))
    assert found is not None
    return int(found[1]) << 10


def test_a_gigabyte_of_output_leaves_both_ends_small(engine: Engine, container: Container) -> None:
    """Of a reader that is slow at first, too."""
    container.run(["true"])
    gc.collect()
    before, own = peak(engine, container), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    seen = 0

    def count(_stream: str, data: bytes) -> None:
        nonlocal seen
        if seen < 20 * MEBI:
            threading.Event().wait(0.001)
        seen += len(data)

    argv = ["head", "-c", "1000000000", "/dev/zero"]
    result = container.run(argv, on_output=count, output_limit=MEBI)
    assert (seen, result.exit_code, result.truncated) == (1_000_000_000, 0, True)
    assert peak(engine, container) - before < 64 * MEBI
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - own < 64 * MEBI


def test_a_million_small_writes_are_all_there(python: Run) -> None:
    result = python("import os\nfor _ in range(1_000_000):\n os.write(1, b'x')")
    assert (result.exit_code, len(result.stdout), set(result.stdout)) == (0, 1_000_000, {120})


def test_output_of_any_bytes_is_unchanged(python: Run) -> None:
    everything = "bytes(range(256)) * 4000"
    result = python(f"import sys\nsys.stdout.buffer.write({everything})\nsys.exit(7)")
    assert (result.exit_code, result.stdout) == (7, bytes(range(256)) * 4000)


def test_who_closes_the_outputs_is_waited_for(python: Run) -> None:
    result = python("import os, time\nos.close(1)\nos.close(2)\ntime.sleep(0.5)\nos._exit(9)")
    assert (result.exit_code, result.stdout) == (9, b"")
    assert result.seconds >= 0.5


def test_descriptors_that_are_not_its_own_are_not_there(python: Run) -> None:
    """It writes to all that it can name, by number and in any process."""
    result = python(
        "import glob, os\n"
        "for number in range(3, 1024):\n"
        "    try: os.write(number, b'\\xff' * 4096)\n"
        "    except OSError: pass\n"
        "own = f'/proc/{os.getpid()}/'\n"
        "for path in glob.glob('/proc/[0-9]*/fd/*'):\n"
        "    if path.startswith((own, '/proc/self')): continue\n"
        "    try:\n"
        "        if os.readlink(path) == '/dev/null': continue\n"
        "        os.write(os.open(path, os.O_WRONLY | os.O_NONBLOCK), b'\\xff' * 4096)\n"
        "    except OSError: continue\n"
        "    print('wrote to', path)\n"
    )
    assert (result.exit_code, result.stdout, result.stderr) == (0, b"", b"")


@pytest.mark.parametrize("user", ["4321:4321", "0:0"])
def test_what_stands_by_for_the_next_block_is_out_of_reach(engine: Engine, user: str) -> None:
    """Neither its memory nor its pipes, into which else the output of another could be written."""
    look = (
        "import glob, os, time\n"
        "time.sleep(0.5)\n"
        "others = [path for path in glob.glob('/proc/[0-9]*') if path != f'/proc/{os.getpid()}']\n"
        "print(len(others) > 3)\n"
        "for path in others:\n"
        "    for name in (*(f'fd/{number}' for number in range(9)), 'environ', 'mem', 'cwd'):\n"
        "        try: print(os.open(f'{path}/{name}', os.O_RDONLY | os.O_NONBLOCK), path, name)\n"
        "        except (PermissionError, FileNotFoundError): pass\n"
    )
    with ContainerManager(engine) as manager:
        container = manager.start(replace(options(engine), user=user))
        container.write("/tmp/look.py", look.encode())
        for _ in range(3):
            result = container.run(["python", "look.py"], timeout=60)
            assert (result.exit_code, result.stdout, result.stderr) == (0, b"True\n", b"")


def test_a_fork_bomb_is_ended_by_the_limit(python: Run) -> None:
    result = python("import os\nwhile True:\n try: os.fork()\n except OSError: pass", timeout=2.0)
    assert (result.exit_code, result.timed_out) == (124, True)


def test_the_end_of_memory_is_told(python: Run) -> None:
    result = python("print('begun', flush=True)\nall = []\nwhile True: all.append(bytes(1 << 20))")
    assert (result.exit_code, result.oom_killed, result.stdout) == (137, True, b"begun\n")


def test_what_is_not_short_of_memory_is_not_called_so(python: Run) -> None:
    result = python("import os\nos.kill(os.getpid(), 9)")
    assert (result.exit_code, result.oom_killed) == (137, False)


def test_siblings_that_are_killed_have_a_true_result(python: Run, container: Container) -> None:
    """The code may signal whatever has its uid; each block says how it ended, and what it said."""
    results: list[Result] = []
    begun = threading.Semaphore(0)

    def sibling(*argv: str) -> None:
        hear = begun.release
        results.append(container.run(argv, warm=True, timeout=60, on_output=lambda *_: hear()))

    container.write("/tmp/sibling.py", b"import time\nprint('on', flush=True)\ntime.sleep(60)\n")
    siblings = (("sh", "-c", "echo on; sleep 60; echo never"), ("python", "sibling.py"))
    threads = [threading.Thread(target=sibling, args=argv) for argv in siblings]
    for thread in threads:
        thread.start()
    for _ in siblings:
        assert begun.acquire(timeout=30)
    killer = python("import os\nos.kill(-1, 9)\nprint('alone')")
    # Where its own supervisor has its uid, that may be known to be killed before it has printed.
    assert (killer.exit_code, killer.stdout) in {(0, b"alone\n"), (137, b""), (137, b"alone\n")}
    for thread in threads:
        thread.join()
    assert [(one.exit_code, one.stdout) for one in results] == [(137, b"on\n")] * 2


def test_input_that_nobody_reads_ends_with_the_program(python: Run) -> None:
    result = python("import sys\nsys.exit(4)", stdin=b"x" * 5_000_000)
    assert result.exit_code == 4


def test_input_and_output_may_both_be_long(python: Run) -> None:
    data = os.urandom(1 << 16) * 100
    code = "import shutil, sys\nshutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"
    assert python(code, stdin=data).stdout == data


def test_many_at_once_do_not_mix(container: Container) -> None:
    def work(number: int) -> None:
        container.write(f"/tmp/many{number}.py", f"print({number}, end='')".encode())
        for _ in range(5):
            result = container.run(["python", f"many{number}.py"], warm=True)
            results.append(result.stdout == str(number).encode())

    results: list[bool] = []
    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 60


@pytest.mark.parametrize("free", [0, 1, 2, 3])
def test_a_block_that_leaves_as_many_as_may_be_has_its_result_and_the_container_lives(
    engine: Engine, free: int
) -> None:
    """Nothing can be started then: that is said, and no failed fork goes on as another worker."""
    hog = (
        "import os, signal, sys, time\n"
        "left = []\n"
        "while True:\n"
        "    try: pid = os.fork()\n"
        "    except OSError: break\n"
        "    if pid == 0:\n"
        "        os.setsid()\n"
        "        for number in range(3): os.close(number)\n"
        "        time.sleep(120)\n"
        "        os._exit(0)\n"
        "    left.append(pid)\n"
        f"for pid in left[:{free}]: os.kill(pid, 9), os.waitpid(pid, 0)\n"
        "print('left', flush=True)\n"
        "os._exit(0)\n"
    )
    with ContainerManager(engine) as manager:
        container = manager.start(options(engine))
        container.write("/tmp/hog.py", hog.encode())
        result = container.run(["python", "hog.py"], warm=True, timeout=60)
        assert (result.exit_code, result.stdout) == (0, b"left\n")
        for _ in range(8):
            with contextlib.suppress(ExecError):
                fed = container.run(["cat"], stdin=b"\3\0\0\0\x09\0\0\0\2{}" * 5, timeout=60)
                assert fed.exit_code != 0 or fed.stdout.startswith(b"\3")
        container.reset()
        found = container.run(["cat"], stdin=b"as before", timeout=60)
        assert (found.exit_code, found.stdout) == (0, b"as before")
