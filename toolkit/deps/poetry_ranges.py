"""Ranges of versions as Poetry writes them: `^1.2`, `~1.2`, `1.*`, `>=1,<2 || >3`.

Hides the spelling: what it comes to is a set of PEP 440's specifiers, of which one has to hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from toolkit.errors import SpecError

_SHOWN: Final = 80
_OR: Final = re.compile(r"\|\|?")
_AND: Final = re.compile(r"\s*,\s*|\s+(?=[<>=!~^])")
_CARET: Final = re.compile(r"\^\s*v?(\d{1,9}(?:\.\d{1,9})*)(\S*)")
_TILDE: Final = re.compile(r"~\s*v?(\d{1,9}(?:\.\d{1,9})*)(\S*)")
_BARE: Final = re.compile(r"v?\d\S*")
_STAR: Final = re.compile(r"(==|!=)?\s*v?(\d+(?:\.\d+)*)\.[*x]")


@dataclass(frozen=True, slots=True)
class Range:
    """Alternatives, of which one has to hold; none at all is any version."""

    alternatives: tuple[SpecifierSet, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Range:
        """Read a range. Raises SpecError, without a place."""
        alternatives = []
        for part in _OR.split(text):
            found = specifiers(part)
            if not found:
                return cls()
            try:
                alternatives.append(SpecifierSet(found))
                for each in alternatives[-1]:
                    each.contains("1")  # else too many digits are found out only later
            except ValueError as error:  # InvalidSpecifier is one
                raise SpecError(
                    f"{text[:_SHOWN]!r} is not a range of versions", hint="write it as in: ^1.2"
                ) from error
        return cls(tuple(alternatives))

    def has(self, version: Version) -> bool:
        """Whether a version is within it."""
        found = self.alternatives
        return not found or any(each.contains(version, prereleases=True) for each in found)


def specifiers(text: str) -> str:
    """Conditions that all have to hold, as PEP 440 has them; "" where any version will do."""
    words = (word for word in _AND.split(text.strip()) if word and word != "*")
    return ",".join(map(_specifier, words))


def _specifier(word: str) -> str:
    if caret := _CARET.fullmatch(word):
        return f">={caret[1]}{caret[2]},<{_after(caret[1])}"
    if star := _STAR.fullmatch(word):
        return f"{star[1] or '=='}{star[2]}.*"
    if not word.startswith("~=") and (tilde := _TILDE.fullmatch(word)):
        parts = tilde[1].split(".")[:2]
        return f">={tilde[1]}{tilde[2]},<{_next(parts, len(parts) - 1)}"
    return f"=={word}" if _BARE.fullmatch(word) else word


def _after(version: str) -> str:
    """The first version that may break what another promised: its first part that is not 0."""
    parts = version.split(".")
    last = len(parts) - 1
    return _next(parts, next((at for at, part in enumerate(parts) if int(part)), last))


def _next(parts: list[str], at: int) -> str:
    return ".".join((*parts[:at], str(int(parts[at]) + 1)))
