"""Which Python a release of a distribution has of its own, for bases that have none: pure.

Hidden here: a table. A release keeps its minor version and its C library as long as it lives, so
that both are known before anything is built. What the table does not have is not guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class OwnPython:
    """A release's own Python: its minor version, the C library, and the packages that bring it."""

    python: str
    libc: str
    packages: tuple[str, ...]


_DEBIAN: Final = ("python3", "python3-venv")
_RPM: Final = ("python3", "python3-pip")
_ALPINE: Final = ("python3", "py3-pip")
_RED_HATS: Final = frozenset({"rhel", "centos"})

_OWN: Final = {
    "debian bullseye": OwnPython("3.9", "glibc 2.31", _DEBIAN),
    "debian bookworm": OwnPython("3.11", "glibc 2.36", _DEBIAN),
    "debian trixie": OwnPython("3.13", "glibc 2.41", _DEBIAN),
    "ubuntu focal": OwnPython("3.8", "glibc 2.31", _DEBIAN),
    "ubuntu jammy": OwnPython("3.10", "glibc 2.35", _DEBIAN),
    "ubuntu noble": OwnPython("3.12", "glibc 2.39", _DEBIAN),
    "rhel 9": OwnPython("3.9", "glibc 2.34", _RPM),
    "rhel 10": OwnPython("3.12", "glibc 2.39", _RPM),
    "fedora 41": OwnPython("3.13", "glibc 2.40", _RPM),
    "fedora 42": OwnPython("3.13", "glibc 2.41", _RPM),
    "alpine 3.20": OwnPython("3.12", "musl 1.2", _ALPINE),
    "alpine 3.21": OwnPython("3.12", "musl 1.2", _ALPINE),
    "alpine 3.22": OwnPython("3.12", "musl 1.2", _ALPINE),
}


def own_python(release: Mapping[str, str]) -> OwnPython | None:
    """The Python of the release that an os-release names, where it is known."""
    name, version = release.get("ID", ""), release.get("VERSION_ID", "")
    if _RED_HATS & {name, *release.get("ID_LIKE", "").split()} and name != "fedora":
        return _OWN.get(f"rhel {version.partition('.')[0]}")
    minor = ".".join(version.split(".")[:2])
    said = (release.get("VERSION_CODENAME", ""), version, minor)
    return next((_OWN[key] for each in said if (key := f"{name} {each}") in _OWN), None)
