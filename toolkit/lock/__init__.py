"""What is installed, as a lock: the PEP 751 record that the build leaves in the image.

Hides the file format. The build resolves once, with uv, and installs exactly the result
(templates/steps/install.sh); here its record is read, and what an image holds is held against it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from toolkit.errors import Problem, SpecError

PATH: Final = "/opt/venv/pylock.toml"
"""Where an image keeps the record."""

UNLOCKED: Final = frozenset({"pip"})
"""Installed beside the lock, so that code in the container may install more."""


@dataclass(frozen=True, slots=True)
class Lock:
    """Canonical names to versions; None for what has none of its own (a folder, a checkout)."""

    packages: Mapping[str, str | None]


def read(text: str) -> Lock:
    """The lock in a pylock.toml. Raises SpecError for a text that is none (PEP 751)."""
    try:
        entries = tomllib.loads(text)["packages"]
        return Lock({canonicalize_name(entry["name"]): entry.get("version") for entry in entries})
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise SpecError(
            f"{PATH} is not a PEP 751 lock: {error}", hint="build the image with --rebuild"
        ) from error


def differences(lock: Lock, installed: Iterable[tuple[str, str]]) -> tuple[Problem, ...]:
    """Where the installed distributions (name, version) are not what the lock says."""
    found: dict[str, str] = {canonicalize_name(name): version for name, version in installed}
    problems = []
    for name, version in sorted(lock.packages.items()):
        if name not in found:
            problems.append(Problem(name, "is locked and not installed"))
        elif version is not None and not _same(version, found[name]):
            problems.append(Problem(name, f"is locked at {version}, installed at {found[name]}"))
    problems += [
        Problem(name, f"is installed at {version} and not locked")
        for name, version in sorted(found.items())
        if name not in lock.packages and name not in UNLOCKED
    ]
    return tuple(problems)


def _same(left: str, right: str) -> bool:
    try:
        return Version(left) == Version(right)
    except InvalidVersion:
        return left == right
