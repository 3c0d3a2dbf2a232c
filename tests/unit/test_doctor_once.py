"""A fact is gathered once, though two checks ask for it at the same time."""

from __future__ import annotations

import threading

import pytest

from toolkit.doctor.once import once


class World:
    """Two facts, one of which is only gathered when it is let."""

    def __init__(self) -> None:
        self.begun, self.let = threading.Event(), threading.Event()
        self.times = 0

    @once
    def slow(self) -> int:
        self.times += 1
        self.begun.set()
        self.let.wait(10)
        return self.times

    @once
    def broken(self) -> int:
        self.times += 1
        raise OSError("planted")


def test_whoever_asks_meanwhile_waits_for_what_is_under_way() -> None:
    world, found = World(), list[int]()
    threads = [threading.Thread(target=lambda: found.append(world.slow)) for _ in range(2)]
    threads[0].start()
    assert world.begun.wait(10)
    threads[1].start()
    other = World()  # another world's facts are its own
    other.let.set()
    assert other.slow == 1
    world.let.set()
    for thread in threads:
        thread.join(10)
    assert (found, world.times, world.slow) == ([1, 1], 1, 1)


def test_what_failed_is_tried_again() -> None:
    world = World()
    for _ in range(2):
        with pytest.raises(OSError, match="planted"):
            assert world.broken
    assert world.times == 2
