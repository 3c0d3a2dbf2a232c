"""System packages of a base of another family, installed by its own package manager."""

from __future__ import annotations

import pytest

from tests.docker import rpm
from tests.docker.conftest import Cli, MakeBase
from tests.docker.debian import MARKER
from toolkit.container import ContainerOptions
from toolkit.engine import Engine
from toolkit.lifecycle import ContainerManager

pytestmark = pytest.mark.docker


def test_rpm_packages_are_installed_by_the_bases_own_dnf(
    cli: Cli, name: str, make_base: MakeBase, first_engine: Engine
) -> None:
    """With what they need, without what they recommend, their scripts out of reach of all else."""
    tools = [word for package in rpm.TOOLS for word in ("--apt", package)]
    cli.write(f'name = "{name}"', file="image.toml")
    first = cli("build-image", "--spec", "image.toml", *tools, "--no-verify")
    assert first.code == 0, first.stderr
    base = make_base("rpm", rpm.source_of(first.stdout.strip()))
    wish = ("--spec", "image.toml", "--base", base, "--rpm", "tk-word")
    built = cli("build-image", *wish)
    assert built.code == 0, built.stderr
    options = ContainerOptions(image=built.stdout.strip(), network="none", role="probe")
    script = f"rpm -qa | sort; cat /usr/share/tk/*; find / -xdev -name '{MARKER}' -path '*rpm*'"
    with ContainerManager(first_engine) as manager:
        said = manager.start(options).run(["sh", "-c", script], merged=True).stdout.decode()
    assert said.splitlines() == [
        "tk-letters-1.0-1.noarch",
        "tk-word-1.0-1.noarch",
        "hello",
    ]
    absent = cli("build-image", *wish, "--rpm", "tk-absent")
    error, _ = absent.refused(6)
    assert error.startswith("installing the RPM packages failed")
