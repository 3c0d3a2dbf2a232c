"""The client's heartbeat: where a stream may be cut without a word, each end listens for the other.

Hidden here: one thread, which is no hindrance to the end of the process. A local socket needs none
of it: its end is told at once.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable

from toolkit.errors import ToolkitError

_BEATS = 3
"""Pings within the time to live, so that one or two may be late."""


class Heartbeat:
    """Pings the worker until it is stopped; `lost` is told once when nothing comes back."""

    def __init__(self, *, ping: Callable[[], None], lost: Callable[[float], None]) -> None:
        self._ping = ping
        self._lost = lost
        self._over = threading.Event()
        self._heard = time.monotonic()

    def start(self, ttl: float | None) -> None:
        """`ttl`: seconds of silence after which each end gives the other up; None: never."""
        if ttl is not None:
            self.heard()
            beat = functools.partial(self._beat, ttl)
            threading.Thread(target=beat, name="toolkit heartbeat", daemon=True).start()

    def heard(self) -> None:
        """The worker has said something."""
        self._heard = time.monotonic()

    def stop(self) -> None:
        """Idempotent; waits for nobody."""
        self._over.set()

    def _beat(self, ttl: float) -> None:
        while not self._over.wait(ttl / _BEATS):
            if time.monotonic() - self._heard > ttl:
                self._lost(ttl)
                return
            try:
                self._ping()
            except ToolkitError:  # the stream has ended, which its reader hears
                return
