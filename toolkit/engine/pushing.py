"""Why a push failed, and what it came to: pure functions of the engine's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from toolkit.engine import troubles
from toolkit.errors import Hint, PushError
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
    case = troubles.case(reference, "pushed", words)
    if case.kind == "denied":
        case = replace(
            case,
            message=f"the image {reference} may not be pushed: {case.said}",
            hint=case.hint.saying(f"run {case.login} with an account that may push there"),
        )
    elif _NOT_HERE.search(case.said):
        case = replace(
            case,
            kind="absent",
            message=f"the image {reference} is not on the engine",
            hint=Hint(
                "build it under that name (`toolkit build-image --tag`), or correct the name"
            ),
        )
    return case.error(PushError)


def silent(reference: ImageReference, seconds: float) -> PushError:
    """Return the error for a registry that has the engine wait for so long."""
    return troubles.silence(reference, "pushed", seconds).error(PushError)
