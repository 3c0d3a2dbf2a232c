"""What dpkg has installed, and on which distribution: pure, from two files to values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_FIELD: Final = re.compile(r"^([A-Za-z-]+):[ \t]*(.*)$", re.MULTILINE)
_VARIABLE: Final = re.compile(r"""^([A-Z_]+)=["']?(.*?)["']?$""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SystemPackage:
    """One package of the distribution."""

    name: str
    version: str
    architecture: str


@dataclass(frozen=True, slots=True)
class System:
    """A distribution (`debian`, `12`) and its packages; empty where the image has none."""

    name: str = ""
    version: str = ""
    packages: tuple[SystemPackage, ...] = ()


def read_system(release: str, status: str) -> System:
    """Read os-release(5) and dpkg's status file."""
    about = dict(_VARIABLE.findall(release))
    fields = [dict(_FIELD.findall(paragraph)) for paragraph in re.split(r"\n\s*\n", status)]
    return System(
        about.get("ID", ""),
        about.get("VERSION_ID", ""),
        tuple(_package(each) for each in fields if each.get("Status", "").endswith(" installed")),
    )


def _package(fields: Mapping[str, str]) -> SystemPackage:
    return SystemPackage(
        fields.get("Package", ""), fields.get("Version", ""), fields.get("Architecture", "")
    )
