"""The worker: the container's main process.

Hidden here: one thread and one poll for everything. It runs no code of others: it reads requests
from its standard input, starts programs under the code's uid, each below a supervisor, and passes
their output on. The end of its input is the end of the container (the tether), unless the container
is to be kept running. Written for Python 3.8, standard library only: see protocol.py.
"""

# ruff: noqa: PTH101, PTH118, PTH208 - pathlib takes longer to import than a program to start
from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

from toolkit.worker import protocol
from toolkit.worker.casualties import OutOfMemory, end_orphans, ticks
from toolkit.worker.identity import environment, find, identify, inherited, shapes_python
from toolkit.worker.nursery import ENDED, Nursery, programs, python
from toolkit.worker.outgoing import Outgoing
from toolkit.worker.program import Program
from toolkit.worker.protocol import Frame, FrameDecoder, ProtocolError, report
from toolkit.worker.run import Run
from toolkit.worker.spawn import choose, spawn
from toolkit.worker.supervisor import adopt_orphans, hide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from toolkit.worker.identity import Identity

_REST = 0.001
"""Seconds after the end of a run from which on spares are made. Until then that would take the
processor from the one who is waiting, and a warm interpreter could begin in the midst of what a
block installs. For a program there is only a supervisor to be told of its pipes."""
_ROUNDS = 2
"""How often that is tried: where no process is left, it would go on without a pause."""
_NEVER = 1 << 62
"""In clock ticks: nothing is younger."""
_PATIENCE = 1000
"""Times 2 ms: how long a reset waits for the last process to be gone."""


