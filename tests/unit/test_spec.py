"""Nothing invalid becomes a spec, and everything that is wrong is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.deps import Dependencies
from toolkit.errors import SpecError
from toolkit.reference import ImageReference
from toolkit.spec import ImageSpec, default_name

NOTHING = Dependencies()


def problems(**table: object) -> list[str]:
    with pytest.raises(SpecError) as caught:
        ImageSpec.from_mapping(table, NOTHING)
    return str(caught.value).split("\n")


def test_an_empty_table_gives_the_defaults() -> None:
    """Everything has a default but the dependencies."""
    spec = ImageSpec.from_mapping({}, NOTHING)
    assert spec == ImageSpec(NOTHING)
    assert str(spec.wanted_base) == "python:3-slim"


def test_every_field_is_read() -> None:
    """What was given stands in the spec, parsed."""
    spec = ImageSpec.from_mapping(
        {
            "name": "data.tools",
            "base": "localhost:5000/base:1",
            "python": "3.12",
            "apt": ["libgl1", "libpq5=15.1-2", "libc6:amd64", "libgl1"],
            "environment": ["A=b=c", "EMPTY="],
            "labels": {"com.example.team": "red"},
            "tags": ["data:1", "data"],
            "excused": ["tkinter", "a.b"],
        },
        NOTHING,
    )
    assert spec == ImageSpec(
        NOTHING,
        name="data.tools",
        base=ImageReference.parse("localhost:5000/base:1"),
        python="3.12",
        apt=("libgl1", "libpq5=15.1-2", "libc6:amd64"),
        environment=(("A", "b=c"), ("EMPTY", "")),
        labels=(("com.example.team", "red"),),
        tags=(ImageReference.parse("data:1"), ImageReference.parse("data:latest")),
        excused=("a.b", "tkinter"),
    )


def test_the_default_base_follows_the_python_that_is_asked_for() -> None:
    """`--python 3.12` alone is enough."""
    assert str(ImageSpec(NOTHING, python="3.12").wanted_base) == "python:3.12-slim"


def test_all_problems_are_reported_together_each_with_its_place() -> None:
    """One run tells everything."""
    assert problems(
        apt=["libgl1", 7, "foo; curl x|sh"],
        environment=["A", "B B=1"],
        python="2.7",
        colour="red",
        name="Data",
    ) == [
        "name: 'Data' is not a name of lower-case letters, digits, `.`, `_` and `-`",
        "python: '2.7' is not a Python version such as 3.12",
        "apt[1]: expected a string, got int",
        "apt[2]: 'foo; curl x|sh' is not the name of a Debian package",
        "environment[0]: expected NAME=VALUE, got 'A'",
        "environment[1]: 'B B' is not the name of an environment variable",
        "colour: unknown key",
    ]


def test_a_text_where_a_list_belongs_is_not_taken_apart() -> None:
    """A string is a sequence to Python, and a mistake to us."""
    assert problems(apt="libgl1") == ["apt: expected a list, got str"]


HOSTILE = [
    "x\nRUN evil",
    "x\rRUN evil",
    "$(evil)",
    "`evil`",
    'x" && evil',
    "x' ; evil",
    "x && evil",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "x \\",
    "x\0y",
    "-o APT::evil",
    "--option",
    "",
    " ",
    "x\u2028y",
    "#",
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["apt", "tags", "excused"])
def test_hostile_text_is_no_name_of_anything(field: str, value: str) -> None:
    """CVE-2026-33744 was a package name that reached a shell."""
    assert len(problems(**{field: [value]})) == 1


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["name", "base", "python"])
def test_hostile_text_is_no_single_value_either(field: str, value: str) -> None:
    """CVE-2026-44345 was a newline in a base image."""
    assert len(problems(**{field: value})) == 1


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["environment", "labels"])
def test_hostile_text_is_no_name_of_a_variable_or_label(field: str, value: str) -> None:
    """Names of pairs have a grammar too."""
    assert len(problems(**{field: [f"{value}=1"]})) == 1


@pytest.mark.parametrize("value", ["x\nRUN evil", "x\0y", "x\x1b[2J", "x\u2028y", "x\ud800y"])
@pytest.mark.parametrize("field", ["environment", "labels"])
def test_a_value_with_a_control_character_is_refused(field: str, value: str) -> None:
    """A Dockerfile is lines; a value must stay on its own."""
    (problem,) = problems(**{field: {"A": value}})
    assert "holds a control character at position 1" in problem


@pytest.mark.parametrize("name", ["PATH", "HOME", "PYTHONHOME", "LD_PRELOAD", "VIRTUAL_ENV"])
def test_what_makes_python_the_images_own_cannot_be_set(name: str) -> None:
    """An image whose `python` does not start would be verified, and be none."""
    assert problems(environment=[f"{name}=/x"]) == [
        f"environment[0]: {name!r} is set by the image itself: `python` must stay its own"
    ]


@pytest.mark.parametrize(
    ("name", "base", "words"),
    [
        ("python:3-slim", None, "is a name of the base image"),
        ("docker.io/library/python", None, "is a name of the base image"),
        ("mine/base:2", "mine/base:1", "is a name of the base image"),
        ("toolkit/base:x", None, "is a name for base images"),
    ],
)
def test_a_tag_cannot_take_the_name_of_a_base(name: str, base: str | None, words: str) -> None:
    """The next build would be built on this one."""
    (problem,) = problems(tags=[name], base=base)
    assert words in problem


@pytest.mark.parametrize("name", ["python3-", "g++", "libc6-", "a"])
def test_only_names_that_install_are_packages(name: str) -> None:
    """To apt-get a hyphen at the end means to remove."""
    if name.endswith("-") or len(name) == 1:
        assert len(problems(apt=[name])) == 1
    else:
        assert ImageSpec.from_mapping({"apt": [name]}, NOTHING).apt == (name,)


def test_our_own_labels_cannot_be_set_by_hand() -> None:
    """A digest that somebody typed would be believed."""
    (problem,) = problems(labels=["org.executor-toolkit.digest=0"])
    assert problem == (
        "labels[0]: 'org.executor-toolkit.digest' is reserved: "
        "labels of org.executor-toolkit are set by the build"
    )


def test_a_tag_with_a_digest_is_refused() -> None:
    """A digest follows from an image and cannot be given to one."""
    (problem,) = problems(tags=["x@sha256:" + "0" * 64])
    assert problem.endswith("has a digest, and a digest cannot be given to an image")


def test_the_name_is_that_of_the_catalogue_folder(tmp_path: Path) -> None:
    """`images/demo/requirements.txt` makes toolkit/demo; any other file toolkit/env."""
    inside = tmp_path / "images" / "demo" / "requirements.txt"
    assert default_name([inside], tmp_path / "images") == "demo"
    assert default_name([tmp_path / "demo" / "requirements.txt"], tmp_path / "images") == "env"
    assert default_name([inside, tmp_path / "x"], tmp_path / "images") == "env"
