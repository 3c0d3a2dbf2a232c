"""A client of the library that is at a named stage when a named fault hits it. A program.

`live` is what anybody's program does: start a container, run something in it, end it. The stages
are seen as a user of the library sees them: the engine is asked what it has of this cell, and
`on_output` is called. A fault that comes from outside is asked for by saying `now`; whoever started
this program then does its worst. What the client gets to see it says, a line each.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from toolkit.coding import CodeBlock, DockerCommandLineCodeExecutor
from toolkit.coding.pool import ExecutorPool
from toolkit.container import WORKSPACE, Container, ContainerOptions, Mount
from toolkit.engine import connect
from toolkit.errors import ToolkitError
from toolkit.lifecycle import ContainerManager
from toolkit.profile import Limits

KEY: Final = "toolkit-test-faults"
"""The label that every container of a cell carries; its value is the cell's own."""
LONG: Final = 60.0
"""Seconds that are longer than any cell lasts."""

_FLOWING: Final = 4 << 20
"""Bytes after which a stream is in full flow."""
_STATES: Final[Mapping[str, frozenset[str]]] = {
    "created": frozenset({"created", "running"}),
    "opening": frozenset({"running"}),
}
"""What the engine says of a container at the stages that only the engine can tell."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a client is to play, as it is passed on the command line.

    `work` is the folder that is mounted. `script` is run in the container at the stages `running`
    and `streaming`. `goes_on`: the work comes to its end whatever happens; else what comes after
    the stage waits for the fault; where that is somebody's deed, for the end of standard input.
    `delay` is seconds from the stage to the fault. `memory` is the container's limit.
    """

    cell: str
    stage: str
    fault: str
    image: str
    work: str
    script: str
    goes_on: bool
    delay: float = 0.0
    address: str | None = None
    memory: int | None = None


class UsersOwnError(Exception):
    """What a program's own code raises in the midst of ours."""


def say(words: str) -> None:
    os.write(1, words.replace("\n", " ").encode() + b"\n")


