"""Which Python the files ask for: their wishes, held against one another and against an answer.

Hides the arithmetic of version specifiers: what a wish says about a version of which only the
beginning is known, whether there can be a Python that all are content with, and the newest such.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from packaging.specifiers import SpecifierSet

from toolkit.errors import SpecError

_PATCHES: Final = range(41)  # the longest series so far ended at 3.6.15 and 3.7.17
_MINORS: Final = range(31)
_FAR: Final = "3.99"
_EXACT: Final = re.compile(r"={2,3}\s*3\.\d+")


@dataclass(frozen=True, slots=True)
class PythonWish:
    """What one place asks of the Python: `>=3.11` in `pyproject.toml: project.requires-python`.

    `pin` is the version where it is one that is to be used (`3.12` of a `.python-version`).
    """

    specifier: str
    where: str
    pin: str | None = None

    def admits(self, version: str) -> bool:
        """Whether a Python of this version, or one whose version begins so, would do."""
        wanted = SpecifierSet(self.specifier)
        exact = version.count(".") >= 2
        candidates = [version] if exact else [f"{version}.{patch}" for patch in _PATCHES]
        return any(wanted.contains(each, prereleases=True) for each in candidates)

    @property
    def said(self) -> str:
        """The wish as it was written."""
        return self.pin or self.specifier


def wish(specifier: object, where: str) -> PythonWish:
    """Read a `requires-python`. Raises SpecError, without a place."""
    if not isinstance(specifier, str):
        raise SpecError(
            f"expected a string, got {type(specifier).__name__}", hint='write it as in: ">=3.11"'
        )
    try:
        for each in SpecifierSet(specifier):
            each.contains("3.11")  # else a number of too many digits is found out only later
    except ValueError as error:  # InvalidSpecifier is one
        raise SpecError(
            f"{specifier!r} is not a range of Python versions", hint="write it as in: >=3.11"
        ) from error
    found = PythonWish(specifier, where)
    if _EXACT.fullmatch(specifier.strip()):
        raise SpecError(
            f"{specifier!r} admits one release of Python, the first of its series",
            hint=f"write {specifier.strip()}.* for the whole series",
        )
    return found


def conflict(wishes: Sequence[PythonWish]) -> str | None:
    """One sentence about two wishes, or all of them, that no Python can meet; None where one can.

    Two are named where two are at odds by themselves.
    """
    if _newest(wishes) is not None:
        return None
    for index, one in enumerate(wishes):
        for other in wishes[index + 1 :]:
            if _newest((one, other)) is None:
                return f"{one.where} asks for Python {one.said}, and {other.where} for {other.said}"
    places = " and ".join(f"{each.where} ({each.said})" for each in wishes)
    return f"no Python is what all ask for: {places}"


def preferred(wishes: Sequence[PythonWish]) -> str | None:
    """The version to look for: a pinned one, else the newest minor where newer ones are ruled out.

    None where the newest Python there is will do.
    """
    pins = [each.pin for each in wishes if each.pin is not None]
    if pins:
        return max(pins, key=lambda pin: pin.count("."))
    return None if all(each.admits(_FAR) for each in wishes) else _newest(wishes)


def unmet(wishes: Iterable[PythonWish], version: str) -> PythonWish | None:
    """The first wish that a Python does not meet."""
    return next((each for each in wishes if not each.admits(version)), None)


def _newest(wishes: Sequence[PythonWish]) -> str | None:
    """The newest minor version of which one release would do for all."""
    minors = [_FAR, *(f"3.{minor}" for minor in reversed(_MINORS))]
    return next((minor for minor in minors if _admitted(wishes, minor)), None)


def _admitted(wishes: Sequence[PythonWish], minor: str) -> bool:
    """Whether a single release of this minor is admitted by all."""
    wanted = [SpecifierSet(each.specifier) for each in wishes]
    return any(
        all(each.contains(f"{minor}.{patch}", prereleases=True) for each in wanted)
        for patch in _PATCHES
    )
