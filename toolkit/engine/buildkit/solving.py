"""`Control/Solve` and `Control/Status`: one build said in BuildKit's own words.

Hidden here: the messages and their numbers, and the order in which two calls of one connection
end. Status is listened to while Solve is pending, and for some seconds after: the last lines of a
failing step often come together with the failure.
"""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from toolkit.engine.buildkit import status, wire
from toolkit.engine.buildkit.calls import Call, Channel, Ended, Message
from toolkit.engine.buildkit.request import BuildRequest, Cache
from toolkit.engine.buildkit.status import Status

_SOLVE: Final = "/moby.buildkit.v1.Control/Solve"
_STATUS: Final = "/moby.buildkit.v1.Control/Status"
_TICK: Final = 0.2
_TRIES: Final = 20
_AFTER: Final = 5.0
"""Seconds of silence for which progress is still listened to once the build has ended."""

# The engine asks the session for what has a URL of this host. The path is new in each build, so
# that nothing is recognised by it.
_CONTEXT: Final = "http://buildkit-session/"


@dataclass(frozen=True, slots=True)
class Solved:
    """How it ended; `image` is the id where it succeeded and the engine said one."""

    end: Ended
    image: str = ""


def solve(
    channel: Channel,
    request: bytes,
    reference: str,
    *,
    on_status: Callable[[Status], None],
    on_wait: Callable[[], None],
) -> Solved:
    """Have the engine solve the request, and hand its progress to `on_status` in this thread.

    `reference` is the unique name in the request. `on_wait` is called now and then, also while the
    engine says nothing. `WireError` for progress that is none.
    """
    calls = _Calls(channel, wire.encode((1, reference)))
    calls.begin(_SOLVE, request)
    calls.begin(_STATUS, calls.question)
    answer = b""
    while calls.running:
        on_wait()
        path, item = calls.next()
        if path is None:
            if calls.over():
                break
            continue
        if isinstance(item, Message):
            if path == _SOLVE:
                answer = item.payload
            else:
                on_status(status.decode(item.payload))
            calls.consumed(path, item)
    assert calls.end is not None  # noqa: S101 - the loop ends only after Solve did
    return Solved(calls.end, _image(answer) if not calls.end.code else "")


class _Calls:
    """Solve and Status as they run."""

    def __init__(self, channel: Channel, question: bytes) -> None:
        self.question = question
        self.running: dict[str, Call] = {}
        self.end: Ended | None = None
        self._channel = channel
        self._came: queue.SimpleQueue[tuple[str, Message | Ended]] = queue.SimpleQueue()
        self._limit = 0.0
        self._tries = _TRIES

    def begin(self, path: str, said: bytes) -> None:
        sink = self._came
        self.running[path] = self._channel.call(
            path, lambda item: sink.put((path, item)), request=said
        )

    def next(self) -> tuple[str | None, Message | Ended | None]:
        """Wait for what comes next, but not for long."""
        try:
            path, item = self._came.get(timeout=_TICK)
        except queue.Empty:
            return None, None
        if isinstance(item, Ended):
            del self.running[path]
            if path == _SOLVE:
                self.end, self._limit = item, time.monotonic() + _AFTER
            elif not item.code:
                self._tries = 0
        elif not item.payload:
            return None, None  # engine 20.10 may send such for ever, behind 1 MiB of a log at once
        elif self.end is not None:  # a busy engine is still behind with a long log
            self._limit = time.monotonic() + _AFTER
        return path, item

    def over(self) -> bool:
        """Tell whether all is known, when nothing comes; else see to it that something can."""
        if self.end is not None:
            return time.monotonic() >= self._limit
        if _STATUS not in self.running and self._tries:
            # A busy engine may not have begun the build in time; what it tells is not to be lost.
            self._tries -= 1
            self.begin(_STATUS, self.question)
        return False

    def consumed(self, path: str, message: Message) -> None:
        self._channel.consumed(self.running[path], message)


def encoded(request: BuildRequest, *, reference: str, session: str) -> bytes:
    """Return the SolveRequest; the session of that id has the context."""
    pairs: list[tuple[int, str | bytes]] = [
        (1, reference),
        (3, "moby"),
        (5, session),
        (6, "dockerfile.v0"),
        *_map(4, _exporter(request)),
        *_map(7, _frontend(request, session)),
    ]
    # Newer engines take fields that list exporters; these are understood by all.
    caches = [(4, _cache(one)) for one in request.cache_to]
    caches += [(5, _cache(one)) for one in request.cache_from]
    if caches:
        pairs.append((8, wire.encode(*caches)))
    return wire.encode(*pairs)


def _exporter(request: BuildRequest) -> dict[str, str]:
    names = {"name": ",".join(request.names)} if request.tags else {}
    return {**names, **request.exporter()}


def _frontend(request: BuildRequest, session: str) -> dict[str, str]:
    asked = {
        "context": f"{_CONTEXT}{session}",
        "filename": request.dockerfile,
        # An image that the engine has is used, and no registry is asked.
        "image-resolve-mode": "local",
    }
    optional = {"target": request.target, "platform": request.platform}
    asked |= {name: value for name, value in optional.items() if value}
    asked |= {f"build-arg:{name}": value for name, value in request.build_args.items()}
    asked |= {f"label:{name}": value for name, value in request.labels.items()}
    if request.no_cache:
        asked["no-cache"] = ""
    if request.cache_from:
        # The frontend imports, and reads this instead of the request's field.
        entries = [{"Type": one.kind, "Attrs": dict(one.attributes)} for one in request.cache_from]
        asked["cache-imports"] = json.dumps(entries)
    return asked


def _cache(cache: Cache) -> bytes:
    return wire.encode((1, cache.kind), *_map(2, cache.attributes))


def _map(number: int, values: Mapping[str, str]) -> Iterator[tuple[int, bytes]]:
    for name, value in values.items():
        yield number, wire.encode((1, name), (2, value))


def _image(answer: bytes) -> str:
    for number, value in wire.fields(answer):
        if number == 1:
            entry = wire.message(value)
            if wire.text(entry.get(1, b"")) == "containerimage.digest":
                return wire.text(entry.get(2, b""))
    return ""
