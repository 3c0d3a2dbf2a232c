"""What a pull says while it runs, and why it failed: pure functions of the engine's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from toolkit.engine import failures
from toolkit.errors import PullError


@dataclass(frozen=True, slots=True)
class PullEvent:
    """One line of a pull: a layer's id (or ""), what happens to it, bytes where they are known."""

    layer: str
    status: str
    current: int | None = None
    total: int | None = None


_UNREACHABLE: Final = re.compile(
    r"dial tcp|no such host|connection refused|i/o timeout|tls handshake|x509:|tls:"
    r"|proxyconnect|network is unreachable|no route to host|connection reset|temporary failure"
    r"|context deadline exceeded|client\.timeout|timeout exceeded|request canceled while waiting"
    r"|service unavailable|bad gateway|server misbehaving|: eof$",
    re.IGNORECASE,
)
_DENIED: Final = re.compile(
    r"denied|unauthorized|authentication required|no basic auth|forbidden", re.IGNORECASE
)
_LIMITED: Final = re.compile(r"toomanyrequests|too many requests|\b429\b|rate limit", re.IGNORECASE)
_ABSENT: Final = re.compile(
    r"not found|manifest unknown|name unknown|no such image|does not exist|no match(ing)? ",
    re.IGNORECASE,
)


def event(item: Mapping[str, Any]) -> PullEvent | None:
    """Return the event in one object of the engine's stream, or None where it is none."""
    status = item.get("status")
    if not isinstance(status, str):
        return None
    detail = item.get("progressDetail")
    numbers = detail if isinstance(detail, dict) else {}
    return PullEvent(
        str(item.get("id", "")), status, _number(numbers, "current"), _number(numbers, "total")
    )


def failure(reference: str, words: str) -> PullError:
    """Return the error for a pull that failed with these words of the engine or the registry."""
    said = " ".join(words.split())
    what = f"the image {reference}"
    if failures.is_disk_full(said):
        return PullError(
            f"{what} could not be pulled: the engine's disk is full",
            hint=failures.hint_for(said),
            reference=reference,
        )
    if _LIMITED.search(said):
        return PullError(
            f"{what} could not be pulled: the registry limits the number of pulls (429): {said}",
            hint="run `docker login`, or wait and try again",
            reference=reference,
        )
    if _UNREACHABLE.search(said):
        return PullError(
            f"{what} could not be pulled: its registry cannot be reached: {said}",
            hint="check the engine's network, proxy and certificates, or use an image that is"
            " there already",
            reference=reference,
            unreachable=True,
        )
    return _answered(what, reference, said)


def _answered(what: str, reference: str, said: str) -> PullError:
    # "pull access denied, repository does not exist or may require 'docker login'": both at once.
    if _DENIED.search(said):
        return PullError(
            f"{what} does not exist or may not be pulled: {said}",
            hint="correct the name, or run `docker login` for its registry",
            reference=reference,
        )
    if _ABSENT.search(said):
        return PullError(
            f"{what} does not exist: {said}",
            hint="correct the name, the tag or the platform",
            reference=reference,
        )
    return PullError(f"{what} could not be pulled: {said}", reference=reference)


def _number(numbers: Mapping[str, Any], key: str) -> int | None:
    value = numbers.get(key)
    return value if isinstance(value, int) else None
