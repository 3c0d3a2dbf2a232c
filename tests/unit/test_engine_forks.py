"""Connections and forked children: a peer must hear of our death although a child lives on."""

from __future__ import annotations

import os
import socket

import pytest

from toolkit.engine.forks import keep_from_children
from toolkit.engine.stream import SocketStream

# Threads of other tests may still be ending, which Python 3.12 and later warn about.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def in_a_fork(connection: socket.socket) -> int:
    """Give the descriptor that a forked child has of it, as its exit code: 255 for none."""
    child = os.fork()
    if child == 0:
        os._exit(connection.fileno() & 0xFF)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_has_no_copy_and_the_connection_lives() -> None:
    mine, theirs = socket.socketpair()
    with mine, theirs:
        assert in_a_fork(mine) == mine.fileno()
        keep_from_children(mine)
        assert in_a_fork(mine) == 255
        mine.sendall(b"alive")
        assert theirs.recv(10) == b"alive"


def test_a_stream_is_kept_from_children_from_its_first_moment() -> None:
    mine, theirs = socket.socketpair()
    stream = SocketStream(mine)
    with theirs:
        assert in_a_fork(mine) == 255
    stream.close()


def test_a_connection_that_is_gone_is_not_held() -> None:
    mine, theirs = socket.socketpair()
    keep_from_children(mine)
    mine.close()
    with theirs:
        child = os.fork()
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
