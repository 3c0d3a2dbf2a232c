"""The rule of the sweep: what is removed, case by case."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

import pytest

from toolkit import labels as label
from toolkit.lifecycle import Belonging, Facts, judge
from toolkit.lifecycle.ownership import (
    EXPIRY,
    HIDDEN,
    Place,
    here,
    owner,
    ownership,
    start_of,
    starts,
)

NOW: Final = 1_000_000.0
HOUR: Final = 3600
HERE: Final = Place("host-a", "boot-1", "ns-1")
ID: Final = "ab" * 32

LABELS: Final = {
    label.MANAGED: "1",
    label.SESSION: "s",
    label.SELF: "tk-s-1",
    label.KEEP: "0",
    label.CREATED: str(int(NOW - HOUR)),
    label.EXPIRES: str(int(NOW + HOUR)),
    label.OWNER_HOST: "host-a",
    label.OWNER_BOOT: "boot-1",
    label.OWNER_PID: "100",
    label.OWNER_START: "5",
    label.OWNER_PIDNS: "ns-1",
    label.OWNER_CONTAINER: "",
}
ELSEWHERE: Final = {label.OWNER_HOST: "host-b", label.OWNER_BOOT: "boot-9"}
EXPIRED: Final = {label.EXPIRES: str(int(NOW - 1))}
DEAD: Final[dict[str, str]] = {}
ALIVE: Final = {"100": "5"}

# what differs in the labels, the state, the processes here, the owners' containers → how it stands
CASES = {
    "its process lives": ({}, "running", ALIVE, {}, "used"),
    "its process is gone": ({}, "running", DEAD, {}, "dead"),
    "its pid is another process's": ({}, "running", {"100": "6"}, {}, "dead"),
    "its process may not be looked at": ({}, "running", {"100": HIDDEN}, {}, "used"),
    "its start is unknown": ({label.OWNER_START: ""}, "running", ALIVE, {}, "unknown"),
    "its start is unknown and it is gone": ({label.OWNER_START: ""}, "running", DEAD, {}, "dead"),
    "never started, its process lives": ({}, "created", ALIVE, {}, "used"),
    "never started, its process is gone": ({}, "created", DEAD, {}, "dead"),
    "expired, its process lives": (EXPIRED, "running", ALIVE, {}, "used"),
    "another boot of this machine": ({label.OWNER_BOOT: "boot-0"}, "exited", ALIVE, {}, "dead"),
    "another boot, and kept": (
        {label.OWNER_BOOT: "boot-0", label.KEEP: "1"},
        "exited",
        DEAD,
        {},
        "kept",
    ),
    "a boot that is not known": ({label.OWNER_BOOT: ""}, "running", DEAD, {}, "unknown"),
    "a machine that is not known": ({label.OWNER_HOST: ""}, "running", DEAD, {}, "unknown"),
    "another pid namespace": ({label.OWNER_PIDNS: "ns-2"}, "running", DEAD, {}, "unknown"),
    "no pid namespace": ({label.OWNER_PIDNS: ""}, "running", DEAD, {}, "unknown"),
    "another machine": (ELSEWHERE, "running", DEAD, {}, "unknown"),
    "another machine, expired": ({**ELSEWHERE, **EXPIRED}, "running", DEAD, {}, "dead"),
    "another machine, without expiry": (
        {**ELSEWHERE, label.EXPIRES: ""},
        "running",
        DEAD,
        {},
        "unknown",
    ),
    "another machine, never started": (ELSEWHERE, "created", DEAD, {}, "dead"),
    "another machine, just created": (
        {**ELSEWHERE, label.CREATED: str(int(NOW - 60))},
        "created",
        DEAD,
        {},
        "unknown",
    ),
    "another machine, created at no time": (
        {**ELSEWHERE, label.CREATED: "yesterday"},
        "created",
        DEAD,
        {},
        "unknown",
    ),
    "its owner's container runs": (
        {label.OWNER_PIDNS: "ns-2", label.OWNER_CONTAINER: ID},
        "running",
        DEAD,
        {ID: True},
        "unknown",
    ),
    "its owner's container does not run": (
        {**ELSEWHERE, label.OWNER_PIDNS: "ns-2", label.OWNER_CONTAINER: ID},
        "running",
        DEAD,
        {ID: False},
        "dead",
    ),
    "its owner's container was not asked for": (
        {**ELSEWHERE, label.OWNER_CONTAINER: ID},
        "running",
        DEAD,
        {},
        "unknown",
    ),
    "kept, its process is gone": ({label.KEEP: "1"}, "exited", DEAD, {}, "kept"),
    "kept and expired": ({label.KEEP: "1", **EXPIRED}, "exited", DEAD, {}, "kept"),
    "kept in words that we do not know": ({label.KEEP: "yes"}, "exited", DEAD, {}, "kept"),
    "not managed": ({label.MANAGED: "0"}, "exited", DEAD, {}, "foreign"),
}


def stands(labels: Mapping[str, str], state: str, facts: Facts, *, name: str = "tk-s-1") -> str:
    return judge(Belonging("container", "id", name, state, "image", labels), facts).standing


@pytest.mark.parametrize("case", CASES)
def test_only_what_is_proven_dead_is_removed(case: str) -> None:
    changes, state, processes, containers, expected = CASES[case]
    facts = Facts(HERE, NOW, processes, containers)
    assert stands({**LABELS, **changes}, state, facts) == expected


@pytest.mark.parametrize("missing", LABELS)
def test_what_has_not_all_of_our_labels_is_foreign(missing: str) -> None:
    """A container inherits its image's labels: some of ours are no proof."""
    labels = {key: value for key, value in LABELS.items() if key != missing}
    assert stands(labels, "created", Facts(HERE, NOW)) == "foreign"


