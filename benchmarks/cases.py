"""What is compared: our executor's ways, and what stands on the other side of each ratio.

A case's two sides are functions that do the thing once and give the seconds that it took, so that
what is made ready before and tidied up after does not count.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import docker

from benchmarks.peers import INSTALLED, PANDAS, running
from benchmarks.story import bare_container, executor
from tests.peers.environments import Peer, interpreter
from toolkit import CodeBlock, DockerCommandLineCodeExecutor, ExecutorPool

Timed = Callable[[], float]
HOST_PYTHON: Final = str(Path(sys.executable).resolve())
"""The interpreter itself: starting a virtual environment's takes longer."""
HELLO: Final = "print('hello')"
PANDAS_CODE: Final = "import pandas\nprint(pandas.__version__)\n"
FLOOD: Final = """\
import os
piece = (b"x" * 1023 + b"\\n") * 64
for _ in range({pieces}):
    left = memoryview(piece)
    while left:
        left = left[os.write(1, left):]
"""
ANSWERING: Final = """\
import subprocess, sys
for line in sys.stdin.buffer:
    subprocess.run(["sh", "hello.sh"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    sys.stdout.buffer.write(b"x")
    sys.stdout.flush()
"""
THREADS: Final = 8
FILES: Final = 10_000
MEGABYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Case:
    """Two ways to the same end; `bar` is what ours may be, as a part of theirs.

    `prepare` makes both sides ready on the stack, and may raise what says why it cannot.
    """

    what: str
    against: str
    bar: float
    rounds: int
    prepare: Callable[[Bench, ExitStack], tuple[Timed, Timed]]


