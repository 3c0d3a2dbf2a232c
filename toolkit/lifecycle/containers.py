"""`ContainerManager`: starts containers on one engine, and ends them.

Hidden here: the registry, into which a name is written before the engine hears it, so that there
is no moment at which a container belongs to nobody.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import logging
import threading
import time
import uuid
from types import TracebackType
from typing import Final, Self

from toolkit.container import (
    Container,
    ContainerOptions,
    Creation,
    name_taken,
    open_container,
    take_up,
)
from toolkit.engine import Engine
from toolkit.errors import EngineError, NotRunningError
from toolkit.lifecycle.ending import EXIT_SECONDS, unwatch, watch
from toolkit.lifecycle.engines import Known, caller, known, suited, time_to_live
from toolkit.lifecycle.ownership import ownership
from toolkit.lifecycle.sweep import clear

_LOG: Final = logging.getLogger(__name__)
_CLOSE_SECONDS: Final = 60.0
_LOOK_AGAIN: Final = 0.01

_ANOTHER: Final = "make another ContainerManager"


class ContainerManager:
    """Starts containers on one engine and ends them. Thread-safe. Use it in a `with`.

    What a container's options say holds after `close`, `with` and the end of the process alike, a
    kill included: removed, stopped and kept (`auto_remove=False`), or left running
    (`keep_running=True`).
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._session = uuid.uuid4().hex
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._registry: dict[str, Container | Creation] = {}
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except EngineError as failure:
            if error is None:
                raise
            # What went wrong first is the news; that an engine is gone says itself twice.
            error.add_note(f"afterwards a container could not be ended: {failure}")

    @property
    def session(self) -> str:
        """What the label `session` of every container of this manager says."""
        return self._session

    def start(self, options: ContainerOptions) -> Container:
        """Start a container. It is running, and its worker has answered, when this returns.

        The first start in a process also removes what processes that are proven dead have left, and
        each one what has its name.
        Raises StartError, and nothing is left behind then; EngineError when there is no engine.
        """
        watch(self)
        engine = known(self._engine)
        options = dataclasses.replace(options, ttl=time_to_live(options, engine))
        creation = self._reserve(options)
        try:
            container = self._opened(creation, options, engine)
            self._enter(container)
        except BaseException:
            self._undo(creation)
            raise
        return container

    def end(self, container: Container, *, engine: Engine | None = None) -> None:
        """End one container before the others. Idempotent; see `Container.close`."""
        container.close(engine=engine)
        with self._lock:
            self._registry.pop(container.name, None)

    def close(self) -> None:
        """End every container. Idempotent; a failure is raised after all were tried."""
        with self._lock:
            self._closed = True
        failures = self._end_all(self._engine, deadline=time.monotonic() + _CLOSE_SECONDS)
        unwatch(self)
        if failures:
            raise failures[0]

    # At the end of the process, and in a fork of it; see `ending`.

    def hang_up(self) -> None:
        """Close every stream, which ends the containers in their own time; start no more."""
        self._closed = True
        for started in list(self._registry.values()):
            if isinstance(started, Container):
                started.hang_up()

    def finish(self, deadline: float) -> None:
        """End every container until then, over a connection that nobody else uses."""
        with Engine(self._engine.endpoint, timeout=EXIT_SECONDS) as engine:
            for error in self._end_all(engine, deadline=deadline):
                _LOG.warning("a container may be left: %s", error)

    def forget(self) -> None:
        """In a forked child: these containers are the parent's."""
        self._lock = threading.Lock()
        for started in self._registry.values():
            if isinstance(started, Container):
                started.close_after_fork()
        self._registry.clear()
        self._closed = True

    # One start.

    def _reserve(self, options: ContainerOptions) -> Creation:
        name = options.name or f"tk-{self._session[:8]}-{next(self._numbers)}"
        creation = Creation(self._engine, name, session=self._session)
        with self._lock:
            if self._closed:
                raise NotRunningError("the container manager is closed", hint=_ANOTHER)
            taken = name in self._registry
            if not taken:
                self._registry[name] = creation
        if taken:
            raise name_taken(name, self._engine.inspect_container(name))
        return creation

    def _opened(self, creation: Creation, options: ContainerOptions, engine: Known) -> Container:
        """Take the container up, or make it."""
        options = suited(options, engine)
        user = caller(engine)
        if options.take_up:
            found = take_up(self._engine, options, name=creation.name, caller=user)
            if found is not None:
                return found
        if options.name:
            clear(self._engine, options.name)
        labels = ownership(
            self._session,
            creation.name,
            role=options.role,
            kept=options.is_kept,
            container=engine.container,
        )
        return open_container(creation, options, labels=labels, caller=user)

    def _enter(self, container: Container) -> None:
        with self._lock:
            if not self._closed:
                self._registry[container.name] = container
                return
        container.close()
        raise NotRunningError(
            "the container manager was closed while a container started", hint=_ANOTHER
        )

    def _undo(self, creation: Creation) -> None:
        entered = self._registry.get(creation.name)
        with contextlib.suppress(EngineError):
            if isinstance(entered, Container):
                self.end(entered)
            else:
                self._discard(creation, self._engine)

    def _discard(self, creation: Creation, engine: Engine, **options: float) -> None:
        if creation.discard(engine=engine, **options):  # else it is tried again at the end
            with self._lock:
                self._registry.pop(creation.name, None)

    # All their ends.

    def _end_all(self, engine: Engine, *, deadline: float) -> list[EngineError]:
        with self._lock:
            registry = dict(self._registry)
        running = [each for each in registry.values() if isinstance(each, Container)]
        if len(running) > 1:  # they end side by side, and need no thread for it
            self.hang_up()
        failures = []
        for started in registry.values():
            try:
                self._end_one(engine, started, deadline)
            except EngineError as error:
                failures.append(error)
            if time.monotonic() > deadline:
                break
        if not failures:
            self._await_removal(engine, running, deadline)
        return failures

    def _end_one(self, engine: Engine, started: Container | Creation, deadline: float) -> None:
        if isinstance(started, Container):
            self.end(started, engine=engine)
        else:
            self._discard(started, engine, seconds=max(0.0, deadline - time.monotonic()))

    @staticmethod
    def _await_removal(engine: Engine, containers: list[Container], deadline: float) -> None:
        """Wait for those that were going already, as their streams had been closed."""
        with contextlib.suppress(EngineError):
            for container in containers:
                while not container.options.is_kept and time.monotonic() < deadline:
                    if engine.inspect_container(container.id) is None:
                        break
                    time.sleep(_LOOK_AGAIN)
