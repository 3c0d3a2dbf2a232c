"""The recipe of the base image, and what its result is known by."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace

import pytest

from toolkit import labels
from toolkit.errors import BaseImageError
from toolkit.setup import rootfs
from toolkit.setup.rootfs import Contents

STATUS = """\
Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.21
Description: package manager
 with a line that says
 Version: 9

Package: python3
Status: install ok installed
Architecture: amd64
Version: 3.11.2-1+b1

Package: usrmerge
Status: deinstall ok config-files
Architecture: all
Version: 37
"""
CONTENTS = Contents(("dpkg=1.21", "python3=3.11.2-1+b1"), "amd64", "3.11")


def tar(*, status: str = STATUS, link: str = "python3.11") -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("./var/lib/dpkg/status")
        member.size = len(status)
        archive.addfile(member, io.BytesIO(status.encode()))
        python = tarfile.TarInfo("./usr/bin/python3")
        python.type, python.linkname = tarfile.SYMTYPE, link
        archive.addfile(python)
    buffer.seek(0)
    return buffer


def test_the_tar_says_what_is_installed_and_which_python() -> None:
    assert rootfs.read(tar()) == CONTENTS


@pytest.mark.parametrize("broken", [{"status": ""}, {"link": "../nowhere"}])
def test_a_tar_without_packages_or_python_is_no_base(broken: dict[str, str]) -> None:
    with pytest.raises(BaseImageError, match="has no Python or no package list"):
        rootfs.read(tar(**broken))


def test_the_name_has_suite_and_python() -> None:
    assert str(rootfs.reference("bookworm", CONTENTS)) == "toolkit/base:bookworm-py3.11"


def test_the_identity_is_pinned_for_a_given_recipe() -> None:
    """Two machines agree on it; whoever changes the recipe raises EPOCH and this."""
    assert rootfs.digest("bookworm", CONTENTS) == (
        "sha256:5ddef253cb5327888cfdd8cd42857ac030cdc5647024145af226a82e20dc5ce9"
    )


@pytest.mark.parametrize(
    "other",
    [
        ("trixie", CONTENTS),
        ("bookworm", replace(CONTENTS, architecture="arm64")),
        ("bookworm", replace(CONTENTS, packages=("dpkg=1.22", "python3=3.11.2-1+b1"))),
    ],
)
def test_the_identity_depends_on_all_that_it_was_made_from(other: tuple[str, Contents]) -> None:
    assert rootfs.digest(*other) != rootfs.digest("bookworm", CONTENTS)


def test_the_image_starts_python_and_carries_its_identity() -> None:
    changes = rootfs.changes("bookworm", CONTENTS)
    assert changes[0] == 'CMD ["python3"]'
    assert f'LABEL {labels.SOURCE_DIGEST}="{rootfs.digest("bookworm", CONTENTS)}"' in changes
    assert not any(labels.MANAGED in change for change in changes)


def test_the_given_sources_replace_mmdebstraps_own() -> None:
    with_own = rootfs.command("bookworm", "t.tar", mode="root", sources=None)
    given = rootfs.command("bookworm", "t.tar", mode="root", sources="x.sources")
    assert with_own[-2:] == ("bookworm", "t.tar")
    assert given[-3:] == ("bookworm", "t.tar", "x.sources")


def test_ubuntus_venv_is_in_universe_and_debian_has_no_such_component() -> None:
    universe = "--components=main,universe"
    assert universe in rootfs.command("noble", "t", mode="root", sources=None)
    assert universe not in rootfs.command("bookworm", "t", mode="root", sources=None)


@pytest.mark.parametrize(("name", "engines"), [("amd64", "amd64"), ("armhf", "arm")])
def test_architectures_are_named_as_engines_do(name: str, engines: str) -> None:
    assert replace(CONTENTS, architecture=name).platform_architecture == engines
