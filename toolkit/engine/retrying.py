"""Trying again where that helps: a registry that is busy or broke off, a few times and no more.

A registry that does not answer at all, refuses or has no such image is not asked again: the engine
has waited long enough for the first, and the others have said what they have to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from toolkit.errors import RegistryError

WAITS: Final = (1.0, 3.0, 9.0)
"""Seconds before each further attempt."""

_Value = TypeVar("_Value")


def retried(
    attempt: Callable[[], _Value], *, waits: Sequence[float], say: Callable[[str], None]
) -> _Value:
    """Give what the attempt gives. `say` is told of each failure that is not the last."""
    for number, seconds in enumerate(waits, start=1):
        try:
            return attempt()
        except RegistryError as error:
            if not error.transient:
                raise
            say(f"{error.message}; trying again in {seconds:g} s ({number} of {len(waits)})")
        time.sleep(seconds)
    return attempt()
