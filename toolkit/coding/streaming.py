"""Output of blocks as it comes, and blocks awaited: the synchronous executor seen in other ways.

Hidden here: the thread in which the blocks run meanwhile. It is a daemon, because the end of the
process must not wait for a block that its own exit hook is about to end. No object belongs to an
event loop, so that one executor may be used from several. Whoever stops listening, by closing the
generator or by cancelling the task, has every process of the block dead when he gets control again.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import queue
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final, TypeVar

from toolkit.coding.results import BlockResult, CommandLineCodeResult
from toolkit.worker.result import Cancellation, Stream

_Value = TypeVar("_Value")
_WAITING: Final = 64
"""Pieces that may wait for a slow listener; then the program waits, and not our memory."""
_LOOK: Final = 0.01


@dataclass(frozen=True, slots=True)
class Output:
    """Some output of the block of that number, counted from 0, on that stream."""

    block: int
    stream: Stream
    text: str


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


Emit = Callable[[Output], None]
Piece = Output | CommandLineCodeResult | _Failure
Streamed = Generator[Output | CommandLineCodeResult, None, None]


class Teller:
    """Makes text of one list's output, block by block. Bytes that are not UTF-8 are replaced."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._block = 0
        self._decoders: dict[Stream, codecs.IncrementalDecoder] = {}

    def take(self, stream: Stream, data: bytes) -> None:
        """Some output of the current block."""
        decoder = self._decoders.get(stream)
        if decoder is None:
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            self._decoders[stream] = decoder
        self._say(stream, decoder.decode(data))

    def end(self, result: BlockResult) -> None:
        """The current block is over; what it did not say itself is said now."""
        for stream, decoder in self._decoders.items():
            self._say(stream, decoder.decode(b"", final=True))
        self._say("stdout", result.output[len(result.stdout) + len(result.stderr) :])
        self._decoders.clear()
        self._block += 1

    def _say(self, stream: Stream, text: str) -> None:
        if text:
            self._emit(Output(self._block, stream, text))


def streamed(work: Callable[[Emit, Cancellation], CommandLineCodeResult]) -> Streamed:
    """Do the work in a thread; yield what it emits, and its result at the end."""
    pieces: queue.Queue[Piece] = queue.Queue(maxsize=_WAITING)
    cancellation = Cancellation()

    def perform() -> None:
        try:
            pieces.put(work(pieces.put, cancellation))
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            pieces.put(_Failure(error))

    thread = threading.Thread(target=perform, name="toolkit stream", daemon=True)
    thread.start()
    try:
        while True:
            piece = pieces.get()
            if isinstance(piece, _Failure):
                raise piece.error
            yield piece
            if isinstance(piece, CommandLineCodeResult):
                return
    finally:
        cancellation.cancel()
        while thread.is_alive():
            with contextlib.suppress(queue.Empty):  # it may be waiting for room
                pieces.get_nowait()
            thread.join(_LOOK)


async def uninterrupted(work: Callable[[Cancellation], _Value]) -> _Value:
    """Await the work, done in a thread. A cancelled task waits until the work has ended."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    cancellation = Cancellation()
    outcome: list[_Value] = []
    failures: list[BaseException] = []

    def perform() -> None:
        try:
            outcome.append(work(cancellation))
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            failures.append(error)
        finally:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(_settle, done)

    threading.Thread(target=perform, name="toolkit await", daemon=True).start()
    cancelled = await _ended(done, cancellation)
    if cancelled is not None:
        raise cancelled
    if failures:
        raise failures[0]
    return outcome[0]


async def _ended(
    done: asyncio.Future[None], cancellation: Cancellation
) -> asyncio.CancelledError | None:
    """Wait for the end, whatever happens; the first cancellation, if there was one."""
    cancelled = None
    while not done.done():
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError as error:
            cancelled = cancelled or error
            cancellation.cancel()
    return cancelled


def _settle(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
