"""Which of the optional parts of the files are wanted: extras, groups, and packages by themselves.

Hides how names are compared, and what is said of one that no file has.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal

from packaging.utils import canonicalize_name

from toolkit.errors import SpecError

Kind = Literal["extra", "group"]

_WHEN: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|P(?:\d+[YMWD])*(?:T(?:\d+[HMS])+)?"
    r"|\d+ ?(?:hour|day|week|month|year)s?(?: ago)?"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for by name: `--extra`, `--group`, and `--with` for packages of no file.

    `newest` is the time after which uploads do not count, and `index` the package index in place of
    PyPI, whatever the files say of them.
    """

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    newest: str | None = None
    index: str | None = None

    def of(self, kind: Kind) -> tuple[str, ...]:
        """The extras or groups as they are compared, each once."""
        return normalized(self.extras if kind == "extra" else self.groups)

    def unknown(self, known: Collection[tuple[Kind, str]]) -> Iterator[SpecError]:
        """Yield an error for each name that is not among those that the files have."""
        kinds: tuple[Kind, ...] = ("extra", "group")
        for kind in kinds:
            there = sorted(name for of, name in known if of == kind)
            yield from (_unknown(kind, name, there) for name in self.of(kind) if name not in there)


def newest(text: object) -> str:
    """Check the time of an `exclude-newer`. Raises SpecError, without a place."""
    if not isinstance(text, str) or not text or not _WHEN.fullmatch(text) or text == "P":
        raise SpecError(
            f"{text!r} is neither a date nor a span of time",
            hint="write it as in: 2026-01-31, or 7 days",
        )
    return text


def normalized(names: Iterable[str]) -> tuple[str, ...]:
    """The names as they are compared, each once."""
    return tuple(dict.fromkeys(str(canonicalize_name(name)) for name in names))


def _unknown(kind: Kind, name: str, known: list[str]) -> SpecError:
    near = get_close_matches(name, known, n=1)
    if near:
        hint = f"did you mean --{kind} {near[0]}?"
    elif known:
        hint = f"name one of these: {', '.join(known)}"
    else:
        hint = f"leave --{kind} out, or name a file that has {kind}s"
    return SpecError(f"no file has {'an' if kind == 'extra' else 'a'} {kind} {name!r}", hint=hint)
