"""Bases of other families than Debian's: what is refused; `families` has what is installed."""

from __future__ import annotations

import pytest

from tests.docker.conftest import Cli, MakeBase
from toolkit.context import ContextFile, Tar, pack

pytestmark = pytest.mark.docker


def calling_itself(base: str, *lines: str) -> Tar:
    """What builds a base that is the same, but for what it says that it is."""
    text = f"FROM {base}\nCOPY release /usr/lib/os-release\n"
    release = "".join(f"{line}\n" for line in lines)
    return pack(
        [ContextFile("Dockerfile", text.encode()), ContextFile("release", release.encode())]
    )


def test_packages_of_another_family_are_refused_before_anything_is_built(
    cli: Cli, base_image: str, make_base: MakeBase
) -> None:
    """By what the base's os-release says, whatever it is called."""
    alpine = make_base(
        "debian", calling_itself(base_image, "ID=alpine", 'PRETTY_NAME="Alpine 3.22"')
    )
    fedora = make_base(
        "alpine", calling_itself(base_image, "ID=x", 'ID_LIKE="rhel fedora"', "NAME=X")
    )
    debian = make_base("rpm", calling_itself(base_image, "ID=y", "ID_LIKE=debian", "NAME=Y"))
    command = ("build-image", "--with", "six", "--apt", "libgl1", "--base")
    for base, title in ((alpine, "Alpine 3.22"), (fedora, "X")):
        assert cli(*command, base, "--apt-build", "gcc").refused(6) == (
            f"the base image {base} is {title}, and the image asks for apt packages (libgl1, gcc)",
            "name a base that has apt-get with --base",
        )
    assert cli("render", "--with", "six", "--rpm", "mesa-libGL", "--base", debian).refused(6) == (
        f"the base image {debian} is Y, and the image asks for rpm packages (mesa-libGL)",
        "name its packages with --apt, or name a base that has dnf with --base",
    )
    both = cli("render", "--with", "six", "--rpm", "gcc", "--apt", "libgl1", "--base", debian)
    assert '"/run/toolkit/steps/apt.sh", "install", "libgl1"]' in both.stdout
