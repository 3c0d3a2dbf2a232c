"""One build: `POST /build?version=2` beside a session that serves its secrets.

The caller's thread reads the answer and may be interrupted at any time: whatever ends the block
shuts the connection, and the engine stops the running step at once.
"""

from __future__ import annotations

import base64
import binascii
import secrets as randomness
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from toolkit.engine import failures
from toolkit.engine.buildkit import reasons, status
from toolkit.engine.buildkit.masking import masker
from toolkit.engine.buildkit.progress import BuildEvent, Culprit, Progress
from toolkit.engine.buildkit.request import BuildRequest
from toolkit.engine.client import Engine
from toolkit.engine.wire import JsonDecoder, WireError
from toolkit.errors import BuildError, EngineError, EngineRefusedError, EngineTooOldError

LARGEST_SECRET: Final = 500 * 1024
_SHOWN_STEP: Final = 100
_DOING: Final = "building an image"

OnEvent = Callable[[BuildEvent], None]


def build(
    engine: Engine,
    request: BuildRequest,
    *,
    secrets: Mapping[str, bytes],
    on_event: OnEvent | None = None,
) -> str:
    """Build an image and return its id.

    `secrets` are served by id while the build runs, and masked in all that is given out, but for
    the certificates of `ca`. Events are handed to `on_event` in this thread, as they come.
    `BuildError` carries the failing step and the last lines of its log; `EngineTooOldError` where
    the engine has no BuildKit. Any exception, KeyboardInterrupt included, stops the build.
    """
    _check(secrets)
    mask = masker(secrets)
    run = _Run(Progress(mask), mask, on_event or _ignore)
    with _session(engine, secrets) as session:
        try:
            answer = engine.open(
                "POST",
                "/build",
                doing=_DOING,
                params=request.query(session),
                headers={"Content-Type": "application/x-tar"},
                # Parts are sent as they are read; a list would be taken for a form.
                data=request.context if isinstance(request.context, bytes) else request.parts(),
            )
        except EngineRefusedError as error:
            raise run.failed(error.message.removeprefix(f"{_DOING} failed: ")) from error
        with answer:
            image = run.read(answer.chunks())
    if image is None:
        raise failures.lost(_DOING, engine.endpoint)
    return image


class _Run:
    """What is known of a running build."""

    def __init__(self, progress: Progress, mask: Callable[[str], str], on_event: OnEvent) -> None:
        self._progress = progress
        self._mask = mask
        self._on_event = on_event

    def read(self, chunks: Iterator[bytes]) -> str | None:
        """Read the answer to its end; the image's id, or None where it just ended."""
        decoder = JsonDecoder()
        image: str | None = None
        for chunk in chunks:
            for item in decoder.feed(chunk):
                image = self._item(item) or image
        self._emit(self._progress.close())
        return image

    def failed(self, words: str) -> BuildError:
        """Return the error for a build that ended with these words of the engine."""
        self._emit(self._progress.close())
        return _error(self._progress.culprit(), self._mask(words))

    def _item(self, item: Mapping[str, Any]) -> str | None:
        if "error" in item or "errorDetail" in item:
            detail = item.get("errorDetail")
            inner = detail.get("message") if isinstance(detail, dict) else None
            raise self.failed(str(inner or item.get("error") or "the engine does not say why"))
        aux = item.get("aux")
        if item.get("id") == "moby.buildkit.trace" and isinstance(aux, str):
            self._emit(self._progress.feed(_status(aux)))
        elif item.get("id") == "moby.image.id" and isinstance(aux, dict):
            return str(aux.get("ID", "")) or None
        return None

    def _emit(self, events: Iterator[BuildEvent]) -> None:
        for event in events:
            self._on_event(event)


@contextmanager
def _session(engine: Engine, secrets: Mapping[str, bytes]) -> Iterator[str]:
    """Serve a session for the block; gives its id."""
    from toolkit.engine.buildkit.session import Session  # it imports h2

    name = randomness.token_hex(12)
    try:
        stream = engine.upgrade(
            "/session",
            doing="opening a build session",
            headers={"X-Docker-Expose-Session-Uuid": name},
        )
    except EngineRefusedError as error:
        raise _without_buildkit(engine, error) from error
    session = Session(stream, secrets)
    try:
        session.start()
        yield name
    finally:
        session.close()


def _without_buildkit(engine: Engine, error: EngineRefusedError) -> EngineError:
    if error.status not in {400, 404, 405, 501}:
        return error
    found = engine.version()
    what = "Podman" if found.flavour == "podman" else "the Docker engine"
    return EngineTooOldError(
        f"{what} {found.version} at {engine.endpoint} has no BuildKit, which is required for"
        " building images",
        hint="use a Docker engine, 20.10 or newer, with BuildKit",
    )


def _check(secrets: Mapping[str, bytes]) -> None:
    for name, value in secrets.items():
        if len(value) > LARGEST_SECRET:
            raise BuildError(
                f"the build secret `{name}` has {len(value)} bytes, and the limit is"
                f" {LARGEST_SECRET}",
                hint="shorten it, e.g. to the certificates that are needed",
            )


def _status(aux: str) -> status.Status:
    try:
        return status.decode(base64.b64decode(aux, validate=True))
    except binascii.Error as error:
        raise WireError("the engine's progress is not base64") from error


def _error(culprit: Culprit | None, words: str) -> BuildError:
    if culprit is None:
        reason = reasons.explain(words)
        return BuildError(f"the build failed: {reason.text}", hint=reason.hint)
    reason = reasons.explain(culprit.reason, culprit.log)
    step = culprit.name
    shown = step if len(step) <= _SHOWN_STEP else f"{step[: _SHOWN_STEP - 1]}…"
    return BuildError(
        f"the build failed at {shown}: {reason.text}",
        hint=reason.hint,
        step=step,
        reason=reason.text,
        log=culprit.log,
    )


def _ignore(_event: BuildEvent) -> None:
    return
