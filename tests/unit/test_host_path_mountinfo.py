"""What is read out of /proc/self/mountinfo, and how paths are held against each other."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.host_path.mountinfo import Point, below, holding, points, rest_of

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
COMPONENTS = st.lists(NAMES, max_size=4)


def path_of(components: list[str]) -> str:
    return "/" + "/".join(components)


def written(path: str) -> str:
    """A path as the kernel writes it into the file."""
    for letter in "\\ \t\n":
        path = path.replace(letter, f"\\{ord(letter):03o}")
    return path


def line(path: str, root: str = "/", options: str = "rw", kind: str = "ext4") -> str:
    return f"383 360 254:0 {written(root)} {written(path)} {options} shared:1 - {kind} /dev/x rw"


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("36 35 98:0 /m /a rw,noatime master:1 - ext3 /dev/root rw", Point("/a", "/m", "ext3")),
        ("36 35 98:0 / /a rw - ext3 /dev/root rw", Point("/a", "/", "ext3")),
        ("36 35 98:0 / /a rw shared:1 master:2 - ext3 x rw", Point("/a", "/", "ext3")),
        (r"36 35 98:0 /x\040y /a\040b rw - ext3 x rw", Point("/a b", "/x y", "ext3")),
        (r"36 35 98:0 / /a\134040b rw - ext3 x rw", Point(r"/a\040b", "/", "ext3")),
        (r"36 35 98:0 / /\303\244 rw - ext3 x rw", Point("/ä", "/", "ext3")),
        (r"36 35 98:0 / /\777 rw - ext3 x rw", Point(r"/\777", "/", "ext3")),
        ("36 35 98:0 / /a ro,noatime - ext3 x rw", Point("/a", "/", "ext3", read_only=True)),
        ("36 35 98:0 / /a rw - ext3 x ro", Point("/a", "/", "ext3", read_only=True)),
        ("36 35 98:0 / /a rw,errors=remount-ro - ext3 x rw", Point("/a", "/", "ext3")),
        (
            "36 35 98:0 net:[4026532] /run/ns rw - nsfs nsfs",
            Point("/run/ns", "net:[4026532]", "nsfs"),
        ),
    ],
)
def test_a_line_is_a_mount(text: str, point: Point) -> None:
    assert points(text) == (point,)


@pytest.mark.parametrize("text", ["", "\n", "nonsense", "1 2 3 4 - x", "1 2 3 4 5 6 - x y rw"])
def test_what_is_none_is_left_out(text: str) -> None:
    assert points(text) == ()


@given(st.lists(st.tuples(COMPONENTS, COMPONENTS), max_size=5))
def test_every_path_that_the_kernel_can_write_is_read(
    paths: list[tuple[list[str], list[str]]],
) -> None:
    """Also one with letters that Python, but not the kernel, takes for the end of a line."""
    text = "".join(line(path_of(path), path_of(root)) + "\n" for path, root in paths)
    assert [(each.path, each.root) for each in points(text)] == [
        (path_of(path), path_of(root)) for path, root in paths
    ]


@given(st.binary(min_size=1).filter(lambda data: not {0, *b"/ \t\n\\"} & {*data}))
def test_names_that_are_no_text_come_through(name: bytes) -> None:
    path = os.fsdecode(b"/" + name)
    assert [each.path for each in points(line(path))] == [path]


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    for point in points(text):
        assert point.path.startswith("/")


@pytest.mark.parametrize(
    ("path", "prefix", "rest"),
    [
        ("/data", "/data", ""),
        ("/data/x/y", "/data", "x/y"),
        ("/data2", "/data", None),
        ("/data2/x", "/data", None),
        ("/dat", "/data", None),
        ("/x", "/", "x"),
        ("/", "/", ""),
        ("/", "/x", None),
        ("/data/x/", "/data/", "x"),
        ("/data/", "/data", ""),
    ],
)
def test_a_prefix_ends_where_a_component_ends(path: str, prefix: str, rest: str | None) -> None:
    assert rest_of(path, prefix) == rest


@given(COMPONENTS, COMPONENTS)
def test_a_prefix_is_one_exactly_when_its_components_are(
    path: list[str], prefix: list[str]
) -> None:
    rest = rest_of(path_of(path), path_of(prefix))
    assert (rest is not None) == (path[: len(prefix)] == prefix)


@given(COMPONENTS, COMPONENTS)
def test_prefix_and_rest_are_the_path(prefix: list[str], rest: list[str]) -> None:
    assert rest_of(path_of(prefix + rest), path_of(prefix)) == "/".join(rest)


@given(st.lists(COMPONENTS, max_size=6), COMPONENTS)
def test_a_path_is_on_the_longest_of_the_mounts_above_it(
    mounted: list[list[str]], path: list[str]
) -> None:
    found = holding([Point(path_of(each), "/", "x") for each in mounted], path_of(path))
    above = [each for each in mounted if path[: len(each)] == each]
    assert (found and found.path) == (path_of(max(above, key=len)) if above else None)


def test_of_two_mounts_at_one_place_the_last_counts() -> None:
    first, second = Point("/a", "/1", "x"), Point("/a", "/2", "x")
    assert holding([first, second, Point("/", "/", "x")], "/a/b") == second


def test_what_is_mounted_inside_is_not_the_folder_itself() -> None:
    mounted = [Point(path, "/", "x") for path in ("/", "/a", "/a/b", "/a/b", "/ab", "/a/c/d")]
    assert below(mounted, "/a") == ("/a/b", "/a/c/d")
