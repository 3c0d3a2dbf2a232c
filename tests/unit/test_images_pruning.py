"""What may go, what stays and why, and what is freed."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.images.listing import Built
from toolkit.images.pruning import PROVING, Chain, freed, judged

DAY = 86400.0
NOW = 1000 * DAY


def built(
    title: str,
    days: float,
    *,
    name: str = "env",
    used_by: tuple[str, ...] = (),
    other_names: tuple[str, ...] = (),
    leftover: bool = False,
) -> Built:
    return Built(
        id=title,
        name=name,
        names=() if leftover else (title,),
        other_names=other_names,
        digest="",
        dependencies=(),
        base="",
        size=1,
        made=NOW - days * DAY,
        used_by=used_by,
        layers=(),
        is_verified=True,
    )


def verdicts(images: Iterable[Built], *, older: float = 0, keep: int = 0) -> dict[str, str]:
    found = judged(images, older=older * DAY, keep=keep, now=NOW)
    return {each.image.id: each.stays for each in found}


def test_the_newest_of_each_name_stay() -> None:
    images = [built("c", 3), built("a", 1), built("b", 2), built("x", 9, name="other")]
    assert verdicts(images, keep=2) == {
        "a": "it is one of the newest 2",
        "b": "it is one of the newest 2",
        "c": "",
        "x": "it is one of the newest 2",
    }


def test_what_is_younger_stays() -> None:
    images = [built("a", 29.9), built("b", 30.1)]
    assert verdicts(images, older=30) == {"a": "it is not old enough", "b": ""}


def test_an_image_goes_only_where_both_allow_it() -> None:
    images = [built("a", 40), built("b", 50), built("c", 60), built("d", 10)]
    assert verdicts(images, older=30, keep=2) == {
        "d": "it is one of the newest 2",
        "a": "it is one of the newest 2",
        "b": "",
        "c": "",
    }
    assert verdicts([built("a", 40)], older=30, keep=1) == {"a": "it is the newest of its name"}


def test_what_a_container_or_another_name_needs_stays() -> None:
    images = [
        built("a", 99, used_by=("tk-1", "tk-2")),
        built("b", 99, other_names=("analysis:latest",)),
        built("c", 99, used_by=("tk-3",), leftover=True),
    ]
    assert verdicts(images) == {
        "a": "the container tk-1 was made from it",
        "b": "it is also named analysis:latest",
        "c": "the container tk-3 was made from it",
    }


def test_a_leftover_does_not_count_and_goes_after_an_hour() -> None:
    hour = PROVING / DAY
    images = [
        built("new", 0.9 * hour, leftover=True),
        built("old", 1.1 * hour, leftover=True),
        built("a", 2),
    ]
    assert verdicts(images, keep=1) == {
        "a": "it is the newest of its name",
        "new": "a build may just be proving it",
        "old": "",
    }
    assert verdicts(images, keep=5)["old"] == ""


@given(
    st.lists(
        st.tuples(
            st.integers(0, 9),
            st.sampled_from(["x", "y"]),
            st.booleans(),
            st.booleans(),
            st.booleans(),
        ),
        max_size=12,
    ),
    st.integers(0, 5),
    st.integers(0, 9),
)
def test_whatever_is_there_nothing_that_is_needed_goes(
    rows: list[tuple[int, str, bool, bool, bool]], keep: int, older: int
) -> None:
    images = [
        built(
            str(number),
            days,
            name=name,
            used_by=("c",) if used else (),
            other_names=("n",) if named else (),
            leftover=left,
        )
        for number, (days, name, used, named, left) in enumerate(rows)
    ]
    found = list(judged(images, older=older * DAY, keep=keep, now=NOW))
    assert {each.image.id for each in found} == {each.id for each in images}
    for name in ("x", "y"):
        own = [each for each in images if each.name == name and each.names]
        going = [each.image for each in found if each.image in own and not each.stays]
        assert len(own) - len(going) >= min(keep, len(own))
        for each in going:
            newer = [other for other in own if other.made >= each.made and other.id != each.id]
            assert len(newer) >= keep
    for gone in (each.image for each in found if not each.stays):
        assert NOW - gone.made >= older * DAY
        assert not gone.used_by
        assert not gone.other_names


BASE: Chain = {("b",): 100}
ONE: Chain = {**BASE, ("b", "1"): 10}
TWO: Chain = {**BASE, ("b", "2"): 20}
SAME = dict(ONE)


@pytest.mark.parametrize(
    ("removed", "bytes_freed"),
    [
        (set(), 0),
        ({"one"}, 0),  # `same` has the same layers
        ({"one", "same"}, 10),
        ({"one", "same", "two"}, 30),
        ({"one", "same", "two", "base"}, 130),
    ],
)
def test_only_what_nobody_else_has_is_freed(removed: set[str], bytes_freed: int) -> None:
    chains = {"base": BASE, "one": ONE, "two": TWO, "same": SAME}
    assert freed(chains, removed) == bytes_freed


def test_the_same_layer_on_another_one_is_another() -> None:
    chains = {"one": {("a",): 1, ("a", "x"): 5}, "two": {("b",): 2, ("b", "x"): 5}}
    assert freed(chains, {"one"}) == 6
