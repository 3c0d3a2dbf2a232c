"""What a base's own os-release says of its package manager."""

from __future__ import annotations

import pytest

from toolkit.builder.examining import facts_of, manager_of, system_of

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


def test_the_facts_are_those_of_the_release() -> None:
    release = {"ID": "rhel", "VERSION_ID": "9.6", "NAME": "Red Hat", "PRETTY_NAME": "RHEL 9.6"}
    found = {"release": release, "programs": ["dnf"], "python": "3.12.1", "libc": "glibc 2.34"}
    facts = facts_of(found)
    assert (facts.system, facts.manager, facts.title) == ("rhel-9.6", "rpm", "RHEL 9.6")
    assert facts_of(found | {"release": {}}).title == "unknown"
    assert system_of({"ID": "debian", "VERSION_CODENAME": "trixie"}) == "debian-trixie"
