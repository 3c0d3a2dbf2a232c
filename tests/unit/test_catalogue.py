"""The images that are shipped: each says what is in it and proves it, and the page lists them."""

from __future__ import annotations

import re
from collections.abc import Callable
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
from toolkit.spec import ImageSpec, catalogue, load

IMAGES = resources.tree("images")
PAGE = IMAGES / "README.md"
TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- /table -->)", re.DOTALL)
FAMILIES = {"": LOCAL, "alpine/": ALPINE, "rpm/": UBI, "cuda/": CUDA}
ENTRIES = dict(catalogue.entries(IMAGES))


def asked(name: str) -> Dependencies:
    """What an image asks for, before its lock."""
    wishes = load(ENTRIES[name])
    if not wishes.paths and not wishes.selection.packages:
        return Dependencies()
    return deps.read(wishes.paths, env={}, selection=wishes.selection)


def pinned(name: str) -> Dependencies:
    lock = load(ENTRIES[name]).lock
    assert lock is not None
    return deps.pinned(asked(name), deps.read([lock], env={}))


def spec(name: str) -> ImageSpec:
    return ImageSpec.of(load(ENTRIES[name]), pinned(name))


def row(name: str) -> str:
    wanted = spec(name)
    packages = ", ".join(str(each.name) for each in asked(name).requirements)
    proofs = ", ".join(f"`{name}/{check.said}`" for check in wanted.verify)
    debian = ", ".join(wanted.apt)
    return f"| `{name}` | {wanted.description} | {packages} | {debian} | {proofs} |\n"


def table() -> str:
    head = "| image | what is in it | packages | Debian packages | proven by |\n"
    return head + "|---|---|---|---|---|\n" + "".join(map(row, ENTRIES))


def test_every_folder_is_an_image() -> None:
    """A folder that `toolkit catalog` overlooks is one that nobody finds."""
    assert {path.name for path in IMAGES.iterdir() if path.is_dir()} == ENTRIES.keys()
    assert set(ENTRIES) == {"data", "demo", "documents", "node", "python", "shell", "web"}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_image_says_what_is_in_it_and_proves_it(name: str) -> None:
    """By more than a version: a script that does something."""
    wanted = spec(name)
    assert wanted.description
    assert [check for check in wanted.verify if check.source is not None]


@pytest.mark.parametrize("libc", ["glibc 2.36", "musl 1.2"])
@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
@pytest.mark.parametrize("python", ["3.11.2", "3.12.0", "3.13.5", "3.14.0"])
@pytest.mark.parametrize("name", ENTRIES)
def test_its_lock_has_all_that_it_asks_for(
    name: str, python: str, platform: str, libc: str
) -> None:
    """On whatever base it may be built: `pinned` and `select` refuse what is stale or missing."""
    target = Target(python, platform, libc)
    if name == "data" and libc == "musl 1.2":  # for which there is no wheel of scikit-learn
        with pytest.raises(SpecError, match="No wheel found matching the provided tags"):
            deps.select(pinned(name), target)
        return
    selected = deps.select(pinned(name), target).requirements
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
