"""`ExecutorPool`: executors that have started already, each for one tenant and for once.

Hidden here: that a container which has run somebody's code is never given to anybody else, but
ended; that a new one is started meanwhile; and how many the engine can bear. Every container has a
folder of its own for its work dir, since none can be mounted later.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, Unpack

from toolkit import host_path
from toolkit.coding import scratch, starting
from toolkit.coding.docker import DockerCommandLineCodeExecutor
from toolkit.coding.execution import ExecutorValueError
from toolkit.coding.settings import ExecutorOptions, as_value_errors, limits
from toolkit.errors import ExecTimeoutError, NotRunningError, ToolkitError
from toolkit.lifecycle import is_ending
from toolkit.profile import Limits

_LOG: Final = logging.getLogger(__name__)
_STARTERS: Final = 2
_ANOTHER: Final = "make another pool"
_PAUSE: Final = 1.0
"""Seconds after a start that failed; whoever needs an executor meanwhile sees why."""
_ASSUMED_MEMORY: Final = 256 << 20
"""Bytes that a container without a limit is taken to need."""
_PER_CPU: Final = 8
"""Containers for each processor of the engine's host: most of them wait, for a model or a user."""


class PoolOptions(ExecutorOptions, total=False):
    """What is the same for every executor of a pool."""

    timeout: float
    execution_policies: Mapping[str, bool] | None


class ExecutorPool:
    """Keeps `size` executors started. Thread-safe; use it in a `with`, which leaves nothing.

    `acquire()` gives one, at once where one is ready, and another is started in its place. It is
    the caller's alone, and ends with its `stop()` or `with`; it never comes back into the pool.

    `work_dir`: a folder in which each executor gets one of its own, which stays after its use; None
    is a temporary one. `bind_dir`: the path that it has on the engine's host. `limit`: how many may
    exist at a time; None is what the engine's processors and memory allow. Everything else is as in
    `DockerCommandLineCodeExecutor`, and so is what the constructor raises: it starts the first.
    """

    def __init__(
        self,
        size: int = 4,
        *,
        image: str | None = None,
        work_dir: Path | str | None = None,
        bind_dir: Path | str | None = None,
        limit: int | None = None,
        **options: Unpack[PoolOptions],
    ) -> None:
        if size < 1:
            raise ExecutorValueError(f"pool size {size} is none", hint="give a number from 1")
        self._pid = os.getpid()
        self._image = image
        self._own_engine = options.get("engine") is None
        self._engine = options.get("engine") or starting.connected()
        self._options: PoolOptions = {**options, "engine": self._engine}
        self._scratch = scratch.Scratch("pool") if work_dir is None else None
        self._root = None if work_dir is None else Path(work_dir)
        self._bind_dir = self._said(bind_dir)
        self._changed = threading.Condition()
        self._ready: deque[_Tenant] = deque()
        self._leased: set[_Tenant] = set()
        self._starting = 0
        self._closed = False
        self._threads: list[threading.Thread] = []
        try:
            with starting.started(image or "the default"):
                self._limit = limit or capacity(self._engine.info(), limits(options))
            self._size = min(size, self._limit)
            if self._size < size:
                _LOG.warning("pool of %d is held to %d: the engine has no more", size, self._size)
            self._ready.append(self._start())
        except BaseException:
            self.close()
            raise
        self._threads = [self._starter() for _ in range(min(_STARTERS, self._size))]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _said(self, bind_dir: Path | str | None) -> str | None:
        """Where the folder is on the engine's host, if it is said; else each executor finds it."""
        if bind_dir is not None or self._root is None:
            return None if bind_dir is None else str(bind_dir)
        with as_value_errors():
            return host_path.given(None, self._root, os.environ) or None

    @property
    def is_ours(self) -> bool:
        """Whether this process made the pool, and did not inherit it by a fork."""
        return self._pid == os.getpid()

    @property
    def is_temporary(self) -> bool:
        """Whether the work dirs go with their executors."""
        return self._scratch is not None

    @property
    def ready(self) -> int:
        """How many could be had at once."""
        return len(self._ready)

    def acquire(self, *, timeout: float | None = None) -> DockerCommandLineCodeExecutor:
        """Give an executor that nobody has used. Stop it after use, or use it in a `with`.

        Where none is ready, one is started here; where the limit is reached, this waits until one
        is stopped, `timeout` seconds at most. Raises ExecTimeoutError, NotRunningError for a pool
        that is closed, and what the constructor raises.
        """
        self._check_process()
        with self._changed:
            tenant = self._take(None if timeout is None else time.monotonic() + timeout)
            if tenant is not None:
                return tenant
            self._starting += 1
        return self._started(lease=True)

    def close(self) -> None:
        """End every executor, those in use too. Idempotent; a failure is raised after all."""
        if not self.is_ours:
            return
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            tenants = [*self._ready, *self._leased]
        failures = _stop_all(tenants)
        for thread in self._threads:
            thread.join()
        if self._scratch is not None:
            self._scratch.close()
        if self._own_engine:
            self._engine.close()
        if failures:
            raise failures[0]

    def forget(self, tenant: _Tenant) -> None:
        """For an executor of ours that has stopped: it makes room for another."""
        with self._changed:
            self._leased.discard(tenant)
            with contextlib.suppress(ValueError):
                self._ready.remove(tenant)
            self._changed.notify_all()

    def _check_process(self) -> None:
        if not self.is_ours:
            raise NotRunningError(
                "the pool belongs to the process that made it", hint="make one after the fork"
            )

    def _take(self, deadline: float | None) -> _Tenant | None:
        """A ready one; None when one more may be started. With the lock."""
        while True:
            if self._closed:
                raise NotRunningError("the pool is closed", hint=_ANOTHER)
            while self._ready:
                tenant = self._ready.popleft()
                self._changed.notify_all()
                if tenant.is_alive:
                    self._leased.add(tenant)
                    return tenant
                _LOG.warning("container %s has ended in the pool", tenant.container_name)
                threading.Thread(target=tenant.stop, daemon=True).start()
            if self._room():
                return None
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise ExecTimeoutError(
                    f"all {self._limit} executors of the pool are in use",
                    hint="stop those that are done, or make the pool with a higher limit",
                )
            self._changed.wait(left)

    def _room(self) -> int:
        return max(0, self._limit - len(self._ready) - len(self._leased) - self._starting)

    def _starter(self) -> threading.Thread:
        thread = threading.Thread(target=self._refill, name="toolkit pool", daemon=True)
        thread.start()
        return thread

    def _refill(self) -> None:
        """Start executors while some are missing, until the pool is closed."""
        while True:
            with self._changed:
                while not (self._closed or (self._missing() and self._room())):
                    self._changed.wait()
                if self._closed:
                    break
                self._starting += 1
            try:
                self._started(lease=False)
            except NotRunningError:
                break
            except (ToolkitError, OSError) as error:
                if is_ending():
                    break
                _LOG.warning("no executor could be started for the pool: %s", error)
                with self._changed:
                    self._changed.wait(_PAUSE)
        self._engine.release()

    def _missing(self) -> bool:
        return len(self._ready) + self._starting < self._size

    def _started(self, *, lease: bool) -> _Tenant:
        """Start one, counted as starting before, and enter it. Never one into a closed pool."""
        try:
            tenant = self._start()
        except BaseException:
            self._enter(None)
            raise
        if self._enter(tenant, lease=lease):
            return tenant
        tenant.stop()
        raise NotRunningError("the pool was closed while an executor started", hint=_ANOTHER)

    def _enter(self, tenant: _Tenant | None, *, lease: bool = False) -> bool:
        with self._changed:
            self._starting -= 1
            self._changed.notify_all()
            if tenant is None or self._closed:
                return False
            if lease:
                self._leased.add(tenant)
            else:
                self._ready.append(tenant)
            return True

    def _start(self) -> _Tenant:
        name = f"executor-{uuid.uuid4().hex[:12]}"
        root = self._root if self._scratch is None else self._scratch.folder
        assert root is not None  # noqa: S101 - one of both is there
        folder = root / name
        folder.mkdir()
        if self._options.get("user"):  # somebody else than who made it
            folder.chmod(0o777)
        bind_dir = self._bind_dir and host_path.joined(self._bind_dir, name)
        try:
            return _Tenant(self, folder, image=self._image, bind_dir=bind_dir, **self._options)
        except BaseException:
            scratch.remove(folder)
            raise


