"""The verbs that make the engine talk to a registry: pull, push, and whether an image is there.

Hidden here: where the engine hides a failure (in the status, or in the middle of a stream that
began well), the header with docker's credentials, which a push must have even when there are none,
and how long a registry may be silent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from toolkit.engine import failures, pulling, pushing, retrying, wire
from toolkit.engine.containers import quoted
from toolkit.engine.pulling import PullEvent, PushEvent, RetryEvent
from toolkit.errors import EngineRefusedError, EngineUnreachableError, RegistryError
from toolkit.reference import DEFAULT_TAG, ImageReference

if TYPE_CHECKING:
    from toolkit.engine.transport import Transport

PATIENCE: Final = 300.0
"""Seconds without a word from a registry. The engine tells of every few kilobytes that it moves;
only a registry that puts a large layer away says nothing for long."""

_LOOK: Final = 60.0
_NO_CREDENTIALS: Final = {"X-Registry-Auth": "e30="}  # {}

OnEvent = Callable[[PullEvent], None]


@dataclass(frozen=True, slots=True)
class _Act:
    """What is done to an image at its registry, and how its failure is told."""

    doing: str
    reference: ImageReference
    failure: Callable[[ImageReference, str], RegistryError]
    silent: Callable[[ImageReference, float], RegistryError]


class RegistryVerbs:
    """The part of `Engine` that is about registries."""

    @property
    def _transport(self) -> Transport:
        raise NotImplementedError

    def pull(
        self,
        reference: ImageReference,
        *,
        platform: str | None = None,
        on_event: OnEvent | None = None,
        patience: float = PATIENCE,
        waits: Sequence[float] = retrying.WAITS,
    ) -> str | None:
        """Pull an image with the credentials of docker's own configuration; gives its digest.

        The digest is None where the engine does not tell it. `patience` is seconds that the
        registry may be silent, `waits` are those before each further attempt, where one may help.
        `PullError` says what the trouble is.
        """
        params = {
            "fromImage": reference.name,
            "tag": reference.digest or reference.tag or DEFAULT_TAG,
        }
        if platform is not None:
            params["platform"] = platform
        act = _Act(f"pulling {reference}", reference, pulling.failure, pulling.silent)
        emit = on_event or _ignore

        def attempt() -> str | None:
            digest = None
            headers = self._transport.registry_auth(reference)
            for item in self._told(act, "/images/create", params, headers, patience):
                digest = pulling.digest(item) or digest
                _emit(emit, pulling.event(item))
            return digest

        return retrying.retried(attempt, waits=waits, say=lambda text: emit(RetryEvent("", text)))

    def push(
        self,
        reference: ImageReference,
        *,
        on_event: OnEvent | None = None,
        patience: float = PATIENCE,
        waits: Sequence[float] = retrying.WAITS,
    ) -> str | None:
        """Push the image of that name, with the same credentials; gives its digest there.

        Everything else is as with `pull`; `PushError` says what the trouble is.
        """
        path = f"/images/{quoted(reference.name)}/push"
        params = {"tag": reference.tag or DEFAULT_TAG}
        act = _Act(f"pushing {reference}", reference, pushing.failure, pushing.silent)
        emit = on_event or _ignore

        def attempt() -> str | None:
            digest = None
            headers = self._transport.registry_auth(reference) or _NO_CREDENTIALS
            for item in self._told(act, path, params, headers, patience):
                digest = pushing.digest(item) or digest
                _emit(emit, pulling.event(item, PushEvent))
            return digest

        return retrying.retried(attempt, waits=waits, say=lambda text: emit(RetryEvent("", text)))

    def published(self, reference: ImageReference) -> str | None:
        """Ask the registry for the digest of a name; None where it has no such image.

        `PullError` where it does not say.
        """
        doing = f"asking for {reference}"
        path = f"/distribution/{quoted(str(reference))}/json"
        headers = self._transport.registry_auth(reference)
        try:
            said = self._transport.json("GET", path, doing=doing, headers=headers, timeout=_LOOK)
        except EngineRefusedError as error:
            failure = pulling.failure(reference, failures.words_of(error, doing))
            if failure.trouble == "absent":
                return None
            raise failure from error
        return str(said["Descriptor"]["digest"])

    def _told(
        self,
        act: _Act,
        path: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        patience: float,
    ) -> Iterator[dict[str, Any]]:
        """Every object of the engine's answer, until one of them tells of a failure."""
        heard = time.monotonic()
        try:
            answer = self._transport.open(
                "POST", path, doing=act.doing, params=params, headers=headers, timeout=patience
            )
            with answer:
                for item in wire.objects(answer.chunks()):
                    heard = time.monotonic()
                    if words := wire.error_words(item):
                        raise act.failure(act.reference, words)
                    yield item
        except EngineRefusedError as error:
            raise act.failure(act.reference, failures.words_of(error, act.doing)) from error
        except EngineUnreachableError as error:
            if time.monotonic() - heard < patience:
                raise
            # Whose silence was it? An engine that answers now was waiting for the registry.
            self._transport.request("GET", "/_ping", doing="asking whether the engine answers")
            raise act.silent(act.reference, patience) from error


def _emit(emit: OnEvent, event: PullEvent | None) -> None:
    if event is not None:
        emit(event)


def _ignore(_event: PullEvent) -> None:
    return
