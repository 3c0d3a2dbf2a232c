"""Whatever becomes of the process, its containers are gone: a real process, a real engine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docker.conftest import of_this_run
from tests.docker.slow_proxy import SlowProxy
from tests.faults.cell import GRACE
from toolkit.container import ContainerOptions
from toolkit.engine import Engine, connect
from toolkit.errors import NotRunningError
from toolkit.image import local_bases
from toolkit.lifecycle import ContainerManager, install_signal_handlers

pytestmark = pytest.mark.docker

Client = Callable[..., subprocess.Popen[bytes]]

KEY = "toolkit-test-lifecycle"
RUN = uuid.uuid4().hex[:8]
PRELUDE = """
import atexit, os, signal, sys, threading, time
from toolkit.container import ContainerOptions
from toolkit.engine import connect
from toolkit.lifecycle import ContainerManager, install_signal_handlers
image, run = sys.argv[1:]
manager = ContainerManager(connect())
options = ContainerOptions(image=image, network="none", labels={"toolkit-test-lifecycle": run})
def say(word):
    os.write(1, word.encode() + b"\\n")
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with connect() as found:
        yield found
        assert of_this_run(found.list_containers(KEY), KEY, RUN) == []


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    return str(local_bases(engine)[0])


@pytest.fixture
def run() -> str:
    return f"{RUN}-{uuid.uuid4().hex}"


@pytest.fixture
def client(image: str, run: str) -> Iterator[Client]:
    """Start a process that uses the library and says `ready` when the test may go on."""
    processes = []

    def client(body: str, **environment: str) -> subprocess.Popen[bytes]:
        script = PRELUDE + textwrap.dedent(body)
        command = [sys.executable, "-c", script, image, run]
        world = {**os.environ, **environment}
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, env=world))
        return processes[-1]

    yield client
    for process in processes:
        process.kill()
        process.communicate()


def ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"


def is_soon_gone(engine: Engine, run: str) -> bool:
    """Within a second on a machine that has nothing else to do, as tests/faults proves by medians.

    Here it may have.
    """
    deadline = time.monotonic() + GRACE
    while engine.list_containers(f"{KEY}={run}"):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


OPEN = "manager.start(options); say('ready'); time.sleep(60)"
BUSY = """
container = manager.start(options)
script = "trap '' TERM HUP INT; setsid sh -c 'sleep 60' & echo on; sleep 60"
container.run(["sh", "-c", script], on_output=lambda stream, data: say("ready"))
"""


