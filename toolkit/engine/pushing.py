"""Why a push failed, and what it came to: pure functions of the engine's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from toolkit.engine import troubles
from toolkit.errors import PushError
from toolkit.reference import ImageReference

_DIGEST: Final = re.compile(r"\S+: digest: (sha256:[0-9a-f]{64}) size: [0-9]+")
_NOT_HERE: Final = re.compile(r"does not exist locally|^tag does not exist|image not known")


def digest(item: Mapping[str, Any]) -> str | None:
    """Return the digest under which the registry knows the image, from the object that tells it.

    Some engines tell it as a value, some to people only.
    """
    aux = item.get("aux")
    found = aux.get("Digest") if isinstance(aux, dict) else None
    if isinstance(found, str):
        return found
    said = _DIGEST.fullmatch(str(item.get("status", "")))
    return said[1] if said else None


def failure(reference: ImageReference, words: str) -> PushError:
    """Return the error for a push that failed with these words of the engine or the registry."""
    said = " ".join(words.split())
    what, host = f"the image {reference}", troubles.host_of(reference)
    kind = troubles.trouble(said)
    message = f"{what} could not be pushed: {troubles.described(kind, said)}"
    hint = troubles.hint(kind, said, host)
    if kind == "denied":
        message = f"{what} may not be pushed: {said}"
        hint = f"run {troubles.login(host)} with an account that may push there"
    elif _NOT_HERE.search(said):
        kind = "absent"
        message = f"the image {reference} is not on the engine"
        hint = "build it under that name (`toolkit build-image --tag`), or correct the name"
    return PushError(message, hint=hint, reference=str(reference), trouble=kind)


def silent(reference: ImageReference, seconds: float) -> PushError:
    """Return the error for a registry that has the engine wait for so long."""
    return PushError(
        f"the image {reference} could not be pushed: {troubles.silence(seconds)}",
        hint=troubles.hint("broken", "", ""),
        reference=str(reference),
        trouble="unreachable",
    )