class _Tenant(DockerCommandLineCodeExecutor):
    """One of a pool. It takes its folder with it, unless the caller chose where that is."""

    def __init__(self, pool: ExecutorPool, folder: Path, **options: Any) -> None:  # noqa: ANN401
        self._pool = pool
        self._folder = folder
        super().__init__(work_dir=folder, **options)

    def stop(self) -> None:
        try:
            super().stop()
        finally:
            if self._pool.is_ours:
                self._leave()

    def _leave(self) -> None:
        try:
            self._pool.forget(self)
        finally:
            if self._pool.is_temporary:
                scratch.remove(self._folder)
            else:
                with contextlib.suppress(OSError):  # something is in it, and stays
                    self._folder.rmdir()


def capacity(info: Mapping[str, Any], wishes: Limits) -> int:
    """How many containers with these limits the engine's host can bear; at least one.

    `info` is the engine's. Their memory fits into its, and of processors each may use its share
    of what the containers are seldom all using at once.
    """
    cpus = max(wishes.cpus or 1.0, 1.0)
    bounds = [int(int(info.get("NCPU") or 1) * _PER_CPU / cpus)]
    if memory := int(info.get("MemTotal") or 0):
        bounds.append(memory // (wishes.memory or _ASSUMED_MEMORY))
    return max(1, min(bounds))


def _stop_all(tenants: Sequence[_Tenant]) -> list[Exception]:
    """Stop them side by side."""
    failures: list[Exception] = []

    def stop(tenant: _Tenant) -> None:
        try:
            tenant.stop()
        except Exception as error:  # noqa: BLE001 - raised when all were tried
            failures.append(error)

    threads = [threading.Thread(target=stop, args=(tenant,), daemon=True) for tenant in tenants]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures
