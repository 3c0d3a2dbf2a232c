"""What a pull says while it runs, and why it failed: pure functions of the engine's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from toolkit.engine import troubles
from toolkit.errors import Hint, PullError
from toolkit.reference import ImageReference

_DIGEST: Final = re.compile(r"Digest: (sha256:[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class PullEvent:
    """One line of a pull: a layer's id (or ""), what happens to it, bytes where they are known."""

    layer: str
    status: str
    current: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class PushEvent(PullEvent):
    """The same of a push."""


@dataclass(frozen=True, slots=True)
class RetryEvent(PullEvent):
    """A pull or a push has failed and will be tried again; `status` is a sentence about it."""


def event(item: Mapping[str, Any], kind: type[PullEvent] = PullEvent) -> PullEvent | None:
    """Return the event in one object of the engine's stream, or None where it is none."""
    status = item.get("status")
    if not isinstance(status, str):
        return None
    detail = item.get("progressDetail")
    numbers = detail if isinstance(detail, dict) else {}
    return kind(
        str(item.get("id", "")), status, _number(numbers, "current"), _number(numbers, "total")
    )


def digest(item: Mapping[str, Any]) -> str | None:
    """Return the digest of what was pulled, from the object that tells it."""
    found = _DIGEST.fullmatch(str(item.get("status", "")))
    return found[1] if found else None


def failure(reference: ImageReference, words: str) -> PullError:
    """Return the error for a pull that failed with these words of the engine or the registry."""
    case = troubles.case(reference, "pulled", words)
    if case.kind == "unreachable":
        case = replace(
            case, hint=case.hint.saying(f"{case.hint}, or use an image that is there already")
        )
    # "pull access denied, repository does not exist or may require 'docker login'": both at once.
    elif case.kind == "denied":
        case = replace(
            case,
            message=f"the image {reference} does not exist or may not be pulled: {case.said}",
            hint=case.hint.saying(f"correct the name, or run {case.login}"),
        )
    elif case.kind == "absent":
        case = replace(
            case,
            message=f"the image {reference} does not exist: {case.said}",
            hint=Hint("correct the name, the tag or the platform"),
        )
    return case.error(PullError)


def silent(reference: ImageReference, seconds: float) -> PullError:
    """Return the error for a registry that has the engine wait for so long."""
    return troubles.silence(reference, "pulled", seconds).error(PullError)


def _number(numbers: Mapping[str, Any], key: str) -> int | None:
    value = numbers.get(key)
    return value if isinstance(value, int) else None
