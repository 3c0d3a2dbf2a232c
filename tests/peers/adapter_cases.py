"""The asynchronous adapter under AutoGen 0.7 itself; run by test_adapter.py, in its environment."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from autogen_agentchat.agents import CodeExecutorAgent
from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock, CodeExecutor, with_requirements

from toolkit.engine import connect
from toolkit.integrations.autogen import (
    DockerCommandLineCodeExecutor,
    LocalCommandLineCodeExecutor,
)

COUNTING = """\
import pathlib, time
for number in range(1000):
    pathlib.Path("count.txt").write_text(str(number))
    print(number, flush=True)
    time.sleep(0.05)
"""


def python(code: str) -> list[CodeBlock]:
    return [CodeBlock(code, "python")]


async def test_a_block_runs_and_the_result_is_autogens() -> None:
    """It has AutoGen's three fields, and says more of each block."""
    async with DockerCommandLineCodeExecutor() as executor:
        result = await executor.execute_code_blocks(python("print(6 * 7)"), CancellationToken())
        assert (result.exit_code, result.output) == (0, "42\n")
        assert result.code_file is not None
        written = executor.work_dir / Path(result.code_file).name
        assert written.read_text() == "print(6 * 7)"
        assert [block.stdout for block in result.blocks] == ["42\n"]
        result.output = "an agent writes into it"


async def test_a_cancelled_program_is_dead_before_the_result_is_there() -> None:
    """What it printed is kept, its file grows no more, and the container goes on."""
    async with DockerCommandLineCodeExecutor() as executor:
        token = CancellationToken()
        running = asyncio.create_task(executor.execute_code_blocks(python(COUNTING), token))
        count = executor.work_dir / "count.txt"
        await appears(count)
        token.cancel()
        result = await running
        last = count.read_text()
        await asyncio.sleep(0.3)
        assert count.read_text() == last
        assert result.exit_code == 1
        assert result.output.startswith("0\n")
        assert result.output.endswith("\nCode execution was cancelled.")
        after = await executor.execute_code_blocks(python("print('on')"), CancellationToken())
        assert after.output == "on\n"


async def test_children_in_sessions_of_their_own_are_cancelled_too() -> None:
    async with DockerCommandLineCodeExecutor() as executor:
        (executor.work_dir / "child.py").write_text(COUNTING)
        code = (
            "import subprocess, sys, time\n"
            "subprocess.Popen([sys.executable, 'child.py'], start_new_session=True)\n"
            "time.sleep(60)\n"
        )
        token = CancellationToken()
        running = asyncio.create_task(executor.execute_code_blocks(python(code), token))
        count = executor.work_dir / "count.txt"
        await appears(count)
        token.cancel()
        await running
        last = count.read_text()
        await asyncio.sleep(0.3)
        assert count.read_text() == last


async def test_a_cancelled_task_leaves_nothing_running() -> None:
    """`asyncio.wait_for` and task groups cancel the task and not the token."""
    async with DockerCommandLineCodeExecutor() as executor:
        work = executor.execute_code_blocks(python(COUNTING), CancellationToken())
        running = asyncio.create_task(work)
        count = executor.work_dir / "count.txt"
        await appears(count)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        last = content(count)
        await asyncio.sleep(0.3)
        assert content(count) == last


async def test_what_is_cancelled_before_it_begins_does_nothing() -> None:
    async with DockerCommandLineCodeExecutor() as executor:
        token = CancellationToken()
        token.cancel()
        result = await executor.execute_code_blocks(python(COUNTING), token)
        assert (result.exit_code, result.output[-29:]) == (1, "Code execution was cancelled.")
        count = executor.work_dir / "count.txt"
        seen = content(count)
        await asyncio.sleep(0.3)
        assert content(count) == seen


async def test_a_cancelled_list_ends_there() -> None:
    async with DockerCommandLineCodeExecutor() as executor:
        token = CancellationToken()
        blocks = [*python(COUNTING), *python("open('second.txt', 'w')")]
        running = asyncio.create_task(executor.execute_code_blocks(blocks, token))
        await appears(executor.work_dir / "count.txt")
        token.cancel()
        assert (await running).exit_code == 1
        assert not (executor.work_dir / "second.txt").exists()


async def test_a_token_outlives_its_run() -> None:
    """Cancelled when all is over, it changes nothing, and the next run has its own."""
    async with DockerCommandLineCodeExecutor() as executor:
        token = CancellationToken()
        result = await executor.execute_code_blocks(python("print(1)"), token)
        token.cancel()
        assert result.exit_code == 0
        after = await executor.execute_code_blocks(python("print(2)"), CancellationToken())
        assert after.output == "2\n"


async def test_a_time_out_speaks_as_autogen_ext_does() -> None:
    async with DockerCommandLineCodeExecutor(timeout=1) as executor:
        code = "import time; print('so far', flush=True); time.sleep(60)"
        result = await executor.execute_code_blocks(python(code), CancellationToken())
        assert (result.exit_code, result.output) == (124, "so far\n\n Timeout")


