"""`ExecutorPool` on a real engine."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from toolkit.coding import CodeBlock, DockerCommandLineCodeExecutor, ExecutorPool
from toolkit.engine import Engine
from toolkit.errors import ExecTimeoutError, NotRunningError, PullError

pytestmark = pytest.mark.docker

KEY = "toolkit-test-pool"
RUN = uuid.uuid4().hex


@pytest.fixture
def options(
    first_engine: Engine, base_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """What every pool here has in common. Nothing may be left: no container, no folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    yield {"image": base_image, "labels": {KEY: RUN}, "engine": first_engine}
    assert first_engine.list_containers(f"{KEY}={RUN}") == []
    assert list((tmp_path / "tmp").iterdir()) == []


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def sh(executor: DockerCommandLineCodeExecutor, code: str) -> str:
    return executor.execute_code_blocks([CodeBlock(code, "sh")]).output


def test_an_acquired_executor_is_one_of_docker_and_nobody_had_it_before(
    options: dict[str, Any],
) -> None:
    """Neither its container nor its work dir, one after another and side by side."""
    with ExecutorPool(2, **options) as pool:
        seen: list[tuple[str, Path]] = []
        for _ in range(4):
            with pool.acquire() as executor:
                assert isinstance(executor, DockerCommandLineCodeExecutor)
                assert sh(executor, "ls -A /workspace; cat /tmp/state 2>&1").startswith("tmp_code_")
                sh(executor, "echo secret | tee /tmp/state > file")
                seen.append((executor.container_id, executor.work_dir))
            assert not executor.work_dir.exists()
        one, two = pool.acquire(), pool.acquire()
        assert len({*seen, (one.container_id, one.work_dir), (two.container_id, two.work_dir)}) == 6


def test_what_was_taken_is_replaced_in_the_background(options: dict[str, Any]) -> None:
    with ExecutorPool(2, **options) as pool:
        until(lambda: pool.ready == 2)
        before = {ready.container_id for ready in pool._ready}
        taken = pool.acquire().container_id
        until(lambda: pool.ready == 2)
        (new,) = {ready.container_id for ready in pool._ready} - before
        assert {ready.container_id for ready in pool._ready} == (before - {taken}) | {new}


def test_a_ready_one_is_given_without_a_word_to_the_engine(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExecutorPool(1, **options) as pool:
        until(lambda: pool.ready == 1)
        with monkeypatch.context() as patched:
            patched.setattr(pool, "_start", None)
            executor = pool.acquire()
        assert sh(executor, "echo on") == "on\n"


def test_the_end_of_the_pool_ends_those_in_use_too(
    options: dict[str, Any], first_engine: Engine
) -> None:
    with ExecutorPool(2, **options) as pool:
        executor = pool.acquire()
    assert first_engine.inspect_container(executor.container_id) is None
    with pytest.raises(NotRunningError):
        sh(executor, "echo")
    with pytest.raises(NotRunningError, match=r"(?m)^the pool is closed$"):
        pool.acquire()
    pool.close()


def test_there_are_never_more_than_the_limit_and_whoever_waits_gets_the_next(
    options: dict[str, Any], first_engine: Engine
) -> None:
    with ExecutorPool(2, limit=2, **options) as pool:
        first, second = pool.acquire(), pool.acquire()
        with pytest.raises(ExecTimeoutError, match=r"(?m)^all 2 executors of the pool are in use$"):
            pool.acquire(timeout=0.2)
        assert len(first_engine.list_containers(f"{KEY}={RUN}")) == 2
        threading.Timer(0.2, first.stop).start()
        third = pool.acquire(timeout=20)
        assert third.container_id not in {first.container_id, second.container_id}
        assert sh(third, "echo on") == "on\n"


def test_many_threads_get_one_each(options: dict[str, Any]) -> None:
    seen: list[str] = []

    def work() -> None:
        with pool.acquire(timeout=60) as executor:
            seen.append(sh(executor, "cat /proc/sys/kernel/hostname; sleep 0.1"))

    with ExecutorPool(2, limit=3, **options) as pool:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(set(seen)) == 8


def test_a_container_that_ended_in_the_pool_is_given_to_nobody(
    options: dict[str, Any], first_engine: Engine
) -> None:
    with ExecutorPool(1, limit=2, **options) as pool:
        until(lambda: pool.ready == 1)
        waiting = first_engine.list_containers(f"{KEY}={RUN}")[0]["Id"]
        first_engine.remove_container(waiting)
        until(lambda: not pool._ready or not pool._ready[0].is_alive)
        executor = pool.acquire(timeout=20)
        assert executor.container_id != waiting
        assert sh(executor, "echo on") == "on\n"


def test_what_is_wrong_is_said_by_the_constructor(options: dict[str, Any]) -> None:
    with pytest.raises(PullError):
        ExecutorPool(2, **{**options, "image": "localhost:1/toolkit-test/none:1"})
    with pytest.raises(ValueError, match="profile 'loose' does not exist"):
        ExecutorPool(2, profile="loose", **options)
    with pytest.raises(TypeError, match="nonsense"):
        ExecutorPool(2, nonsense=1, **options)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="pool size 0 is none"):
        ExecutorPool(0, **options)


def test_without_an_engine_the_error_is_autogens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(RuntimeError, match=r"^Docker is not available\. "):
        ExecutorPool(1)


def test_work_dirs_below_a_folder_of_the_callers_stay_when_something_is_in_them(
    options: dict[str, Any], tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with ExecutorPool(2, work_dir=root, bind_dir=root, **options) as pool:
        with pool.acquire() as executor:
            sh(executor, "# filename: made.sh\necho")
        until(lambda: pool.ready == 2)
    assert [path.name for path in root.iterdir()] == [executor.work_dir.name]
    assert (executor.work_dir / "made.sh").stat().st_uid == os.getuid()


def test_a_forked_child_can_neither_use_nor_end_the_pool(options: dict[str, Any]) -> None:
    with ExecutorPool(1, **options) as pool:
        executor = pool.acquire()
        pid = os.fork()
        if pid == 0:
            try:
                executor.stop()
                pool.close()
                pool.acquire()
            except NotRunningError:
                os._exit(7)
            finally:
                os._exit(8)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        assert executor.work_dir.exists()
        assert sh(executor, "echo on") == "on\n"


@pytest.mark.parametrize("ending", ["", "os.kill(os.getpid(), 9)"])
def test_a_process_that_ends_without_closing_leaves_nothing(
    options: dict[str, Any], first_engine: Engine, tmp_path: Path, ending: str
) -> None:
    """Folders of a killed one are cleared by the next start."""
    script = (
        "import os, sys\nfrom toolkit import ExecutorPool\n"
        f"pool = ExecutorPool(2, image={options['image']!r}, labels={options['labels']!r})\n"
        "pool.acquire()\nprint('in use', flush=True)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    command = [sys.executable, "-c", script + ending]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.stdout == "in use\n", ended.stderr
    until(lambda: first_engine.list_containers(f"{KEY}={RUN}") == [])
    if ending:
        subprocess.run(
            [sys.executable, "-c", "from toolkit.coding.scratch import sweep; sweep()"],
            env=environment,
        )


def test_the_size_is_held_to_what_the_engine_can_bear(
    options: dict[str, Any], first_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    half = int(first_engine.info()["MemTotal"] * 0.6)
    with ExecutorPool(3, memory=half, **options) as pool:
        assert (pool.ready, "pool of 3 is held to 1" in caplog.text) == (1, True)
        pool.acquire()
        with pytest.raises(ExecTimeoutError):
            pool.acquire(timeout=0.1)