def test_what_has_inherited_our_labels_is_foreign() -> None:
    """Somebody may commit a container of ours, and run the image under a name of his own."""
    assert stands(LABELS, "running", Facts(HERE, NOW), name="mine") == "foreign"


def test_nothing_is_removed_where_nothing_is_known_of_here() -> None:
    """A machine without /proc: every proof by a process is out of reach."""
    for here_, state in itertools.product(
        (Place("", "", ""), Place("host-a", "", "")), ("exited",)
    ):
        assert stands(LABELS, state, Facts(here_, NOW)) == "unknown"


def test_what_a_living_process_makes_is_in_use_for_itself_and_for_others() -> None:
    labels = ownership("s", "tk-s-1", role="executor", kept=False, container="")
    found = starts([labels[label.OWNER_PID]])
    facts = Facts(here(), int(labels[label.CREATED]) + 1, found)
    assert stands(labels, "running", facts) == "used"
    assert int(labels[label.EXPIRES]) - int(labels[label.CREATED]) == EXPIRY


def test_what_a_dead_process_has_made_is_dead() -> None:
    """A real process, that has really ended."""
    script = "from toolkit.lifecycle import owner; import json; print(json.dumps(owner()))"
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    theirs = json.loads(said.stdout)
    labels = {**LABELS, **theirs}
    facts = Facts(here(), NOW, starts([theirs[label.OWNER_PID], str(os.getpid())]))
    verdict = judge(Belonging("container", "id", "tk-s-1", "running", "image", labels), facts)
    assert verdict.standing == "dead"
    assert verdict.reason == f"its owner, process {theirs[label.OWNER_PID]}, is gone"


def test_the_owner_is_this_process_and_no_other() -> None:
    mine = owner()
    assert mine[label.OWNER_PID] == str(os.getpid())
    assert mine[label.OWNER_START] == start_of(str(os.getpid()))
    assert all(mine.values())
    assert start_of("1") not in {"", mine[label.OWNER_START]}


def test_a_process_that_does_not_exist_has_no_start() -> None:
    assert starts(["4194999", "", "-1", "self", "99999999999999999999"]) == {}
