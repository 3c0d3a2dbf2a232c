"""One build, by whichever road leads to the engine's BuildKit.

The caller's thread consumes what the build tells, and may be interrupted at any time: whatever ends
the block closes the connection of the calls first, and with it the engine stops the running step;
then the session.
"""

from __future__ import annotations

import base64
import binascii
import secrets as randomness
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from toolkit.engine import failures, wire
from toolkit.engine.buildkit import details, reasons, roads, status
from toolkit.engine.buildkit.details import Details
from toolkit.engine.buildkit.masking import masker
from toolkit.engine.buildkit.progress import BuildEvent, Culprit, Progress, StepProgress
from toolkit.engine.buildkit.request import BuildRequest
from toolkit.engine.client import Engine
from toolkit.engine.wire import JsonDecoder, WireError
from toolkit.errors import BuildError, EngineError, EngineRefusedError

if TYPE_CHECKING:
    import docker

    from toolkit.engine.buildkit.calls import Channel
    from toolkit.engine.buildkit.services import Credentials, Services

LARGEST_SECRET: Final = 500 * 1024
"""What BuildKit's own client allows a secret to be, in bytes."""

_SHOWN_STEP: Final = 100
_SHOWN_CONTEXT: Final = 1 << 20
_UPLOAD: Final = "[internal] load remote build context"
_DOING: Final = "building an image"
_UNKNOWN: Final = Details()
_NO_SECRETS: Final[Mapping[str, bytes]] = MappingProxyType({})

OnEvent = Callable[[BuildEvent], None]


def build(
    engine: Engine | docker.DockerClient | docker.APIClient,
    request: BuildRequest,
    *,
    secrets: Mapping[str, bytes] = _NO_SECRETS,
    credentials: Credentials | None = None,
    on_event: OnEvent | None = None,
) -> str:
    """Build an image and return its id.

    `engine` is one of ours, or a client of docker-py. `secrets` are served by id while the build
    runs, and masked in all that is given out, but for the certificates of `ca`. `credentials` tells
    user name and password of a registry by its host; by default docker's own configuration does.
    Events are handed to `on_event` in this thread, as they come. `BuildError` carries the failing
    step and the last lines of its log; `EngineTooOldError` where the engine has no BuildKit;
    `TypeError` where `engine` is none. Any exception, KeyboardInterrupt included, stops the build.
    """
    from toolkit.engine.buildkit.services import Services

    _check(secrets)
    if not isinstance(engine, Engine):
        from toolkit.engine.adopting import engine_of

        with engine_of(engine) as ours:
            return build(ours, request, secrets=secrets, credentials=credentials, on_event=on_event)
    mask = masker(secrets)
    services = Services(secrets, credentials or engine.credentials, request)
    run = _Run(Progress(mask), mask, on_event or _ignore, services)
    with roads.opened(engine, services) as way:
        run.emit(roads.RoadTaken(way.road))
        try:
            if way.channel is not None:
                image = _solved(engine, request, way.session, way.channel, run)
            elif way.road is roads.PODMAN:
                image = _by_podman(engine, request, secrets, run)
            else:
                image = _posted(engine, request, way.session, run)
        except (BuildError, EngineError):
            # The engine only knows that it got no context; the reader of it knows why.
            if services.failure is not None:
                raise services.failure from None
            raise
    return image


def _solved(
    engine: Engine, request: BuildRequest, session: str, channel: Channel, run: _Run
) -> str:
    from toolkit.engine.buildkit import solving

    reference = randomness.token_hex(12)
    said = solving.encoded(request, reference=reference, session=session)
    solved = solving.solve(channel, said, reference, on_status=run.take, on_wait=run.look)
    if solved.end.lost:
        raise failures.lost(_DOING, engine.endpoint)
    if solved.end.code:
        found = details.read(solved.end.details, request.dockerfile)
        raise run.failed(solved.end.words or f"gRPC code {solved.end.code}", found)
    run.close()
    if not solved.image:
        raise EngineError(
            f"the Docker engine at {engine.endpoint} has built the image and does not say its id",
            hint="give the image a tag, and look for it by that",
        )
    return solved.image


def _by_podman(
    engine: Engine, request: BuildRequest, secrets: Mapping[str, bytes], run: _Run
) -> str:
    from toolkit.engine.buildkit import podman

    def failed(words: str, lines: tuple[int, int] | None) -> BuildError:
        return run.failed(words, Details(lines))

    image = podman.built(engine, request, secrets, take=run.take, failed=failed)
    run.close()
    return image


def _posted(engine: Engine, request: BuildRequest, session: str, run: _Run) -> str:
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
        raise run.failed(failures.words_of(error, _DOING)) from error
    with answer:
        image = run.read(answer.chunks())
    if image is None:
        raise failures.lost(_DOING, engine.endpoint)
    return image


class _Run:
    """What is known of a running build."""

    def __init__(
        self,
        progress: Progress,
        mask: Callable[[str], str],
        on_event: OnEvent,
        services: Services,
    ) -> None:
        self._progress = progress
        self._mask = mask
        self._on_event = on_event
        self._services = services
        self._sent = 0

    def read(self, chunks: Iterator[bytes]) -> str | None:
        """Read the answer to its end; the image's id, or None where it just ended."""
        decoder = JsonDecoder()
        image: str | None = None
        for chunk in chunks:
            for item in decoder.feed(chunk):
                image = self._item(item) or image
        self.close()
        return image

    def take(self, found: status.Status) -> None:
        """Learn what has changed."""
        self._emit(self._progress.feed(found))

    def look(self) -> None:
        """Tell how much of a context worth the words has been sent; the engine does not say it."""
        sent = self._services.sent
        if sent != self._sent and sent >= _SHOWN_CONTEXT:
            self._sent = sent
            self.emit(StepProgress(_UPLOAD, "context", sent, 0))

    def close(self) -> None:
        """Give out what is left."""
        self._emit(self._progress.close())

    def emit(self, event: BuildEvent) -> None:
        """Hand one event to the listener."""
        self._on_event(event)

    def failed(self, words: str, found: Details = _UNKNOWN) -> BuildError:
        """Return the error for a build that ended with these words and details of the engine."""
        self.close()
        return _error(self._progress.culprit(found.vertex), self._mask(words), found)

    def _item(self, item: Mapping[str, Any]) -> str | None:
        if words := wire.error_words(item):
            raise self.failed(words)
        aux = item.get("aux")
        if item.get("id") == "moby.buildkit.trace" and isinstance(aux, str):
            self.take(_status(aux))
        elif item.get("id") == "moby.image.id" and isinstance(aux, dict):
            return str(aux.get("ID", "")) or None
        return None

    def _emit(self, events: Iterator[BuildEvent]) -> None:
        for event in events:
            self._on_event(event)


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


def _error(culprit: Culprit | None, words: str, found: Details) -> BuildError:
    if culprit is None:
        reason = reasons.explain(words)
        return BuildError(f"the build failed: {reason.text}", hint=reason.hint, lines=found.lines)
    reason = reasons.explain(culprit.reason, culprit.log)
    step = culprit.name
    shown = step if len(step) <= _SHOWN_STEP else f"{step[: _SHOWN_STEP - 1]}…"
    return BuildError(
        f"the build failed at {shown}: {reason.text}",
        hint=reason.hint,
        step=step,
        reason=reason.text,
        log=culprit.log,
        lines=found.lines,
    )


def _ignore(_event: BuildEvent) -> None:
    return
