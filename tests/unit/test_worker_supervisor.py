"""Whom a supervisor ends, and in which order."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.worker import supervisor
from toolkit.worker.supervisor import Process, below

OWN = os.getpid()
FAR = 10_000_000
"""No kernel gives pids from here on: whatever is signalled by mistake does not exist."""


def process(parent: int, session: int = 1) -> Process:
    return Process(b"9 (a ) b) S %d 9 %d %s 77" % (parent, session, b"0 " * 15))


@st.composite
def forests(draw: st.DrawFn) -> dict[int, Process]:
    """Processes below this one, and others; their numbers say nothing of who is whose."""
    numbers = draw(st.lists(st.integers(FAR, FAR + 300), unique=True, max_size=30))
    parents = [OWN, 1]
    table = {}
    for number in numbers:
        table[number] = process(draw(st.sampled_from(parents)))
        parents.append(number)
    return table


def lineage(pid: int, table: dict[int, Process]) -> Iterator[int]:
    while pid in table:
        yield pid
        pid = table[pid].parent
    yield pid


@given(forests())
def test_all_that_are_below_are_found_each_after_its_parent(table: dict[int, Process]) -> None:
    found = below({OWN}, table)
    assert set(found) == {pid for pid in table if OWN in lineage(pid, table)}
    assert len(set(found)) == len(found)
    place = {pid: number for number, pid in enumerate([OWN, *found])}
    assert all(place[table[pid].parent] < place[pid] for pid in found)


@given(forests(), st.integers(FAR + 400, FAR + 500))
def test_parents_are_asked_to_end_before_their_children(
    table: dict[int, Process], stray: int
) -> None:
    """Whatever their numbers are: a shell that sees its program end says "Terminated".

    `stray` is one that no subreaper has adopted, and that its session betrays.
    """
    table[stray] = process(1, session=FAR)
    asked: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(supervisor, "processes", lambda: table)
        patched.setattr(os, "kill", lambda pid, number: asked.append((pid, number)))
        watching = supervisor.Supervisor(-1, -1)
        watching.child = FAR
        watching._ask_to_end(set())
    pids = [pid for pid, number in asked if number == signal.SIGTERM]
    assert pids == [*below({OWN}, table), stray]
    assert asked == [(pid, number) for pid in pids for number in (signal.SIGTERM, signal.SIGCONT)]


def test_what_is_killed_is_frozen_before_until_nothing_new_appears() -> None:
    """A fork bomb cannot outrun that."""
    done: list[tuple[int, int]] = []
    looks = iter([[FAR], [FAR, FAR + 1], [FAR, FAR + 1]])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "kill", lambda pid, number: done.append((pid, number)))
        assert supervisor.kill(lambda: next(looks)) == {FAR, FAR + 1}
    stops = [(FAR, signal.SIGSTOP), (FAR + 1, signal.SIGSTOP)]
    assert done[:2] == stops
    assert sorted(done[2:]) == [(FAR, signal.SIGKILL), (FAR + 1, signal.SIGKILL)]