class Worker:
    """The loop, and the table of runs."""

    def __init__(self, source: int, target: int, warm: bytes) -> None:
        self._source = source
        self._out = Outgoing(target)
        self._decoder = FrameDecoder()
        self._runs: dict[int, Run] = {}
        self._warm_source = warm
        self._pythons: list[str] = []
        self._python: Nursery | None = None
        self._programs: Nursery | None = None
        self._preload: list[str] = []
        self._ready: Frame | None = None
        self._memory = OutOfMemory()
        self._ttl: float | None = None
        self._heard = time.monotonic()
        self._restock: float | None = None
        self._rounds = 0
        self._wanted: set[Nursery] = set()
        self._leftovers: set[int] = set()
        self._persist = False
        self._env = inherited()
        self._who = identify(None)
        self._cwd = "/"
        self._requests: dict[int, Callable[[Frame], None]] = {
            protocol.CONFIGURE: self._configure,
            protocol.RUN: self._run,
            protocol.INPUT: lambda frame: self._of(frame, Run.feed, frame.payload),
            protocol.INPUT_END: lambda frame: self._of(frame, Run.feed, b""),
            protocol.CREDIT: lambda frame: self._of(frame, Run.grant, frame.amount()),
            protocol.STOP: lambda frame: self._of(frame, Run.stop, frame.fields()),
            protocol.RESET: self._reset,
            protocol.PING: self._out.control,
        }

    def serve(self) -> None:
        """Work until the input ends. Returns when there is nobody to work for."""
        while self._source >= 0 or self._persist:
            poll = select.poll()
            places = self._places()
            for descriptor, (events, _) in places.items():
                poll.register(descriptor, events)
            for descriptor, event in poll.poll(self._patience()):
                try:
                    places[descriptor][1](event)
                except OSError:  # what belongs to one run must not end the others
                    if not self._give_up(descriptor):
                        raise
            now = time.monotonic()
            if self._ttl is not None and now - self._heard > self._ttl:
                return
            self._advance(now)
            self._out.write(now)
            if self._restock is not None and now >= self._restock:
                self._make_spares(now)

    def _advance(self, now: float) -> None:
        """Act on what has passed its time, and tell the ends."""
        for run in list(self._runs.values()):
            run.expire(now)
            is_late = run.begins_by is not None and now > run.begins_by
            if is_late and run.take_back(self._who.owning()):
                if run.kind is not None:
                    run.kind.end()
                self._end_lost(run, since=_NEVER)  # it has left nothing: it never ran
                run.begin_again()
            if run.is_over():
                self._finish(run)

    def _give_up(self, descriptor: int) -> bool:
        """Drop what a descriptor belongs to that is not what it should be; False for our own."""
        for run in self._runs.values():
            if run.owns(descriptor):
                run.give_up()
                return True
        for nursery in self._nurseries():
            if nursery.owns(descriptor):
                nursery.end()
                return True
        if descriptor not in self._leftovers:
            return False
        self._leftovers.discard(descriptor)
        os.close(descriptor)
        return True

    def _finish(self, run: Run) -> None:
        self._runs.pop(run.number, None)
        if run.is_lost:
            self._end_lost(run, since=run.since)
        is_last = all(other.stands for other in self._runs.values())
        killed = self._memory.kills() > run.oom_kills and (run.was_killed or is_last)
        self._out.end(run.last_words(oom_killed=killed))
        self._leftovers.update(run.leftovers)
        if run.kind is not None:
            self._wanted.add(run.kind)
            run.kind.keep(run.rested)
        self._restock, self._rounds = time.monotonic() + _REST, _ROUNDS
        if run.is_brief:
            self._restock = 0.0  # as soon as the end is told

    def _end_lost(self, run: Run, *, since: int) -> None:
        family = {run.supervisor, run.child}
        spared = {other.supervisor for other in self._runs.values()} - family
        for nursery in self._nurseries():
            spared.add(nursery.pid)
        end_orphans(family, since, self._who.uid, lambda: spared)

    def _nurseries(self) -> list[Nursery]:
        every = (self._python, self._programs)
        return [each for each in every if each is not None]

    def _make_spares(self, now: float) -> None:
        """Of the kinds that were asked for: a first run is not kept waiting for its successors."""
        for nursery in self._wanted:
            self._prime(nursery)
        self._rounds -= 1
        is_short = any(nursery.is_short for nursery in self._wanted)
        self._restock = now + _REST if is_short and self._rounds else None

    def _prime(self, nursery: Nursery) -> None:
        preload = "\0".join(self._preload).encode() or b"\0"
        if nursery is self._python:
            nursery.start(self._warm_source, preload)
        else:
            nursery.start()

    def _places(self) -> dict[int, tuple[int, Callable[[int], None]]]:
        """Every descriptor that matters now: what is waited for, and who is told."""
        places: dict[int, tuple[int, Callable[[int], None]]] = {}
        for nursery in self._nurseries():  # before the requests: one may just have been lost
            nursery.places(places, select.POLLIN)
        if self._source >= 0:
            places[self._source] = (select.POLLIN, self._read)
        if self._out.is_wanting:
            places[self._out.target] = (select.POLLOUT, lambda _event: None)
        for run in self._runs.values():
            run.places(places, can_read=not self._out.is_full)
        for descriptor in self._leftovers:
            places[descriptor] = (select.POLLIN, self._drain(descriptor))
        return places

    def _drain(self, descriptor: int) -> Callable[[int], None]:
        """What a background process writes after its run: lost, but it must not die of writing."""

        def drain(_event: int) -> None:
            with contextlib.suppress(BlockingIOError):  # the code may read it, too, by name
                if not os.read(descriptor, protocol.CHUNK):
                    os.close(descriptor)
                    self._leftovers.discard(descriptor)

        return drain

    def _patience(self) -> int | None:
        """Milliseconds until the next deadline."""
        if any(run.is_lingering() for run in self._runs.values()):
            return 0
        deadlines = [run.deadline for run in self._runs.values() if run.deadline is not None]
        deadlines += [run.begins_by for run in self._runs.values() if run.begins_by is not None]
        if self._ttl is not None:
            deadlines.append(self._heard + self._ttl)
        deadlines += [each for each in (self._restock, self._out.rests_until) if each is not None]
        if not deadlines:
            return None
        return max(0, int((min(deadlines) - time.monotonic()) * 1000) + 1)

    def _read(self, _event: int) -> None:
        try:
            data = os.read(self._source, 1 << 18)
        except BlockingIOError:
            return
        if not data:
            self._source = -1
        self._heard = time.monotonic()
        for frame in self._decoder.feed(data):
            self._answer(frame)

    def _answer(self, frame: Frame) -> None:
        request = self._requests.get(frame.kind)
        if request is None:
            raise ProtocolError(f"a request of kind {frame.kind}")
        try:
            request(frame)
        except (OSError, ValueError, KeyError, TypeError) as error:
            text = error.strerror if isinstance(error, OSError) else str(error)
            self._out.control(_failed(frame.run, text or repr(error)))

    def _of(self, frame: Frame, act: Callable[[Run, Any], None], argument: object) -> None:
        """Do it to the run; one that has ended meanwhile needs nothing any more."""
        run = self._runs.get(frame.run)
        if run is not None:
            act(run, argument)

    def _configure(self, frame: Frame) -> None:
        fields = frame.fields()
        self._who = who = identify(fields.get("user"))
        with who.owning():  # proves that the change of user is allowed, before code depends on it
            pass
        self._env = environment(who, self._env)
        self._cwd = fields["cwd"]
        if fields.get("scratch"):  # runc gives it the mode of the folder that it hides
            with contextlib.suppress(OSError):
                os.chmod(self._cwd, 0o1777)  # noqa: S103 - as /tmp
        self._persist = fields.get("persist", False)
        self._ttl = fields.get("ttl")
        self._preload = fields.get("preload", [])
        found = {name: find(name, self._env, who) for name in fields.get("programs", ())}
        report_of = {
            "version": protocol.VERSION,
            "python": ".".join(map(str, sys.version_info[:3])),
            "uid": who.uid,
            "gid": who.gid,
            "home": self._env["HOME"],
            "programs": found,
        }
        self._ready = report(protocol.READY, 0, report_of)
        self._programs = programs(who, self._env)
        found = {name: find(name, self._env, who) for name in ("python", "python3")}
        path = found["python"] or found["python3"]
        if path is not None:
            self._pythons = [name for name in found if found[name] == path]
            self._python = python(who, path, self._env)
            self._python.on_ready = self._warmed
            if self._preload or fields.get("warm"):
                self._prime(self._python)
        if fields.get("warm"):
            self._prime(self._programs)
        if not self._preload:
            self._warmed("")
        elif path is None:
            self._warmed("there is no python to load modules in")

    def _warmed(self, reason: str) -> None:
        """Answer CONFIGURE: with modules to be loaded, not before they are."""
        if self._ready is not None:
            if reason == ENDED:
                names = ", ".join(map(repr, self._preload))
                reason = f"the interpreter ended while it imported {names}"
            self._out.control(_failed(0, f"preload: {reason}") if reason else self._ready)
            self._ready = None

    def _run(self, frame: Frame) -> None:
        fields = frame.fields()
        if frame.run in self._runs or frame.run == 0:
            raise ProtocolError(f"run {frame.run} exists")
        who, env = self._who, self._env
        if fields.get("user"):
            who = identify(fields["user"])
            env = environment(who, env)
        env = {**env, **fields.get("env", {})}
        # Joined here: whoever is to start it may be in a folder of its own.
        cwd = os.path.join(self._cwd, fields.get("cwd") or self._cwd)
        program = Program(fields.get("argv") or [""], cwd, env)
        program.path = fields.get("write", "")
        program.mode = fields.get("mode", 0o644)
        program.feed, program.merged = fields["feed"], fields["merged"]
        run = Run(frame.run, fields.get("timeout"), self._out, feed=program.feed)
        run.stands = fields.get("stands", False)
        run.since = _NEVER if run.stands else ticks()  # what is younger, other runs have left
        run.oom_kills = self._memory.kills()
        self._runs[frame.run] = run
        try:
            self._begin(run, program, who, warm=fields.get("warm", False))
        except ValueError:
            del self._runs[frame.run]
            raise

    def _begin(self, run: Run, program: Program, who: Identity, *, warm: bool) -> None:
        """Start it, or tell a spare that this is what it is."""
        words = b""
        if who is self._who:
            run.kind, words = self._told(program, warm=warm)
        run.is_brief = run.kind is not None and run.kind is self._programs
        self._restock = None
        pipes = run.kind.tell(words) if run.kind is not None else None
        if pipes is None:
            self._start(run, program, who)
        else:
            choose(pipes, program)
            run.adopt(pipes, again=lambda: self._start(run, program, who))
        if run.kind is not None:  # not before: it would take the processor from this run
            run.kind.refill()

    def _start(self, run: Run, program: Program, who: Identity) -> None:
        try:
            run.adopt(spawn(program, who))
        except OSError as error:
            self._runs.pop(run.number, None)
            self._out.control(_failed(run.number, error.strerror or repr(error)))

    def _told(self, program: Program, *, warm: bool) -> tuple[Nursery | None, bytes]:
        """Who may have a spare for it, and what to tell that."""
        extra = {key: text for key, text in program.env.items() if self._env.get(key) != text}
        if (
            warm
            and program.argv[0] in self._pythons
            and len(program.argv) > 1
            and not any(map(shapes_python, extra))
        ):
            return self._python, program.tell(extra)
        return self._programs, program.tell(extra)

    def _reset(self, frame: Frame) -> None:
        """End every process but this one, which PID 1 alone can do in one stroke."""
        if os.getpid() == 1:
            with contextlib.suppress(ProcessLookupError):
                # Until none is left: one may have forked meanwhile, and one that is dying still
                # shows. Bounded, for a process in the kernel's hands may take its time.
                for _ in range(_PATIENCE):
                    os.kill(-1, signal.SIGKILL)
                    time.sleep(0.002)
        for run in self._runs.values():
            run.stop({"discard": True})
        for nursery in self._nurseries():
            nursery.forgive()
        self._out.control(Frame(protocol.RESET, frame.run))


def _failed(number: int, message: str) -> Frame:
    return report(protocol.FAILED, number, {"message": message})


def main(warm: bytes) -> None:
    """Serve the client on descriptors 0 and 1, then end the container.

    `warm` is the source of the warm interpreter.
    """
    hide()
    adopt_orphans()
    # The kernel then collects what is adopted, and a Ctrl-C sent from inside is nothing to PID 1.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):  # the listing's own is closed by now
                os.set_inheritable(int(name), False)  # noqa: FBT003 - it takes no keyword
    os.set_blocking(0, False)
    os.set_blocking(1, False)
    Worker(0, 1, warm).serve()
    os._exit(0)
