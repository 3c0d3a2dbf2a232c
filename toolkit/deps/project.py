"""A dependency as the metadata of a project or script has it (PEP 508), and the Python it wants.

Hides what sets it apart from a line of a requirements file: it has a name, no option and no
variable, and uv's own table may say where it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from packaging.utils import canonicalize_name

from toolkit.deps.gathering import Gathering
from toolkit.deps.python import wish
from toolkit.deps.requirement import Wish, understand
from toolkit.deps.sources import Source
from toolkit.deps.tables import Entry
from toolkit.deps.uv_sources import UvSources
from toolkit.errors import SpecError

_NOWHERE: Final = UvSources()


def canonical(name: str) -> str:
    """A name as it is compared."""
    return str(canonicalize_name(name))


def understood(text: str) -> Wish:
    """Read a dependency of PEP 508. Raises SpecError, without a place."""
    if not text.isprintable():
        raise SpecError(f"{text!r} has a character that cannot be printed", hint="remove it")
    found = understand(text.strip())
    if found.name is None:
        raise SpecError(
            f"{text!r} has no name, which a dependency of a project must have",
            hint="write it as in: NAME @ URL",
        )
    return found


def add(
    text: str,
    entry: Entry,
    into: Gathering,
    *,
    places: UvSources = _NOWHERE,
    constraint: bool = False,
) -> None:
    """Take one dependency of a document."""
    line = entry.said(text)
    with into.at(entry.where, line):
        for each in places.placed(understood(text)):
            found = into.understood(each, entry.source, line)
            into.add(replace(found, entry=entry.name), constraint=constraint)


def read_python(value: object, name: str, source: Source, into: Gathering) -> None:
    """Take a `requires-python`, where there is one."""
    where = f"{source.shown}: {name}"
    if value is not None:
        with into.at(where):
            into.add_python(wish(value, where))
