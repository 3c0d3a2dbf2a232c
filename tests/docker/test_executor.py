"""What is `DockerCommandLineCodeExecutor`'s own; the rest is in test_executor_contract."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from toolkit.coding import CodeBlock, CommandLineCodeResult, DockerCommandLineCodeExecutor
from toolkit.engine import Engine, connect
from toolkit.errors import NotRunningError, PullError, StartError
from toolkit.image import local_bases

pytestmark = pytest.mark.docker

KEY = "toolkit-test-executor"
RUN = uuid.uuid4().hex
Execute = Callable[..., CommandLineCodeResult]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The engine; nothing of these tests may be left on it."""
    with connect() as found:
        yield found
        assert found.list_containers(f"{KEY}={RUN}") == []


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    return str(local_bases(engine)[0])


@pytest.fixture(scope="module")
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def shared(engine: Engine, image: str, work_dir: Path) -> Iterator[DockerCommandLineCodeExecutor]:
    """One executor for all that leaves it as it was."""
    labels = {KEY: RUN}
    with DockerCommandLineCodeExecutor(
        image, work_dir=work_dir, labels=labels, engine=engine
    ) as it:
        yield it


@pytest.fixture(scope="module")
def execute(shared: DockerCommandLineCodeExecutor) -> Execute:
    def execute(*blocks: tuple[str, str]) -> CommandLineCodeResult:
        return shared.execute_code_blocks([CodeBlock(code, language) for language, code in blocks])

    return execute


def test_restart_ends_processes_and_keeps_files_of_the_container(
    shared: DockerCommandLineCodeExecutor, execute: Execute
) -> None:
    execute(("sh", "echo x > /tmp/file; setsid sleep 60 > /dev/null 2>&1 & echo $! > /tmp/pid"))
    before = shared.container_id
    shared.restart()
    assert shared.container_id == before
    result = execute(("sh", "cat /tmp/file; kill -0 $(cat /tmp/pid) 2>/dev/null || echo gone"))
    assert result.output == "x\ngone\n"


def test_restart_replaces_a_container_that_is_gone(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    name = f"toolkit-test-{RUN[:8]}"
    with DockerCommandLineCodeExecutor(
        image, name, work_dir=tmp_path, labels={KEY: RUN}, engine=engine
    ) as executor:
        engine.remove_container(executor.container_id)
        executor.restart()
        assert executor.container_name == name
        assert executor.execute_code_blocks([CodeBlock("echo on", "sh")]).output == "on\n"


def test_restart_starts_a_container_again_that_is_to_be_kept(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    """It has ended, and has its name and its files still."""
    executor = DockerCommandLineCodeExecutor(
        image, work_dir=tmp_path, auto_remove=False, labels={KEY: RUN}, engine=engine
    )
    try:
        executor.execute_code_blocks([CodeBlock("echo kept > /tmp/file", "sh")])
        container = executor.container_id
        engine.kill_container(container)
        executor.restart()
        assert executor.container_id == container
        assert executor.execute_code_blocks([CodeBlock("cat /tmp/file", "sh")]).output == "kept\n"
    finally:
        executor.stop()
        engine.remove_container(executor.container_id)


def test_the_container_runs_from_construction_to_stop_which_may_be_repeated(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    executor = DockerCommandLineCodeExecutor(
        image, work_dir=tmp_path, labels={KEY: RUN}, engine=engine
    )
    container = executor.container_id
    assert engine.inspect_container(container) is not None
    executor.stop()
    executor.stop()
    assert engine.inspect_container(container) is None
    with pytest.raises(NotRunningError):
        executor.execute_code_blocks([CodeBlock("echo", "sh")])


@pytest.mark.parametrize("option", ["auto_remove", "stop_container"])
def test_what_is_kept_outlives_with(
    engine: Engine, image: str, tmp_path: Path, option: str
) -> None:
    with DockerCommandLineCodeExecutor(
        image,
        work_dir=tmp_path,
        auto_remove=option != "auto_remove",
        stop_container=option != "stop_container",
        labels={KEY: RUN},
        engine=engine,
    ) as executor:
        container = executor.container_id
    try:
        time.sleep(0.3)
        found = engine.inspect_container(container)
        assert found is not None
        assert found["State"]["Running"] is (option == "stop_container")
    finally:
        engine.remove_container(container)


def test_a_bind_dir_is_used_word_for_word(engine: Engine, image: str, tmp_path: Path) -> None:
    work, link = tmp_path / "work", tmp_path / "link"
    work.mkdir()
    link.symlink_to(work)
    with DockerCommandLineCodeExecutor(
        image, work_dir=work, bind_dir=str(link), labels={KEY: RUN}, engine=engine
    ) as executor:
        assert (executor.work_dir, executor.bind_dir) == (work, link)
        found = engine.inspect_container(executor.container_id)
        assert found is not None
        assert found["HostConfig"]["Mounts"][0]["Source"] == str(link)
        assert executor.execute_code_blocks([CodeBlock("print(1)", "python")]).output == "1\n"


def test_a_bind_dir_that_is_another_folder_is_refused(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(StartError) as caught:
        DockerCommandLineCodeExecutor(
            image,
            work_dir=tmp_path / "work",
            bind_dir=tmp_path / "other",
            labels={KEY: RUN},
            engine=engine,
        )
    assert isinstance(caught.value, ValueError)
    assert f"folder {tmp_path}/other of the engine's host is not the folder" in str(caught.value)
    assert caught.value.hint is not None
    assert "bind_dir" in caught.value.hint
    assert list((tmp_path / "work").iterdir()) == []


def test_arguments_are_checked_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"(?m)^Timeout must be greater than or equal to 1\.$"):
        DockerCommandLineCodeExecutor(timeout=0, work_dir=tmp_path / "x")
    assert not (tmp_path / "x").exists()
    with pytest.raises(FileNotFoundError):
        DockerCommandLineCodeExecutor(work_dir=tmp_path / "no" / "such")
    with pytest.raises(ValueError, match="memory 'lots' is no size"):
        DockerCommandLineCodeExecutor(work_dir=tmp_path, memory="lots")


def test_an_image_that_is_nowhere_is_a_pull_error(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(PullError):
        DockerCommandLineCodeExecutor(
            "localhost:1/toolkit-test/none:1", work_dir=tmp_path, engine=engine
        )


def test_without_an_engine_the_error_is_a_runtime_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(RuntimeError, match=r"^Docker is not available\. "):
        DockerCommandLineCodeExecutor(work_dir=tmp_path)


def test_options_of_our_own_reach_the_block(engine: Engine, image: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with DockerCommandLineCodeExecutor(
        image,
        work_dir=tmp_path,
        user="4321:4321",
        environment={"X": "y"},
        network="none",
        memory="256m",
        labels={KEY: RUN},
        engine=engine,
    ) as executor:
        found = engine.inspect_container(executor.container_id)
        assert found is not None
        assert found["HostConfig"]["Memory"] == 256 << 20
        code = "id -u; echo $X; ls /sys/class/net; touch made"
        assert executor.execute_code_blocks([CodeBlock(code, "sh")]).output == "4321\ny\nlo\n"
    assert (tmp_path / "made").stat().st_uid == 4321
