"""A Python block in a fork of the warm interpreter is `python FILE`, but for its speed.

Each script is run as a program of its own, then through the warm interpreter, in the same folder,
where Pythons are named (see conftest.py) twice; all that can be seen is compared: both outputs byte
for byte, the exit code, the files with their modes and contents.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from tests.docker.fidelity.cases import CASES
from tests.docker.fidelity.conftest import MORE_IMAGES, PYTHONS, Start, image_with
from tests.docker.fidelity.laboratory import Laboratory, Seen, differences
from toolkit.engine import Engine

pytestmark = pytest.mark.docker

_DEPTH: Final = "the road to the script takes three of the C calls that count as recursion"
_LOADED: Final = "what the warm interpreter itself needs is loaded already"
_FORKED: Final = "the kernel knows that the process was forked and started nothing"
ACCEPTED: Final[Mapping[str, str]] = {
    "every_stdlib_name_can_be_shadowed": f"{_LOADED}; files that are there at the start do win",
    "gc_freeze_count": "the collector leaves what is shared with other blocks alone",
    "memory_maps_of_extensions": _LOADED,
    "process_command_line": _FORKED,
    "process_flags": _FORKED,
    "recursion_depth_reached": _DEPTH,
    "signals_caught_by_the_process": "the C library has seen a thread, and keeps a signal for it",
    "sys_modules": _LOADED,
    "threads_counted_in_c": "the block runs where a thread was, which is the main one after a fork",
    "traceback_of_recursion": _DEPTH,
    "traceback_of_recursion-merged": _DEPTH,
}
"""Scripts that can tell the two apart, each with the reason why that stays so."""
_NOT_SINCE_3_12: Final = {
    "recursion_depth_reached",
    "traceback_of_recursion",
    "traceback_of_recursion-merged",
}
"""Of these, what is the same where C calls do not count as recursion."""
_SINCE_3_14: Final = {"descriptors", "multiprocessing_without_a_guard"}
"""What differs there alone: ctypes, once imported, keeps a descriptor of libffi."""

_AT_ONCE: Final = 4
_Experiment = tuple[Mapping[str, Seen], ...]


@pytest.fixture(scope="module", params=PYTHONS)
def experiment(
    request: pytest.FixtureRequest, first_engine: Engine, start: Start
) -> Iterator[_Experiment]:
    """All cases: cold, warm, and, where Pythons were named, so that time matters less, again."""
    container = start(image=image_with(first_engine, request.param))
    laboratory, names = Laboratory(container), list(_wanted(request))
    ways = (False, True, True) if MORE_IMAGES in os.environ else (False, True)
    yield tuple(laboratory.see(names, warm=warm, at_once=_AT_ONCE) for warm in ways)
    container.close()


def _wanted(request: pytest.FixtureRequest) -> Iterator[str]:
    """The cases that are to be run with this Python."""
    for item in request.session.items:
        call = getattr(item, "callspec", None)
        if call is not None and call.params.get("experiment") == request.param:
            yield call.params["name"]


def _accepted(name: str, python: str) -> bool:
    if name in _SINCE_3_14:
        return python == "3.14"
    return name in ACCEPTED and (python == "3.11" or name not in _NOT_SINCE_3_12)


@pytest.mark.parametrize("name", CASES)
def test_a_warm_block_is_the_same_as(
    name: str, experiment: _Experiment, request: pytest.FixtureRequest
) -> None:
    cold, *warm = (seen[name] for seen in experiment)
    case = CASES[name]
    assert not any(outcome.timed_out for outcome in cold.outcomes)
    if case.code is not None:
        assert cold.outcomes[-1].exit_code == case.code, cold
    found = [line for seen in warm for line in differences(cold, seen)]
    if _accepted(name, request.node.callspec.params["experiment"]):
        assert found, f"{name} is the same both ways now: take it out of ACCEPTED"
    else:
        assert not found, "\n".join(found)


def test_what_is_accepted_exists() -> None:
    assert set(ACCEPTED) <= set(CASES)
