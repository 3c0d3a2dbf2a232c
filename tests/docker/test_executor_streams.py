"""Blocks of the Docker executor streamed, awaited, cancelled; from several loops and threads."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.coding import (
    CodeBlock,
    CommandLineCodeResult,
    DockerCommandLineCodeExecutor,
    Output,
)
from toolkit.engine import Engine
from toolkit.errors import DiedError, NotRunningError
from toolkit.worker.result import Cancellation

pytestmark = pytest.mark.docker

KEY = "toolkit-test-streams"
RUN = uuid.uuid4().hex
ENDLESS = "echo $$; setsid sleep 61 & sleep 61 & sleep 61"
"""A block with a child, and one in a session of its own."""


@pytest.fixture(scope="module")
def executor(
    first_engine: Engine, base_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DockerCommandLineCodeExecutor]:
    with DockerCommandLineCodeExecutor(
        base_image,
        work_dir=tmp_path_factory.mktemp("work"),
        labels={KEY: RUN},
        engine=first_engine,
    ) as made:
        yield made
    assert first_engine.list_containers(f"{KEY}={RUN}") == []


def block(code: str, language: str = "sh") -> list[CodeBlock]:
    return [CodeBlock(code, language)]


def alive(executor: DockerCommandLineCodeExecutor) -> list[str]:
    script = (
        "import os\n"
        "for pid in filter(str.isdigit, os.listdir('/proc')):\n"
        "    try: words = open(f'/proc/{pid}/cmdline').read().split('\\0')\n"
        "    except OSError: continue\n"
        "    if words[:2] == ['sleep', '61']: print(pid)\n"
    )
    return executor.run(["python3", "-c", script]).stdout.decode().split()


def test_output_comes_while_the_block_runs_and_the_result_is_the_last(
    executor: DockerCommandLineCodeExecutor,
) -> None:
    """The block waits for a file that is written only when its first line was heard."""
    code = "echo first; while [ ! -e go ]; do sleep 0.01; done; echo second >&2; exit 3"
    stream = executor.stream([*block(code), *block("echo never")])
    assert next(stream) == Output(0, "stdout", "first\n")
    (executor.work_dir / "go").touch()
    *pieces, result = stream
    assert pieces == [Output(0, "stderr", "second\n")]
    assert isinstance(result, CommandLineCodeResult)
    assert (result.exit_code, len(result.blocks)) == (3, 1)
    assert (result.blocks[0].stdout, result.blocks[0].stderr) == ("first\n", "second\n")


def test_each_blocks_output_bears_its_number(executor: DockerCommandLineCodeExecutor) -> None:
    blocks = [*block("echo a"), *block("x", "css"), *block("print('b')", "python")]
    pieces = [piece for piece in executor.stream(blocks) if isinstance(piece, Output)]
    assert [(piece.block, piece.text) for piece in pieces][::2] == [(0, "a\n"), (2, "b\n")]
    assert pieces[1].text.startswith("Code saved to ")


def test_no_blocks_is_a_value_error_before_the_first_piece(
    executor: DockerCommandLineCodeExecutor,
) -> None:
    with pytest.raises(ValueError, match=r"(?m)^No code blocks to execute\.$"):
        executor.stream([])


def test_a_closed_stream_has_ended_the_block_and_not_the_container(
    executor: DockerCommandLineCodeExecutor,
) -> None:
    kept = executor.run(["sh", "-c", "sleep 62 > /dev/null 2>&1 & echo $!"]).stdout.decode()
    stream = executor.stream(block(ENDLESS))
    next(stream)
    while len(alive(executor)) < 3:
        time.sleep(0.02)
    stream.close()
    assert alive(executor) == []
    assert executor.run(["sh", "-c", f"kill {kept.strip()}"]).exit_code == 0
    assert executor.execute_code_blocks(block("echo on")).output == "on\n"


def test_an_endless_output_is_stopped_by_closing(executor: DockerCommandLineCodeExecutor) -> None:
    with_much = executor.stream(block("while :; do echo line; done"))
    assert len(list(itertools.islice(with_much, 200))) == 200
    with_much.close()
    assert executor.execute_code_blocks(block("echo on")).output == "on\n"


def test_a_cancellation_keeps_the_output_and_ends_the_list(
    executor: DockerCommandLineCodeExecutor,
) -> None:
    cancellation = Cancellation()
    begun = executor.work_dir / "begun"

    def cancel() -> None:
        while not begun.exists():
            time.sleep(0.01)
        cancellation.cancel()

    threading.Thread(target=cancel, daemon=True).start()
    result = executor.execute_code_blocks(
        [*block("echo before; echo > begun; sleep 61"), *block("echo never")],
        cancellation=cancellation,
    )
    assert result.output == "before\n"
    assert result.exit_code != 0
    assert result.blocks[0].cancelled
    assert len(result.blocks) == 1


def test_a_cancelled_task_has_ended_every_process_of_the_block(
    executor: DockerCommandLineCodeExecutor,
) -> None:
    async def main() -> None:
        task = asyncio.create_task(executor.aexecute_code_blocks(block(ENDLESS)))
        while len(alive(executor)) < 3:  # noqa: ASYNC110 - nothing tells us
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert alive(executor) == []
        assert (await executor.aexecute_code_blocks(block("echo on"))).output == "on\n"

    asyncio.run(main())


def test_one_executor_is_used_from_several_loops_and_threads_at_once(
    executor: DockerCommandLineCodeExecutor,
) -> None:
    said: list[str] = []

    def work(number: int) -> None:
        async def main() -> None:
            results = await asyncio.gather(
                *(
                    executor.aexecute_code_blocks(block(f"print({number}, {each})", "python"))
                    for each in range(3)
                )
            )
            said.extend(result.output for result in results)

        asyncio.run(main())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [f"{a} {b}\n" for a in range(3) for b in range(3)]


def test_async_with_stops_at_its_end(first_engine: Engine, base_image: str, tmp_path: Path) -> None:
    async def main() -> DockerCommandLineCodeExecutor:
        async with DockerCommandLineCodeExecutor(
            base_image, work_dir=tmp_path, labels={KEY: RUN}, engine=first_engine
        ) as executor:
            assert (await executor.aexecute_code_blocks(block("echo on"))).output == "on\n"
        return executor

    executor = asyncio.run(main())
    assert first_engine.inspect_container(executor.container_id) is None
    with pytest.raises(NotRunningError):
        executor.execute_code_blocks(block("echo"))


def test_a_stream_ends_with_an_error_when_the_container_is_killed(
    first_engine: Engine, base_image: str, tmp_path: Path
) -> None:
    with DockerCommandLineCodeExecutor(
        base_image, work_dir=tmp_path, labels={KEY: RUN}, engine=first_engine
    ) as executor:
        stream = executor.stream(block("echo a; sleep 61"))
        next(stream)
        first_engine.kill_container(executor.container_id)
        with pytest.raises(DiedError):
            next(stream)
        assert not executor.is_alive


def test_a_dropped_stream_ends_its_block(executor: DockerCommandLineCodeExecutor) -> None:
    """As any generator is closed when nobody has it any more."""
    next(executor.stream(block(ENDLESS)))
    deadline = time.monotonic() + 5
    while alive(executor) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert alive(executor) == []