async def test_a_comment_without_the_prefix_is_no_name() -> None:
    """As in autogen-ext, and not as in 0.2."""
    async with DockerCommandLineCodeExecutor() as executor:
        await executor.execute_code_blocks(python("# plot.py\nprint(1)"), CancellationToken())
        assert not (executor.work_dir / "plot.py").exists()


async def test_a_language_that_is_none_is_a_result() -> None:
    async with DockerCommandLineCodeExecutor() as executor:
        block = CodeBlock("IDENTIFICATION DIVISION.", "cobol")
        result = await executor.execute_code_blocks([block], CancellationToken())
        assert (result.exit_code, result.output) == (1, "Unsupported language cobol\n")


async def test_no_blocks_are_a_mistake() -> None:
    async with DockerCommandLineCodeExecutor() as executor:
        with pytest.raises(ValueError, match=r"^No code blocks to execute\."):
            await executor.execute_code_blocks([], CancellationToken())


async def test_start_and_stop_may_be_called_twice_and_again() -> None:
    """One container a start, none after the stop, and no folder either."""
    executor = DockerCommandLineCodeExecutor()
    await executor.stop()
    await asyncio.gather(executor.start(), executor.start())
    first, folder = executor.container_name, executor.work_dir
    await executor.start()
    assert executor.container_name == first
    await asyncio.gather(executor.stop(), executor.stop())
    assert not is_there(first)
    assert not folder.exists()
    await executor.start()
    assert executor.container_name != first
    await executor.stop()


async def test_a_restart_keeps_files_and_ends_programs() -> None:
    async with DockerCommandLineCodeExecutor() as executor:
        left = "(while :; do date +%N > ticks.txt; sleep 0.05; done) >&- 2>&- & echo > /tmp/kept"
        await executor.execute_code_blocks([CodeBlock(left, "sh")], CancellationToken())
        await appears(executor.work_dir / "ticks.txt")
        await executor.restart()
        last = content(executor.work_dir / "ticks.txt")
        check = [CodeBlock("ls /tmp/kept", "sh")]
        assert (await executor.execute_code_blocks(check, CancellationToken())).exit_code == 0
        assert content(executor.work_dir / "ticks.txt") == last


async def test_before_the_start_it_says_what_is_missing() -> None:
    executor = DockerCommandLineCodeExecutor()
    not_running = r"^Container is not running\. Must first be started with either start or a"
    with pytest.raises(ValueError, match=not_running):
        await executor.execute_code_blocks(python("1"), CancellationToken())
    with pytest.raises(ValueError, match=not_running):
        await executor.restart()
    with pytest.raises(RuntimeError, match=r"^Working directory not properly initialized"):
        _ = executor.work_dir


async def test_loops_come_and_go() -> None:
    """Started in one, used in two at once, stopped in a fourth; no object belongs to any."""
    executor = DockerCommandLineCodeExecutor()

    async def numbered(number: int) -> str:
        blocks = python(f"print({number})")
        result = await executor.execute_code_blocks(blocks, CancellationToken())
        return str(result.output)

    def elsewhere(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever it gives
        return asyncio.run(work)

    await asyncio.to_thread(elsewhere, executor.start())
    each = (asyncio.to_thread(elsewhere, numbered(number)) for number in (1, 2))
    assert await asyncio.gather(*each) == ["1\n", "2\n"]
    await asyncio.to_thread(elsewhere, executor.stop())


async def test_blocks_at_once_do_not_wait_for_each_other() -> None:
    """Each of them waits until all have begun."""
    async with DockerCommandLineCodeExecutor() as executor:
        meet = (
            "import glob, time\nopen('begun-{0}', 'w').close()\n"
            "while len(glob.glob('begun-*')) < 3: time.sleep(0.01)\nprint({0})\n"
        )
        work = (
            executor.execute_code_blocks(python(meet.format(number)), CancellationToken())
            for number in range(3)
        )
        outputs = [result.output for result in await asyncio.gather(*work)]
        assert outputs == ["0\n", "1\n", "2\n"]


async def test_no_engine_is_a_runtime_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    executor = DockerCommandLineCodeExecutor()
    with pytest.raises(RuntimeError, match=r"^Failed to connect to Docker\."):
        await executor.start()
    with pytest.raises(RuntimeError, match=r"^Working directory not properly"):
        _ = executor.work_dir


def test_a_component_is_written_and_read_without_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that can be written is, GPUs and our own options too."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    wanted: dict[str, Any] = {
        "image": "analysis:1",
        "container_name": "mine",
        "timeout": 7,
        "device_requests": [{"Count": -1, "Capabilities": [["gpu"]]}],
        "extra_volumes": {"/data": {"bind": "/data", "mode": "ro"}},
        "extra_hosts": {"example.com": "127.0.0.1"},
        "init_command": "true",
        "delete_tmp_files": True,
    }
    own: dict[str, Any] = {"profile": "strict", "memory": "512m", "environment": {"A": "b"}}
    written = DockerCommandLineCodeExecutor(**wanted, **own).dump_component()
    assert written.component_type == "code_executor"
    assert written.provider == "toolkit.integrations.autogen.DockerCommandLineCodeExecutor"
    assert {name: written.config[name] for name in wanted} == wanted
    assert written.config["options"] == own
    loaded = CodeExecutor.load_component(written)
    assert isinstance(loaded, DockerCommandLineCodeExecutor)
    assert loaded.dump_component() == written


