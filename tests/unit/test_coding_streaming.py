"""Blocks seen while they run: in a generator, and awaited."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from toolkit.coding.results import BlockResult, CommandLineCodeResult
from toolkit.coding.streaming import Emit, Output, Teller, streamed, uninterrupted
from toolkit.worker.result import Cancellation

END = CommandLineCodeResult(0, "")


def test_pieces_come_as_they_are_emitted_and_the_result_is_the_last() -> None:
    heard = threading.Event()

    def work(emit: Emit, _cancellation: Cancellation) -> CommandLineCodeResult:
        emit(Output(0, "stdout", "a"))
        assert heard.wait(10)
        return END

    stream = streamed(work)
    assert next(stream) == Output(0, "stdout", "a")
    heard.set()
    assert list(stream) == [END]


def test_an_exception_of_the_work_is_raised_by_the_generator() -> None:
    def work(_emit: Emit, _cancellation: Cancellation) -> CommandLineCodeResult:
        raise KeyError("x")

    with pytest.raises(KeyError):
        next(streamed(work))


def test_a_closed_generator_cancels_and_waits_for_work_that_waits_for_room() -> None:
    ended = threading.Event()

    def work(emit: Emit, cancellation: Cancellation) -> CommandLineCodeResult:
        cancelled = threading.Event()
        cancellation.follow(cancelled.set)
        while not cancelled.is_set():
            emit(Output(0, "stdout", "x"))
        ended.set()
        return END

    stream = streamed(work)
    next(stream)
    stream.close()
    assert ended.is_set()


def test_a_slow_listener_holds_the_work_back() -> None:
    emitted = []

    def work(emit: Emit, cancellation: Cancellation) -> CommandLineCodeResult:
        cancelled = threading.Event()
        cancellation.follow(cancelled.set)
        while not cancelled.is_set():
            emit(Output(0, "stdout", "x"))
            emitted.append(1)
        return END

    stream = streamed(work)
    next(stream)
    time.sleep(0.2)
    assert len(emitted) < 100
    stream.close()


def tell(*said: tuple[str, bytes], result: BlockResult) -> list[Output]:
    heard: list[Output] = []
    teller = Teller(heard.append)
    for stream, data in said:
        teller.take(stream, data)  # type: ignore[arg-type]
    teller.end(result)
    return heard


def test_a_character_is_not_cut_in_two_and_what_is_none_is_replaced() -> None:
    pieces = [("stdout", b"\xc3"), ("stderr", b"e"), ("stdout", b"\xa4"), ("stdout", b"\xff")]
    heard = tell(*pieces, result=BlockResult(0, ""))
    assert [(each.stream, each.text) for each in heard] == [
        ("stderr", "e"),
        ("stdout", "ä"),
        ("stdout", "\ufffd"),
    ]
    assert tell(("stdout", b"\xc3"), result=BlockResult(0, ""))[0].text == "\ufffd"


def test_what_the_executor_adds_is_told_and_the_next_block_has_the_next_number() -> None:
    heard: list[Output] = []
    teller = Teller(heard.append)
    teller.take("stdout", b"a")
    teller.end(BlockResult(124, "a\nTimeout", stdout="a"))
    teller.end(BlockResult(1, "Unsupported language x\n"))
    assert [(each.block, each.text) for each in heard] == [
        (0, "a"),
        (0, "\nTimeout"),
        (1, "Unsupported language x\n"),
    ]


def blocked() -> tuple[Callable[[Cancellation], str], threading.Event]:
    """Work that ends 50 ms after it was cancelled, and the sign that it did."""
    ended = threading.Event()

    def work(cancellation: Cancellation) -> str:
        cancelled = threading.Event()
        cancellation.follow(cancelled.set)
        assert cancelled.wait(10)
        time.sleep(0.05)
        ended.set()
        return "end"

    return work, ended


def test_a_cancelled_task_gets_control_back_when_the_work_has_ended() -> None:
    work, ended = blocked()

    async def main() -> None:
        task = asyncio.create_task(uninterrupted(work))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()  # impatience changes nothing
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()

    asyncio.run(main())


def test_a_time_limit_of_the_callers_works() -> None:
    work, ended = blocked()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(uninterrupted(work), 0.05)
        assert ended.is_set()

    asyncio.run(main())


def test_values_and_exceptions_come_through_in_any_loop_and_the_loop_is_free_meanwhile() -> None:
    def fail(_cancellation: Cancellation) -> None:
        raise KeyError("x")

    def slow(_cancellation: Cancellation) -> str:
        assert ticked.wait(10)
        return "v"

    async def main() -> None:
        async def tick() -> None:
            for _ in range(3):
                await asyncio.sleep(0.01)
            ticked.set()

        ticker = asyncio.create_task(tick())
        assert await uninterrupted(slow) == "v"
        await ticker
        with pytest.raises(KeyError):
            await uninterrupted(fail)

    for _ in range(2):
        ticked = threading.Event()
        asyncio.run(main())