@pytest.mark.parametrize("body", [OPEN, BUSY], ids=["open", "busy"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_to_the_client_ends_its_container(
    engine: Engine, client: Client, run: str, number: int, body: str
) -> None:
    process = client(body)
    ready(process)
    assert len(engine.list_containers(f"{KEY}={run}")) == 1
    process.send_signal(number)
    process.wait(10)
    assert is_soon_gone(engine, run)


ENDS = {
    "the end of the script": "manager.start(options)",
    "with": "with manager: manager.start(options)",
    "an exception": "manager.start(options); raise SystemExit('no')",
    "an exception in with": "with manager: manager.start(options); raise SystemExit('no')",
    "os._exit": "manager.start(options); os._exit(0)",
    "three containers": "for _ in range(3): manager.start(options)",
    "a dropped manager": "manager.start(options); del manager",
    "a kill in the exit hooks": "manager.start(options); atexit.register(os.kill, os.getpid(), 9)",
    "a live thread that ends later": """
        manager.start(options)
        threading.Thread(target=time.sleep, args=(1.5,)).start()
        """,
    "sys.exit in a thread": """
        thread = threading.Thread(target=lambda: (manager.start(options), sys.exit(3)))
        thread.start()
        thread.join()
        """,
    "a daemon thread that runs": """
        container = manager.start(options)
        threading.Thread(target=container.run, args=(["sleep", "60"],), daemon=True).start()
        time.sleep(0.2)
        """,
    "a fork that exits": """
        container = manager.start(options)
        child = os.fork()
        if child == 0: sys.exit(0)
        os.waitpid(child, 0)
        assert container.run(["echo", "alive"]).stdout == b"alive\\n"
        """,
    "a fork that uses the library": """
        container = manager.start(options)
        child = os.fork()
        if child == 0:
            with ContainerManager(connect()) as own:
                own.start(options)
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert container.run(["echo", "alive"]).stdout == b"alive\\n"
        """,
}


@pytest.mark.parametrize("end", ENDS)
def test_the_end_of_the_client_is_the_end_of_its_containers(
    engine: Engine, client: Client, run: str, end: str
) -> None:
    process = client(ENDS[end])
    process.wait(60)
    assert is_soon_gone(engine, run)
    expected = {"an exception": 1, "an exception in with": 1, "a kill in the exit hooks": -9}
    assert process.returncode == expected.get(end, 0)


def test_a_forked_child_that_lives_on_does_not_hold_the_container(
    engine: Engine, client: Client, run: str
) -> None:
    body = """
    manager.start(options)
    if os.fork() == 0:
        say("ready")
        time.sleep(5)
        os._exit(0)
    time.sleep(60)
    """
    process = client(body)
    ready(process)
    process.kill()
    process.wait(10)
    assert is_soon_gone(engine, run)


MOMENTS = [0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3]
START = "say('ready'); manager.start(options); time.sleep(60)"


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Press Ctrl-C until it is heard: Python drops one that comes while it collects garbage."""
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
            return
    pytest.fail("the client does not hear Ctrl-C")


@pytest.mark.parametrize("delay", MOMENTS)
def test_an_interrupt_while_a_container_starts_leaves_none(
    engine: Engine, client: Client, run: str, delay: float
) -> None:
    process = client(START)
    ready(process)
    time.sleep(delay)
    interrupt(process)
    assert is_soon_gone(engine, run)


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupt_during_the_create_waits_for_what_the_engine_makes_of_it(
    engine: Engine, client: Client, run: str, tmp_path: Path, times: int
) -> None:
    """It goes on creating after its client has gone. A second Ctrl-C leaves it to the exit hook."""
    with SlowProxy(tmp_path, b"/containers/create", 1.5).serving() as slow:
        process = client(START, DOCKER_HOST=slow.address)
        ready(process)
        assert slow.held.wait(20)
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
        process.wait(20)
        time.sleep(1.5)  # what was held back is through by now
        assert engine.list_containers(f"{KEY}={run}") == []


def test_an_engine_that_hangs_does_not_hold_up_the_end_of_the_process(
    engine: Engine, client: Client, run: str, tmp_path: Path
) -> None:
    """The exit hook has five seconds; the containers end with our streams."""
    with SlowProxy(tmp_path, b"DELETE /", 30.0).serving() as slow:
        process = client("for _ in range(3): manager.start(options)", DOCKER_HOST=slow.address)
        process.wait(40)
        assert slow.held.is_set()
        assert is_soon_gone(engine, run)


SIGNALLED = """
    install_signal_handlers()
    if previous: signal.signal(signal.SIGTERM, previous); install_signal_handlers()
    manager.start(options)
    say("ready")
    time.sleep(60)
    """


@pytest.mark.parametrize(
    ("previous", "code", "said"),
    [
        ("None", -signal.SIGTERM, b""),
        ("lambda number, frame: (say(f'previous {number}'), sys.exit(7))", 7, b"previous 15\n"),
        ("signal.SIG_IGN", -signal.SIGHUP, b""),
    ],
    ids=["default", "a handler", "ignored"],
)
def test_a_signal_handler_ends_the_containers_and_then_does_what_was_done_before(
    engine: Engine, client: Client, run: str, previous: str, code: int, said: bytes
) -> None:
    """Proven where the tether cannot have done it: the client says what it still sees."""
    process = client(f"previous = {previous}\n" + textwrap.dedent(SIGNALLED))
    ready(process)
    process.send_signal(signal.SIGTERM)
    if previous == "signal.SIG_IGN":  # it stays ignored; SIGHUP was installed
        time.sleep(0.3)
        assert len(engine.list_containers(f"{KEY}={run}")) == 1
        process.send_signal(signal.SIGHUP)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (code, said)
    assert engine.list_containers(f"{KEY}={run}") == []


def test_signal_handlers_are_not_installed_off_the_main_thread() -> None:
    before = signal.getsignal(signal.SIGTERM)
    found: list[tuple[signal.Signals, ...]] = []
    thread = threading.Thread(target=lambda: found.append(install_signal_handlers()))
    thread.start()
    thread.join()
    assert found == [()]
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_library_installs_no_signal_handler_by_itself(engine: Engine, image: str) -> None:
    before = [signal.getsignal(number) for number in signal.valid_signals()]
    with ContainerManager(engine) as manager:
        manager.start(ContainerOptions(image=image, network="none"))
    assert [signal.getsignal(number) for number in signal.valid_signals()] == before


def test_a_failure_to_end_a_container_does_not_hide_the_error_that_came_first(
    engine: Engine, image: str, run: str, tmp_path: Path
) -> None:
    options = ContainerOptions(image=image, network="none", labels={KEY: run})
    proxy = SlowProxy(tmp_path, b"never", 0)

    def use() -> None:
        with ContainerManager(connect(proxy.address, timeout=5)) as manager:
            manager.start(options)
            proxy.hang_up()
            raise ZeroDivisionError

    with proxy.serving(), pytest.raises(ZeroDivisionError) as caught:
        use()
    (note,) = caught.value.__notes__  # the error is the user's own, which has no hint
    assert note.startswith("afterwards a container could not be ended: the Docker engine at unix:")
    assert is_soon_gone(engine, run)


def test_containers_are_started_from_several_threads_and_end_together(
    engine: Engine, image: str, run: str
) -> None:
    options = ContainerOptions(image=image, network="none", labels={KEY: run})
    with ContainerManager(engine) as manager:
        threads = [threading.Thread(target=manager.start, args=(options,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(engine.list_containers(f"{KEY}={run}")) == 4
    assert engine.list_containers(f"{KEY}={run}") == []
    manager.close()
    with pytest.raises(NotRunningError, match="the container manager is closed"):
        manager.start(options)
