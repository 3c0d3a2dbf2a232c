"""Time for programs whose end by a limit is to be seen: as much as this machine needs now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

_Value = TypeVar("_Value")
_LIMITS: Final = (1.0, 4.0, 16.0)


def with_enough_time(attempt: Callable[[float], _Value], stood: Callable[[_Value], bool]) -> _Value:
    """Attempt it with a limit of so many seconds, and with longer ones until it had `stood`.

    A program that had not come so far when its time was over shows nothing of how it is ended. What
    is asserted of one that had is the test's, and is the same whatever time it took.
    """
    for limit in _LIMITS:
        value = attempt(limit)
        if stood(value):
            return value
    raise AssertionError(f"it did not come so far in {_LIMITS[-1]:g} s")