class Client:
    """One program and its one container."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.engine = connect(part.address)
        self.manager = ContainerManager(self.engine)
        self._at_stage = threading.Event()
        self._is_past = False
        self._streamed = 0
        self._options = ContainerOptions(
            image=part.image,
            network="none",
            labels={KEY: part.cell},
            mounts=(Mount(part.work, WORKSPACE, proof=Path(part.work)),),
            limits=Limits(memory=part.memory),
        )

    def live(self) -> None:
        """Play the whole part, and say what came of it."""
        try:
            self._live()
        except ToolkitError as error:
            say(f"error {_words(error)}")
        else:
            say("done")

    def reached(self) -> None:
        """Wait for the stage."""
        if not self._at_stage.wait(LONG):
            say("the stage was never reached")
        time.sleep(self.part.delay)
        if self._is_past:
            say("late")

    def watch(self) -> None:
        """Ask the engine, over a connection of our own, until it says that the stage is reached."""
        states = _STATES.get(self.part.stage, frozenset())
        with connect(self.part.address) as engine:
            while states and not self._at_stage.is_set():
                found = engine.list_containers(f"{KEY}={self.part.cell}")
                if any(container["State"] in states for container in found):
                    self._at_stage.set()
                time.sleep(0.002)

    def once_more(self) -> None:
        """Show that the library is still good for work: start another container."""
        with contextlib.suppress(ToolkitError):
            self.manager.close()
        try:
            with ContainerManager(self.engine) as manager:
                container = manager.start(self._options)
                say(f"again {container.run(['echo', 'alive']).stdout.decode()}")
        except ToolkitError as error:
            say(f"again {_words(error)}")

    def _live(self) -> None:
        if self.part.stage in {"executor", "pool"}:
            self._execute()
            return
        self._reach("creating")
        container = self.manager.start(self._options)
        self._leave("creating", "created", "opening")
        if self.part.stage in {"running", "streaming"}:
            self._run(container)
            self._leave("running", "streaming")
        said = container.run(["echo", "alive"]).stdout.decode()
        say(f"then {said}")
        self._reach("stopping")
        if self.part.stage == "stopping":
            self.manager.close()
            self._leave("stopping")

    def _execute(self) -> None:
        """The same by the executor, or by one of a pool that is filling up meanwhile."""
        labels = {KEY: self.part.cell}
        if self.part.stage == "pool":
            pool = ExecutorPool(2, image=self.part.image, network="none", labels=labels)
            executor = pool.acquire()
        else:
            executor = self.executor()
        for _ in executor.stream([CodeBlock(self.part.script, "python")]):
            self._reach(self.part.stage)
        self._leave("executor", "pool")

    def executor(self) -> DockerCommandLineCodeExecutor:
        part = self.part
        return DockerCommandLineCodeExecutor(
            part.image, work_dir=part.work, network="none", labels={KEY: part.cell}
        )

    def _run(self, container: Container) -> None:
        result = container.run(["sh", "-c", self.part.script], on_output=self._hear)
        say(f"result {result.exit_code}{' for want of memory' if result.oom_killed else ''}")

    def _hear(self, _stream: str, data: bytes) -> None:
        self._reach("running")
        self._streamed += len(data)
        if self._streamed > _FLOWING:
            if (self.part.stage, self.part.fault) == ("streaming", "exception"):
                raise UsersOwnError
            self._reach("streaming")

    def _reach(self, stage: str) -> None:
        if stage == self.part.stage:
            self._at_stage.set()

    def _leave(self, *stages: str) -> None:
        if self.part.stage in stages:
            self._is_past = True
            self._at_stage.set()
            if not self.part.goes_on:
                _await_the_deed()


def _await_the_deed() -> None:
    """Wait for the end of standard input, which says that the deed is done."""
    while os.read(0, 1):
        pass


def _words(error: ToolkitError) -> str:
    return f"{type(error).__name__}: {error} (hint: {error.hint})"


# What another thread does, or somebody outside, while the main thread is at the stage.


def _by_another(act: Callable[[], object]) -> Callable[[Client], None]:
    def play(client: Client) -> None:
        def act_then() -> None:
            client.reached()
            act()

        threading.Thread(target=act_then, daemon=True).start()
        client.live()

    return play


def _now() -> None:
    say("now")


def _and_once_more(client: Client) -> None:
    """Live through what comes from outside, then show that the library is still good for work."""
    _by_another(_now)(client)
    _await_the_deed()
    client.once_more()


def _exhaust() -> NoReturn:
    """Take memory until the kernel ends us."""
    hoard = []
    while True:
        hoard.append(b"x" * (4 << 20))


def _exit() -> NoReturn:
    os._exit(9)


def _raise(*_: object) -> NoReturn:
    raise UsersOwnError


def _exception(client: Client) -> None:
    """Raise in the main thread, as programs do that limit the time of something by SIGALRM."""
    signal.signal(signal.SIGALRM, _raise)

    def act() -> None:
        if client.part.stage != "streaming":  # there it is raised in the user's callback
            os.kill(os.getpid(), signal.SIGALRM)

    with client.manager:
        _by_another(act)(client)


# What the main thread does while another one is at the stage.


def _end(client: Client) -> None:
    threading.Thread(target=client.live, daemon=True).start()
    client.reached()


def _end_before_a_thread(client: Client) -> None:
    threading.Thread(target=client.live).start()
    client.reached()


def _close_the_loop(client: Client) -> None:
    loop = asyncio.new_event_loop()

    async def begin() -> None:
        future = loop.run_in_executor(None, client.live)
        await loop.run_in_executor(None, client.reached)
        future.cancel()

    loop.run_until_complete(begin())
    loop.close()


def _with_children(ends: Callable[[], None], lives: Callable[[], None]) -> Callable[[Client], None]:
    """Have a child that ends and must harm nobody, and one that lives on and must hold nothing."""

    def play(client: Client) -> None:
        thread = threading.Thread(target=client.live, daemon=True)
        thread.start()
        client.reached()
        ends()
        lives()
        thread.join(LONG)
        say("now")
        time.sleep(LONG)

    return play


def _fork_that_ends() -> None:
    child = os.fork()
    if child == 0:
        sys.exit(0)  # through all exit hooks
    if os.waitpid(child, 0)[1] != 0:
        say("a forked child failed")


def _fork_that_lives() -> None:
    if os.fork() == 0:
        time.sleep(LONG)
        os._exit(0)


def _program_that_ends() -> None:
    child = os.fork()
    if child == 0:
        os.execvp("true", ["true"])  # noqa: S606 - the fork and the exec are the point
    os.waitpid(child, 0)


def _program_that_lives() -> None:
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", str(LONG)])  # noqa: S606 - as above


def _process(method: str, *, lives: bool) -> Callable[[], None]:
    def act() -> None:
        context = multiprocessing.get_context(method)
        process = context.Process(  # type: ignore[attr-defined] # every context has one
            target=time.sleep, args=(LONG if lives else 0,)
        )
        process.start()
        if not lives:
            process.join()
            if process.exitcode:
                say("a child of multiprocessing failed")

    return act


def _next_start(client: Client) -> None:
    """Start and end as the next user of this machine does, in the same way as the one before."""
    if client.part.stage in {"executor", "pool"}:
        client.executor().stop()
    else:
        with client.manager:
            client.manager.start(client._options)
    say("done")


FAULTS: Final[Mapping[str, Callable[[Client], None]]] = {
    "normal-end": _end,
    "exception": _exception,
    "thread-exit": _by_another(sys.exit),
    "os-exit": _by_another(_exit),
    "client-oom": _by_another(_exhaust),
    "live-thread": _end_before_a_thread,
    "loop-closed": _close_the_loop,
    "fork": _with_children(_fork_that_ends, _fork_that_lives),
    "fork-exec": _with_children(_program_that_ends, _program_that_lives),
    "mp-fork": _with_children(_process("fork", lives=False), _process("fork", lives=True)),
    "mp-spawn": _with_children(_process("spawn", lives=False), _process("spawn", lives=True)),
    "signal": _by_another(_now),
    "outside": _and_once_more,
    "next-start": _next_start,
}


def _main() -> None:
    faulthandler.register(signal.SIGUSR1)  # so that one that hangs can say where
    client = Client(Part(**json.loads(sys.argv[1])))
    client.engine.ping()  # what is imported late is imported now
    threading.Thread(target=client.watch, daemon=True).start()
    FAULTS[client.part.fault](client)


if __name__ == "__main__":
    _main()
