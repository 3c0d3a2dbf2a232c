"""Two snapshots of a folder → what is sent and what is removed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.mirror.plan import leaves, listed, plan
from toolkit.mirror.records import BrokenError, Record

FILE = b"f 644 5 1 1 1"
FOLDER = b"d 755"
UNREADABLE = b"x"

paths = st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=1, max_size=3).map(b"/".join)
stamps = st.sampled_from([FILE, b"f 600 5 2 2 1", FOLDER, b"d 700", b"l a", b"l ../../x"])


def tree(found: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """With a folder above whatever is in one."""
    above = {path[: -2 * up] for path in found for up in (1, 2) if len(path) > 2 * up}
    return {**found, **{path: FOLDER for path in above if found.get(path, b"")[:1] != b"d"}}


snapshots = st.dictionaries(paths, stamps).map(tree)


def test_what_is_new_or_another_is_sent_and_what_is_gone_removed() -> None:
    before = {b"same": FILE, b"changed": FILE, b"gone": FOLDER, b"gone/in": FILE}
    after = {b"same": FILE, b"changed": b"f 644 7 2 2 1", b"new": FOLDER, b"new/empty": FOLDER}
    made = plan(before, after)
    assert made.send == (b"changed", b"new", b"new/empty")
    assert made.remove == (b"gone/in", b"gone")
    assert made.size == 7


def test_a_file_that_became_a_folder_is_removed_first_and_the_other_way_round() -> None:
    made = plan({b"a": FILE, b"b": FOLDER, b"b/c": FILE}, {b"a": FOLDER, b"a/c": FILE, b"b": FILE})
    assert made.remove == (b"b/c", b"b", b"a")
    assert made.send == (b"a", b"a/c", b"b")


def test_nothing_is_known_of_what_is_in_a_folder_that_cannot_be_read() -> None:
    """So nothing of it is removed, and the folder stays."""
    made = plan({b"a": FOLDER, b"a/b": FILE, b"ab": FILE}, {b"a": UNREADABLE})
    assert made.remove == (b"ab",)
    assert made.send == ()


@given(snapshots, snapshots)
def test_what_is_sent_and_removed_makes_the_one_the_other(
    before: dict[bytes, bytes], after: dict[bytes, bytes]
) -> None:
    made = plan(before, after)
    result = dict(before)
    for path in made.remove:
        assert not any(each.startswith(path + b"/") and each in before for each in result)
        del result[path]
    result.update({path: after[path] for path in made.send})
    kept = {path: stamp for path, stamp in after.items() if path not in made.left}
    assert {path: stamp for path, stamp in result.items() if not leaves(path, stamp)} == {
        path: stamp for path, stamp in kept.items() if not leaves(path, stamp)
    }
    assert list(made.send) == sorted(made.send)  # a folder before what is in it
    assert all(leaves(path, after[path]) for path in made.left)


@pytest.mark.parametrize(
    ("path", "target", "outside"),
    [
        (b"a", b"b", False),
        (b"a", b"./b/c", False),
        (b"d/a", b"../b", False),
        (b"d/e/a", b"../../b", False),
        (b"a", b"/workspace/b", True),
        (b"a", b"..", True),
        (b"d/a", b"../../b", True),
        (b"d/a", b".././../b", True),
        (b"a", b"b/../../c", True),
        (b"a", b"b/..", True),  # b may be a link to the folder itself
    ],
)
def test_links_that_lead_out_stay(path: bytes, target: bytes, outside: bool) -> None:
    assert leaves(path, b"l " + target) is outside
    assert plan({}, {path: b"l " + target}).left == ((path,) if outside else ())


def test_a_listing_is_a_snapshot() -> None:
    told = {b"a": FOLDER, b"a/b": FILE + b" ~", b"l": b"l a\nb", b"x": UNREADABLE}
    assert listed({}, [Record(b"=", path, stamp) for path, stamp in told.items()]) == told


@given(snapshots, snapshots)
def test_a_listing_may_be_what_is_another_than_before(
    before: dict[bytes, bytes], after: dict[bytes, bytes]
) -> None:
    told = [Record(b"=", path, after[path]) for path in after if before.get(path) != after[path]]
    gone = [Record(b"r", path) for path in before if path not in after]
    assert listed(before, [*told, *gone]) == after


@pytest.mark.parametrize(
    "stamp",
    [b"", b"b 644", b"f 4755 1 1 1 1", b"f 644 -1 1 1 1", b"f 644", b"d 755 1", b"l ", b"c"],
)
def test_a_stamp_of_what_is_no_file_folder_or_link_is_refused(stamp: bytes) -> None:
    with pytest.raises(BrokenError, match="in a listing"):
        listed({}, [Record(b"=", b"a", stamp)])


def test_a_path_that_is_told_twice_is_refused() -> None:
    with pytest.raises(BrokenError, match="in a listing"):
        listed({}, [Record(b"=", b"a", FILE), Record(b"=", b"a", FILE)])
