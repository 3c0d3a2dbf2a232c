"""The road of Podman: `POST /build` as the classic builder had it, with BuildKit's Dockerfile.

Hidden here: Podman's parameters. It takes secrets as files of the context, which it moves out of it
before the first step, or fails; so no COPY and no mount reaches them.
"""

from __future__ import annotations

import json
import re
import secrets as randomness
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from toolkit.engine import failures, wire
from toolkit.engine.buildkit import podman_context
from toolkit.engine.buildkit.classic import Stream
from toolkit.engine.buildkit.request import BuildRequest
from toolkit.engine.buildkit.status import Status
from toolkit.engine.client import Engine
from toolkit.engine.wire import JsonDecoder
from toolkit.errors import BuildError, EngineRefusedError, EngineTooOldError, Hint

_OLDEST: Final = 4
_DOING: Final = "building an image"
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

_CHANGED: Final = re.compile(r"[\x00-\x1f\x7f$]")

Take = Callable[[Status], None]
Failed = Callable[[str, "tuple[int, int] | None"], BuildError]


def built(
    engine: Engine,
    request: BuildRequest,
    secrets: Mapping[str, bytes],
    *,
    take: Take,
    failed: Failed,
) -> str:
    """Build an image and return its id. `take` is told what changes, `failed` makes the error."""
    _check(engine, request, secrets)
    told = podman_context.told(podman_context.look(request.parts(), request.dockerfile))
    files = {randomness.token_hex(16): (name, value) for name, value in secrets.items()}
    build = _Build(Stream(told.stages, time.time_ns), take, failed)
    try:
        answer = engine.open(
            "POST",
            "/build",
            doing=_DOING,
            params=query(request, {file: name for file, (name, _) in files.items()}),
            headers={"Content-Type": "application/x-tar"},
            data=podman_context.changed(
                request.parts(),
                (request.dockerfile, told.text),
                {file: value for file, (_, value) in files.items()},
            ),
        )
    except EngineRefusedError as error:
        raise failed(failures.words_of(error, _DOING), None) from error
    with answer:
        image = build.read(answer.chunks())
    if not image:
        raise failures.lost(_DOING, engine.endpoint)
    return image


def query(request: BuildRequest, files: Mapping[str, str]) -> dict[str, str | list[str]]:
    """Return the parameters; `files` are the ids of the secrets by their files' names."""
    given = [f"id={name},src={file}" for file, name in files.items()]
    asked: dict[str, str | list[str]] = {
        "dockerfile": request.dockerfile,
        "labels": json.dumps(dict(request.labels)) if request.labels else "",
        "buildargs": json.dumps(dict(request.build_args)) if request.build_args else "",
        "platform": request.platform or "",
        "target": request.target or "",
        "nocache": "1" if request.no_cache else "",
        "secrets": json.dumps(given) if given else "",
        "t": [str(one.tagged) for one in request.tags],
    }
    return {name: value for name, value in asked.items() if value}


class _Build:
    """A running build: reads the answer, item by item."""

    def __init__(self, stream: Stream, take: Take, failed: Failed) -> None:
        self._stream = stream
        self._take = take
        self._failed = failed

    def read(self, chunks: Iterator[bytes]) -> str:
        """Read to the end; the image's id, empty where the answer just ended."""
        decoder = JsonDecoder()
        image = ""
        for chunk in chunks:
            for item in decoder.feed(chunk):
                image = self._item(item) or image
        return image

    def _item(self, item: Mapping[str, Any]) -> str:
        if words := wire.error_words(item):
            self._take(self._stream.failed(words))
            step = self._stream.step
            raise self._failed(self._stream.plain(words), step.lines if step else None)
        for status in self._stream.feed(str(item.get("stream", ""))):
            self._take(status)
        aux = item.get("aux")
        return str(aux.get("ID", "")) if isinstance(aux, dict) else ""


def _check(engine: Engine, request: BuildRequest, secrets: Mapping[str, bytes]) -> None:
    found = engine.version()
    major = found.version.partition(".")[0]
    if major.isdecimal() and int(major) < _OLDEST:
        raise EngineTooOldError(
            f"Podman {found.version} at {engine.endpoint} is too old for building images, and"
            f" {_OLDEST}.0 is required",
            hint=Hint(
                f"use Podman {_OLDEST}.0 or newer, or a Docker engine with BuildKit",
                check="engine.build",
            ),
        )
    for name in secrets:
        if not _ID.fullmatch(name):
            raise BuildError(
                f"the build secret {name!r} has a name that Podman does not take",
                hint="use letters, digits, `_`, `.` and `-`",
            )

    # Podman writes them into the Dockerfile, where these mean something.
    for name, value in request.labels.items():
        if _CHANGED.search(name + value):
            raise BuildError(
                f"the label {name!r} has a value that Podman would change: {value!r}",
                hint="leave `$` and control characters out of it",
            )
