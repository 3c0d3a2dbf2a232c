"""The images that are shipped: each says what is in it and proves it, and the page lists them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.unit.test_renderer import ALPINE, CUDA, LOCAL, TEMPLATES, UBI
from toolkit import deps, resources
from toolkit.builder.examining import Facts
from toolkit.builder.foundation import check_packages
from toolkit.deps import Dependencies, Target
from toolkit.errors import BaseImageError, SpecError
from toolkit.image import Base
from toolkit.renderer import render
from toolkit.spec import ImageSpec, catalogue, load, reading

IMAGES = resources.tree("images")
PAGE = IMAGES / "README.md"
TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- /table -->)", re.DOTALL)
FAMILIES = {"": LOCAL, "alpine/": ALPINE, "rpm/": UBI, "cuda/": CUDA, "conda/": LOCAL}
ENTRIES = dict(catalogue.entries(IMAGES))
SIZES = json.loads((IMAGES / "sizes.json").read_text(encoding="utf-8"))
PYTHON = "3.11"
TARGET = Target(f"{PYTHON}.2", "linux/amd64")


@cache
def spec(name: str) -> ImageSpec:
    return reading.read(load(ENTRIES[name]), env={})


@cache
def asked(name: str) -> Dependencies:
    """What an image asks for, before its lock."""
    return reading.read(load(ENTRIES[name]).without("lock"), env={}).dependencies


def packages(name: str) -> str:
    """What is asked for, in the versions of the lock, and how many there are besides."""
    named = {each.name for each in asked(name).requirements}
    found = deps.select(spec(name).dependencies, TARGET).requirements
    said = [f"{each.name} {each.specifier[2:]}" for each in found if each.name in named]
    others = len(found) - len(said)
    return ", ".join(said) + (f" and {others} that they need" if others else "")


def row(name: str) -> str:
    wanted = spec(name)
    proofs = ", ".join(f"`{name}/{check.said}`" for check in wanted.verify)
    size, base = SIZES["images"][name], SIZES["base"]["size"]
    cells = [
        f"`{name}`",
        wanted.description,
        packages(name),
        ", ".join(wanted.apt),
        said_size(size),
        said_size(size - base),
        proofs,
    ]
    return f"| {' | '.join(map(str, cells))} |\n"


def said_size(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def table() -> str:
    base, size = SIZES["base"]["name"], said_size(SIZES["base"]["size"])
    return (
        "| image | what is in it | packages | Debian packages | size | beyond the base "
        "| proven by |\n|---|---|---|---|---|---|---|\n"
        f"{''.join(map(row, ENTRIES))}\n"
        f"The versions are those for Python {PYTHON} on x86_64. The sizes are those of images on\n"
        f"`{base}` ({size}), as `docker images` tells them, measured by\n"
        "`make image-sizes`.\n"
    )


def test_every_folder_is_an_image() -> None:
    """A folder that `toolkit catalog` overlooks is one that nobody finds."""
    assert {path.name for path in IMAGES.iterdir() if path.is_dir()} == ENTRIES.keys()
    assert set(ENTRIES) == {"data", "demo", "documents", "node", "python", "shell", "web"}


def test_the_size_of_each_is_known() -> None:
    """From a build of all of them; no image is left out, and none is smaller than its base."""
    assert SIZES["images"].keys() == ENTRIES.keys()
    assert all(size >= SIZES["base"]["size"] > 0 for size in SIZES["images"].values())


@pytest.mark.parametrize("name", ENTRIES)
def test_an_image_says_what_is_in_it_and_proves_it(name: str) -> None:
    """By more than a version: a script that does something."""
    wanted = spec(name)
    assert wanted.description
    assert [check for check in wanted.verify if check.source is not None]


@pytest.mark.parametrize("libc", ["glibc 2.36", "musl 1.2"])
@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
@pytest.mark.parametrize("python", ["3.11.2", "3.12.0", "3.13.5", "3.14.0", "3.15.0"])
@pytest.mark.parametrize("name", ENTRIES)
def test_its_lock_has_all_that_it_asks_for(
    name: str, python: str, platform: str, libc: str
) -> None:
    """On whatever base it may be built: `read` and `select` refuse what is stale or missing."""
    target = Target(python, platform, libc)
    if name == "data" and libc == "musl 1.2":  # for which there is no wheel of scikit-learn
        with pytest.raises(SpecError, match="No wheel found matching the provided tags"):
            deps.select(spec(name).dependencies, target)
        return
    selected = deps.select(spec(name).dependencies, target).requirements
    assert {each.name for each in asked(name).requirements} <= {each.name for each in selected}
    assert [each.text for each in selected if not each.is_exact] == []


@pytest.mark.parametrize("name", ENTRIES)
def test_its_lock_names_files_that_everybody_can_have(name: str) -> None:
    """No mirror's address, and no path of the machine that it was made on."""
    text = (ENTRIES[name].parent / "pylock.toml").read_text(encoding="utf-8")
    assert set(re.findall(r"\w+://[^/\"]*", text)) <= {"https://files.pythonhosted.org"}
    assert not re.search(r"\b(?:path|index) = ", text)


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize(("family", "base"), FAMILIES.items())
def test_its_dockerfile_is_the_golden_one(
    golden: Callable[[str, str], None], name: str, family: str, base: Base
) -> None:
    """On a base of each family, or what is said where it cannot be made on one."""
    place, wanted = f"render/images/{family}{name}", spec(name)
    if family == "conda/":  # its requirements as pip's list of an environment.yml
        conda = replace(asked(name), conda=("python=3.13",), channels=("conda-forge",))
        wanted = replace(wanted, dependencies=conda)
    facts = Facts(base.python, base.system, base.libc, base.manager, base.system)
    try:
        check_packages(base.reference, facts, wanted)
    except BaseImageError as error:
        golden(f"{place}.refused", f"{error}\n{error.hint}\n")
    else:
        golden(f"{place}.Dockerfile", render(wanted, base, TEMPLATES).dockerfile)


def test_the_page_lists_them(pytestconfig: pytest.Config) -> None:
    """Generated, as is the README's help."""
    text = PAGE.read_text(encoding="utf-8")
    made = TABLE.sub(lambda _: table(), text)
    if pytestconfig.getoption("--golden"):
        Path(PAGE).write_text(made, encoding="utf-8")
        return
    assert made == text, "run `make golden` and read the diff of images/README.md"
