"""A fact that is gathered once, whoever asks for it, and from however many threads.

A check that is given up goes on in its thread; the next one that needs the same fact waits for that
and does not begin anew. `functools.cached_property` holds such a lock up to Python 3.11 only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

Fact = TypeVar("Fact")


class once(Generic[Fact]):  # noqa: N801 - a decorator
    """As `cached_property`, with a lock for each fact of each instance; what fails is not kept."""

    def __init__(self, gather: Callable[[Any], Fact]) -> None:
        self._gather = gather
        self._guard = threading.Lock()

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type[Any]) -> Fact: ...

    def __get__(self, instance: object | None, owner: type[Any]) -> Self | Fact:
        """Give the fact; once it is gathered, nobody asks here any more."""
        if instance is None:
            return self
        known, name = instance.__dict__, self._name
        with self._guard:
            lock = known.setdefault(f"{name} lock", threading.RLock())
        with lock:
            if name not in known:
                known[name] = self._gather(instance)
            fact: Fact = known[name]
            return fact
