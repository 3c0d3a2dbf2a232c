"""What a run makes of what is reported of a spare that was to become it."""

from __future__ import annotations

import contextlib
import os
import select

import pytest

from toolkit.worker.outgoing import Outgoing
from toolkit.worker.run import Run
from toolkit.worker.spawn import open_pipes
from toolkit.worker.supervisor import NUMBER, UNSTARTED, introduction

KILLED = 137


def until_it_rests(run: Run) -> None:
    """Do what the worker does while there is something to be done."""
    while True:
        places: dict = {}  # type: ignore[type-arg]
        run.places(places, can_read=True)
        poll = select.poll()
        for descriptor, (events, _) in places.items():
            poll.register(descriptor, events)
        found = poll.poll(0)
        if not found:
            return
        for descriptor, event in found:
            places[descriptor][1](event)


@pytest.mark.parametrize("has_heard", [False, True])
@pytest.mark.parametrize("is_told_of", [False, True], ids=["supervisor", "child"])
@pytest.mark.parametrize("survives", [False, True], ids=["both-die", "child-dies"])
def test_a_spare_that_is_killed_has_run_nothing_unless_it_had_heard_what_it_is(
    *, has_heard: bool, is_told_of: bool, survives: bool
) -> None:
    """Code that kills all of its uid may end at the moment at which the next run begins."""
    again: list[bool] = []
    run = Run(1, None, Outgoing(1), feed=False)
    ours, theirs = open_pipes(contextlib.nullcontext())
    run.adopt(ours, again=lambda: again.append(True))
    os.write(ours.begin, b"what it is")
    if has_heard:
        os.read(theirs.begin, 100)
    os.write(theirs.control, introduction(10, 11)[: 8 if is_told_of else 4])
    until_it_rests(run)
    for name in ("begin", "input", "output", "errors"):
        theirs.drop(name)
    if survives:
        os.write(theirs.control, NUMBER.pack(KILLED))
    else:
        theirs.drop("control")
    until_it_rests(run)
    assert again == ([] if has_heard else [True])
    assert run.was_killed == has_heard
    theirs.close()
    ours.close()


@pytest.mark.parametrize("has_closed", [False, True])
def test_what_there_was_no_process_for_is_begun_again(has_closed: bool) -> None:
    """Its supervisor has heard it, and lets go of its pipes before or after it says so."""
    again: list[bool] = []
    run = Run(1, None, Outgoing(1), feed=True)
    run.feed(b"for who does run")
    ours, theirs = open_pipes(contextlib.nullcontext())
    run.adopt(ours, again=lambda: again.append(True))
    os.write(ours.begin, b"what it is")
    os.write(theirs.control, NUMBER.pack(-10))
    os.read(theirs.begin, 100)
    theirs.drop("begin")
    until_it_rests(run)
    os.set_blocking(theirs.input, False)
    with pytest.raises(BlockingIOError):
        os.read(theirs.input, 100)
    if has_closed:
        for name in ("begin", "input", "output", "errors"):
            theirs.drop(name)
        until_it_rests(run)
    os.write(theirs.control, NUMBER.pack(UNSTARTED))
    until_it_rests(run)
    assert again == [True]
    assert not run.was_killed
    theirs.close()
    ours.close()


@pytest.mark.parametrize("has_heard", [False, True])
def test_who_is_late_runs_only_what_is_not_taken_back(has_heard: bool) -> None:
    """On a busy machine both may come to it after the time in which it must have begun."""
    run = Run(1, None, Outgoing(1), feed=False)
    ours, theirs = open_pipes(contextlib.nullcontext())
    run.adopt(ours)
    os.write(ours.begin, b"what it is")
    if has_heard:
        os.read(theirs.begin, 100)
    assert run.take_back(contextlib.nullcontext()) is not has_heard
    ours.drop("begin")
    assert os.read(theirs.begin, 100) == b""
    ours.close()
    theirs.close()