@dataclass(frozen=True, slots=True)
class Bench:
    """What all cases are made from. `part`: how much of the work a quick run does."""

    image: str
    folder: Path
    part: float = 1.0

    def work_dir(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def count(self, whole: int) -> int:
        return max(4, int(whole * self.part))


def cases() -> Iterator[Case]:
    """The issue's table, then every peer."""
    first, *others = INSTALLED
    yield peer_cycle(first, 0.05)
    bare = "docker-py: create, start, rm -f"
    yield Case("open, hello, close", bare, 1.3, 15, _bare_cycle)
    yield Case("a Python block", "host: python FILE", 0.4, 200, _python_block)
    yield Case("a Python block", "docker exec true", 0.1, 200, _docker_exec)
    yield Case("import pandas, preloaded", "host: python FILE", 0.05, 20, _pandas_block)
    yield Case("a shell block", "host: sh FILE", 1.5, 200, _shell_block)
    least = "(the least: attach, sh FILE)"
    yield Case(least, "host: sh FILE", 1.5, 200, _least_shell)
    yield Case("1,000 blocks, 8 containers", "docker-py: exec_run", 0.1, 1, _many_blocks)
    yield Case("open from a pool", "open a fresh one", 0.03, 10, _pooled)
    flood = "docker run --log-driver none"
    yield Case("1 GB of output (rate 1/ratio)", flood, 2.0, 3, _streamed)
    yield Case("1 GB: the client grows by", "64 MB", 1.0, 1, _client_memory)
    yield Case("1 GB: the worker grows by", "64 MB", 1.0, 1, _worker_memory)
    yield Case("10,000 files: listing changes", "os.scandir, stat", 1.2, 15, _changed_files)
    for peer in others:
        yield peer_cycle(peer, 0.05 if "autogen" in peer.name or peer.name == "classic" else 1.0)
    for peer in INSTALLED:
        yield peer_block(peer)


def peer_cycle(peer: Peer, bar: float) -> Case:
    """The whole of it, beside a peer."""

    def prepare(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
        folder = bench.work_dir(peer.name)
        theirs = stack.enter_context(running(peer, bench.image, folder))
        return timed(executor(bench.image, folder)), theirs.cycle

    return Case("open, hello, close", titled(peer), bar, 3, prepare)


def peer_block(peer: Peer) -> Case:
    """One block in a container that is there, beside a peer."""

    def prepare(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
        folder = bench.work_dir(peer.name)
        ours = block(opened(bench, stack, peer.name), HELLO, "python")
        theirs = stack.enter_context(running(peer, bench.image, folder))
        theirs.seconds("open")
        stack.callback(theirs.seconds, "close")
        return ours, lambda: theirs.seconds("block")

    return Case("a Python block", titled(peer), 1.0, 20, prepare)


def titled(peer: Peer) -> str:
    """Its name and its version."""
    return f"{peer.name} ({peer.requirements[0].partition('==')[2]})"


def timed(act: Callable[[], object]) -> Timed:
    def measure() -> float:
        begun = time.perf_counter()
        act()
        return time.perf_counter() - begun

    return measure


def opened(bench: Bench, stack: ExitStack, name: str) -> DockerCommandLineCodeExecutor:
    folder = bench.work_dir(name)
    made = DockerCommandLineCodeExecutor(bench.image, timeout=600, work_dir=folder)
    return stack.enter_context(made)


def block(opened: DockerCommandLineCodeExecutor, code: str, language: str) -> Timed:
    """Run one block and see that it went well."""
    blocks = [CodeBlock(code, language)]

    def act() -> None:
        result = opened.execute_code_blocks(blocks)
        if result.exit_code != 0:
            raise RuntimeError(f"a block ended with {result.exit_code}: {result.output}")

    return timed(act)


def process(*argv: str) -> Timed:
    """A whole process, its output read."""
    return timed(lambda: subprocess.run(argv, check=True, capture_output=True))


def _bare_cycle(bench: Bench, _stack: ExitStack) -> tuple[Timed, Timed]:
    return timed(executor(bench.image, bench.work_dir("cycle"))), timed(bare_container(bench.image))


def _python_block(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    ours = opened(bench, stack, "python")
    (ours.work_dir / "hello.py").write_text(HELLO)
    return block(ours, HELLO, "python"), process(HOST_PYTHON, str(ours.work_dir / "hello.py"))


def _docker_exec(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    ours = opened(bench, stack, "exec")
    return block(ours, HELLO, "python"), process("docker", "exec", ours.container_name, "true")


def _pandas_block(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    host = interpreter(PANDAS)
    folder = bench.work_dir("pandas")
    ours = DockerCommandLineCodeExecutor(bench.image, work_dir=folder, preload=("pandas",))
    stack.enter_context(ours)
    (folder / "frame.py").write_text(PANDAS_CODE)
    return block(ours, PANDAS_CODE, "python"), process(str(host), str(folder / "frame.py"))


def _shell_block(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    ours = opened(bench, stack, "shell")
    (ours.work_dir / "hello.sh").write_text("echo hello")
    return block(ours, "echo hello", "sh"), process("sh", str(ours.work_dir / "hello.sh"))


def _least_shell(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    """What stays if ours took no time: a byte through the engine each way, and `sh` inside."""
    folder = bench.work_dir("least")
    (folder / "hello.sh").write_text("echo hello")
    client = docker.from_env()
    stack.callback(client.close)
    container = client.containers.create(
        bench.image,
        ["python", "-S", "-c", ANSWERING],
        stdin_open=True,
        working_dir="/work",
        volumes=[f"{folder}:/work"],
        log_config=docker.types.LogConfig(type="none"),
    )
    stack.callback(container.remove, force=True)
    reader: Any = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    attached: socket.socket = reader._sock  # noqa: SLF001 - docker-py gives a reader of it
    container.start()

    def act() -> None:
        attached.sendall(b"\n")
        if not attached.recv(64):
            raise RuntimeError("the container has ended")

    return timed(act), process("sh", str(folder / "hello.sh"))


def _many_blocks(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    """Each thread has a container of its own on either side."""
    count = bench.count(1000) // THREADS
    ours = [block(opened(bench, stack, f"many-{n}"), HELLO, "python") for n in range(THREADS)]
    client = docker.from_env(max_pool_size=THREADS)
    stack.callback(client.close)
    theirs = [client.containers.run(bench.image, "sleep 600", detach=True) for _ in ours]
    for container in theirs:
        stack.callback(container.remove, force=True)
    threads = stack.enter_context(ThreadPoolExecutor(THREADS))

    def each(run: Callable[[int], object]) -> Timed:
        return timed(
            lambda: list(threads.map(lambda n: [run(n) for _ in range(count)], range(THREADS)))
        )

    return (
        each(lambda number: ours[number]()),
        each(lambda number: theirs[number].exec_run(["python", "-c", HELLO])),
    )


def _pooled(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    """Both are stopped outside of the time, and the pool is full again before the next round."""
    size = 2
    pool = stack.enter_context(ExecutorPool(size, image=bench.image))
    folder = bench.work_dir("fresh")

    def open_and_stop(make: Callable[[], DockerCommandLineCodeExecutor]) -> float:
        while pool.ready < size:
            time.sleep(0.01)
        begun = time.perf_counter()
        made = make()
        taken = time.perf_counter() - begun
        made.stop()
        return taken

    return (
        lambda: open_and_stop(pool.acquire),
        lambda: open_and_stop(lambda: DockerCommandLineCodeExecutor(bench.image, work_dir=folder)),
    )


def _streamed(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    code, size = _flood(bench)
    ours = opened(bench, stack, "flood")
    run = ("docker", "run", "--rm", "--log-driver", "none", bench.image, "python", "-c", code)

    def theirs() -> None:
        with subprocess.Popen(run, stdout=subprocess.PIPE) as ended:
            assert ended.stdout is not None  # noqa: S101 - it is a pipe
            read = ended.stdout.fileno()
            _all_of(iter(lambda: len(os.read(read, MEGABYTE)), 0), size)

    return timed(lambda: _all_of(_lengths(ours, code), size)), timed(theirs)


def _client_memory(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    """Megabytes in the place of seconds: the highest that this process had, above the beginning."""
    code, size = _flood(bench)
    ours = opened(bench, stack, "client")

    def grown() -> float:
        before, peak, over = _resident(), [0.0], threading.Event()

        def watch() -> None:
            while not over.wait(0.005):
                peak[0] = max(peak[0], _resident())

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            _all_of(_lengths(ours, code), size)
        finally:
            over.set()
            watching.join()
        return max(0.0, peak[0] - before)

    return grown, lambda: 64.0


def _worker_memory(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    """The peak of the container's first process, as the kernel has it, above what it was before."""
    code, size = _flood(bench)
    ours = opened(bench, stack, "worker")

    def peak() -> float:
        said = ours.run(["cat", "/proc/1/status"]).stdout.decode()
        return int(said.partition("VmHWM:")[2].split()[0]) / 1024

    def grown() -> float:
        before = peak()
        _all_of(_lengths(ours, code), size)
        return peak() - before

    return grown, lambda: 64.0


def _changed_files(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    """What a block takes longer in a folder of 10,000 files than in an empty one."""
    full = opened(bench, stack, "full")
    for number in range(FILES):
        folder = full.work_dir / f"{number // 100:03}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").touch()
    busy = block(full, HELLO, "python")
    idle = block(opened(bench, stack, "empty"), HELLO, "python")
    return lambda: busy() - idle(), timed(lambda: _walk(full.work_dir))


def _walk(folder: Path) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                _walk(Path(entry.path))


def _flood(bench: Bench) -> tuple[str, int]:
    pieces = bench.count((1000 * MEGABYTE) // 65_536)
    return FLOOD.format(pieces=pieces), pieces * 65_536


def _lengths(ours: DockerCommandLineCodeExecutor, code: str) -> Iterator[int]:
    for piece in ours.stream([CodeBlock(code, "python")]):
        yield len(getattr(piece, "text", ""))


def _all_of(lengths: Iterator[int], size: int) -> None:
    if (came := sum(lengths)) != size:
        raise RuntimeError(f"{came} of {size} bytes came")


def _resident() -> float:
    """Megabytes that this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE
