"""What a base's own os-release says of its package manager, and of the Python that it has not."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.builder.examining import Facts, facts_of, manager_of, system_of
from toolkit.builder.foundation import check_for_conda
from toolkit.builder.releases import own_python
from toolkit.errors import BaseImageError
from toolkit.reference import ImageReference

ALL = ["apt-get", "apk", "dnf"]


@pytest.mark.parametrize(
    ("release", "programs", "manager"),
    [
        ({"ID": "debian"}, ALL, "apt"),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, ["apt-get"], "apt"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, ALL, "apt"),
        ({"ID": "alpine"}, ALL, "apk"),
        ({"ID": "fedora"}, ALL, "rpm"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, ALL, "rpm"),
        ({"ID": "amzn", "ID_LIKE": "fedora"}, ALL, "rpm"),
        ({"ID": "debian"}, [], ""),
        ({"ID": "alpine"}, ["apt-get"], ""),
        ({"ID": "rhel", "ID_LIKE": "fedora"}, ["microdnf"], ""),
        ({"ID": "arch"}, [], ""),
        ({"ID": "arch"}, ["apk"], "apk"),
        ({}, ["dnf"], "rpm"),
        ({}, [], ""),
    ],
    ids=str,
)
def test_the_package_manager_is_that_of_the_family(
    release: dict[str, str], programs: list[str], manager: str
) -> None:
    """Where it is there; of a family that nobody knows it is whatever is there."""
    assert manager_of(release, programs) == manager


NAME = ImageReference.parse("some:base")
FOUND: dict[str, Any] = {
    "release": {"ID": "ubuntu", "ID_LIKE": "debian", "VERSION_CODENAME": "noble", "NAME": "Ubuntu"},
    "programs": ["apt-get"],
    "python": "3.12.3",
    "own": True,
    "libc": "glibc 2.39",
    "installers": ["pip"],
}
UNKNOWN = "has no Python, and which one its packages bring is not known"
PACKAGES = ("python3", "python3-venv")


def facts(**found: object) -> Facts:
    return facts_of({**FOUND, **found}, NAME)


def test_the_facts_are_those_of_the_release() -> None:
    assert facts() == Facts("3.12.3", "ubuntu-noble", "glibc 2.39", "apt", "Ubuntu")
    release = {"ID": "rhel", "VERSION_ID": "9.6", "NAME": "Red Hat", "PRETTY_NAME": "RHEL 9.6"}
    said = facts(release=release, programs=["dnf"])
    assert (said.system, said.manager, said.title) == ("rhel-9.6", "rpm", "RHEL 9.6")
    assert facts(release={}).title == "unknown"
    assert system_of({"ID": "debian", "VERSION_CODENAME": "trixie"}) == "debian-trixie"


def test_a_base_without_python_is_given_its_own() -> None:
    """As is one whose own Python lacks what Debian keeps in a package of its own."""
    bare = facts(python="", own=False, libc="", installers=[])
    assert (bare.python, bare.libc, bare.python_packages) == ("3.12", "glibc 2.39", PACKAGES)
    partial = facts(installers=[])
    assert (partial.python, partial.python_packages) == ("3.12.3", PACKAGES)


@pytest.mark.parametrize(
    ("release", "python"),
    [
        ({"ID": "ubuntu", "VERSION_ID": "22.04", "VERSION_CODENAME": "jammy"}, "3.10"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora", "VERSION_ID": "9.4"}, "3.9"),
        ({"ID": "rhel", "ID_LIKE": "fedora", "VERSION_ID": "10.0"}, "3.12"),
        ({"ID": "alpine", "VERSION_ID": "3.22.1"}, "3.12"),
        ({"ID": "fedora", "VERSION_ID": "41"}, "3.13"),
        ({"ID": "rhel", "ID_LIKE": "fedora", "VERSION_ID": "8.10"}, None),
        ({"ID": "debian", "VERSION_ID": "99"}, None),
        ({"ID": "mint", "ID_LIKE": "ubuntu debian", "VERSION_CODENAME": "noble"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_only_the_python_of_a_known_release_is_known(
    release: dict[str, str], python: str | None
) -> None:
    found = own_python(release)
    assert (found.python if found else None) == python


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            {"python": "", "release": {"ID": "arch", "PRETTY_NAME": "Arch Linux"}},
            f"the base image some:base is Arch Linux and {UNKNOWN}",
        ),
        (
            {"python": "", "programs": []},
            f"the base image some:base is Ubuntu and {UNKNOWN}",
        ),
        (
            {"python": "3.7.1"},
            "the base image some:base has Python 3.7.1, 3.8 is the oldest usable",
        ),
        (
            {"installers": [], "own": False},
            "the base image some:base has a Python without venv and pip",
        ),
        (
            {"installers": [], "python": "3.13.1"},
            "the base image some:base has a Python without venv and pip",
        ),
    ],
)
def test_a_base_on_which_nothing_can_be_built_is_refused(
    found: dict[str, object], message: str
) -> None:
    with pytest.raises(BaseImageError) as caught:
        facts(**found)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("python", "libc", "lacks"),
    [
        ("3.9.2", "glibc 2.31", "Python 3.10 or newer"),
        ("3.12.1", "musl 1.2", "glibc"),
        ("3.10.0", "glibc 2.31", None),
    ],
)
def test_packages_of_condas_need_a_base_that_can_run_them(
    python: str, libc: str, lacks: str | None
) -> None:
    found = facts(python=python, libc=libc)
    if lacks is None:
        check_for_conda(NAME, found)
        return
    with pytest.raises(BaseImageError) as caught:
        check_for_conda(NAME, found)
    assert str(caught.value) == (
        f"the base image some:base has Python {python} and {libc}, and packages of conda's need "
        f"{lacks}"
    )
