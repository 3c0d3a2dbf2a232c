"""Connections that a forked child must not hold: their peer would never hear of our death.

Hidden here: a fork copies every descriptor, also one that another thread has just made and has
told nobody of. So each connection is entered here as it is made. A child closes its copies without
a word on the wire: the connections are the parent's. A program that is started (exec) never gets
them, for Python's descriptors are not inherited.
"""

from __future__ import annotations

import contextlib
import os
import socket
import weakref
from typing import Final

_connections: Final[weakref.WeakSet[socket.socket]] = weakref.WeakSet()
_hooked: Final[list[bool]] = []


def keep_from_children(connection: socket.socket) -> None:
    """Have a forked child close its copy, for as long as the object lives."""
    if not _hooked:
        _hooked.append(True)
        os.register_at_fork(after_in_child=_close_all)
    _connections.add(connection)


def _close_all() -> None:
    for connection in list(_connections):
        with contextlib.suppress(OSError):
            descriptor = connection.detach()  # else its own end would close somebody else's
            if descriptor >= 0:
                os.close(descriptor)
    _connections.clear()