async def test_a_twin_leaves_the_first_alone() -> None:
    """Neither a generated name nor a temporary folder is written down."""
    async with DockerCommandLineCodeExecutor() as first:
        twin = DockerCommandLineCodeExecutor.load_component(first.dump_component())
        async with twin:
            assert twin.container_name != first.container_name
            assert twin.work_dir != first.work_dir
        result = await first.execute_code_blocks(python("print(1)"), CancellationToken())
        assert result.output == "1\n"


def test_what_cannot_be_written_is_refused() -> None:
    def double(number: int) -> int:
        return 2 * number

    for function in (double, with_requirements()(double)):
        executor = DockerCommandLineCodeExecutor(functions=[function])
        with pytest.raises(ValueError, match=r"^functions cannot be written"):
            executor.dump_component()


def test_arguments_that_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"^Timeout must be greater than or equal to 1\."):
        DockerCommandLineCodeExecutor(timeout=0)
    with pytest.raises(ValueError, match=r"^Module name must be a valid Python identifier"):
        DockerCommandLineCodeExecutor(functions_module="not-a-name")
    with pytest.raises(ValueError, match=r"^isolation 'none' does not exist"):
        DockerCommandLineCodeExecutor(isolation="none")
    unknown: dict[str, Any] = {"timeuot": 3}
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'timeuot'$"):
        DockerCommandLineCodeExecutor(**unknown)


@pytest.mark.filterwarnings("ignore:No approval function")
async def test_an_agent_runs_what_it_is_given() -> None:
    """Success and failure both come back to the conversation; the agent writes into the result."""
    async with DockerCommandLineCodeExecutor() as executor:
        agent = CodeExecutorAgent("runner", executor)
        done = await agent.run(task="```python\nprint(6 * 7)\n```")
        assert done.messages[-1].to_text() == "42\n"
        failed = await agent.run(task="```sh\nexit 3\n```")
        assert "3" in failed.messages[-1].to_text()


def local(**options: Any) -> LocalCommandLineCodeExecutor:  # noqa: ANN401 - its own
    with pytest.warns(UserWarning, match=r"^Using LocalCommandLineCodeExecutor may execute code"):
        return LocalCommandLineCodeExecutor(**options)


async def test_the_local_one_kills_what_is_cancelled() -> None:
    """In AutoGen's words for it, and with the children."""
    async with local() as executor:
        (executor.work_dir / "child.py").write_text(COUNTING)
        code = (
            "import subprocess, sys, time\n"
            "subprocess.Popen([sys.executable, 'child.py'], start_new_session=True)\n"
            "print('begun', flush=True)\n"
            "time.sleep(60)\n"
        )
        token = CancellationToken()
        running = asyncio.create_task(executor.execute_code_blocks(python(code), token))
        count = executor.work_dir / "count.txt"
        await appears(count)
        token.cancel()
        result = await running
        last = count.read_text()
        await asyncio.sleep(0.3)
        assert count.read_text() == last
        assert result.exit_code == 125
        assert result.output.startswith("begun\n")
        assert result.output.endswith("\nCancelled")
        folder = executor.work_dir
    assert not folder.exists()


def test_the_local_one_is_written_without_its_temporary_folder() -> None:
    executor = local(timeout=7, cleanup_temp_files=False)
    assert executor.work_dir.is_dir()
    written = executor.dump_component()
    assert written.config == {
        "timeout": 7,
        "functions_module": "functions",
        "cleanup_temp_files": False,
    }
    with pytest.warns(UserWarning, match=r"^Using LocalCommandLineCodeExecutor"):
        loaded = CodeExecutor.load_component(written)
    assert isinstance(loaded, LocalCommandLineCodeExecutor)
    assert loaded.dump_component() == written
    with pytest.raises(ValueError, match=r"^virtual_env_context cannot be written"):
        local(virtual_env_context=object()).dump_component()


async def appears(path: Path) -> None:
    for _ in range(200):
        if content(path):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"{path} did not appear")


def content(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def is_there(container: str | None) -> bool:
    assert container is not None
    with connect() as engine:
        return engine.inspect_container(container) is not None
