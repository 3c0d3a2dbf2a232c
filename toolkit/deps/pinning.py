"""A wish, and the lock that was made for it: joined, and held against each other.

Hides what a lock says of its making, so that one which was made for another wish is told by it, and
what can be seen of a lock that says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from packaging.specifiers import SpecifierSet

from toolkit.deps.dependencies import Dependencies, Requirement
from toolkit.errors import Problem, SpecError

TOOL: Final = "toolkit"
"""Our table in a lock, below `tool`."""

_AGAIN: Final = "lock again with `toolkit lock --spec FILE`, or build with --unlocked"


def record(wanted: Dependencies) -> Mapping[str, Any]:
    """What a lock keeps of the wish that it was made for."""
    lists = {
        "requirements": sorted({each.text for each in wanted.requirements}),
        "constraints": sorted({each.text for each in wanted.constraints}),
    }
    found: dict[str, Any] = {key: texts for key, texts in lists.items() if texts}
    if wanted.exclude_newer is not None:
        found["exclude-newer"] = wanted.exclude_newer
    return found


def pinned(wanted: Dependencies, lock: Dependencies) -> Dependencies:
    """What is wanted, to be installed as the lock has it. `lock` was read from one file.

    Whether it covers what is wanted on one machine, `select` looks. Raises SpecError where the file
    is no lock, or was made for something else.
    """
    (file,) = lock.files
    if not lock.locks:
        raise SpecError(
            f"{file} is not a lock", hint="write one with `toolkit lock --spec`, and name that"
        )
    if wanted.locks:
        raise SpecError(
            f"{wanted.locks[0].file} is a lock, and {file} is named as the lock of it",
            hint="leave one of the two out",
        )
    if wanted.local:
        raise SpecError(
            f"{wanted.local[0].shown} is a file of this machine, which a lock cannot name",
            hint="leave it out, or leave the lock out",
        )
    if problems := tuple(_changes(wanted, lock, file)):
        raise SpecError.gathered(problems, hint=_AGAIN)
    credentials = dict.fromkeys((*wanted.credentials, *lock.credentials))
    return replace(
        wanted,
        locks=lock.locks,
        local=lock.local,
        credentials=tuple(credentials),
        files=(*wanted.files, *lock.files),
        pythons=(*wanted.pythons, *lock.pythons),
    )


def uncovered(wanted: Requirement, found: Requirement | None, lock: str) -> Iterator[Problem]:
    """What a lock lacks of a wish that holds on the machine for which the lock was read."""
    if found is None:
        yield Problem(wanted.where, f"{wanted.name} is asked for, and is not in {lock}")
    elif wanted.specifier and found.specifier:
        version = found.specifier.removeprefix("==")
        if not SpecifierSet(wanted.specifier).contains(version, prereleases=True):
            text = f"{wanted.name}{wanted.specifier} is asked for, and {lock} has {version}"
            yield Problem(wanted.where, text)


def refuse(problems: list[Problem]) -> None:
    """Raise SpecError for what a lock lacks, if there is anything."""
    if problems:
        raise SpecError.gathered(problems, hint=_AGAIN)


def _changes(wanted: Dependencies, lock: Dependencies, file: str) -> Iterator[Problem]:
    """What is asked for now and was not, and what was and is not now."""
    pylock = lock.locks[0].pylock
    made = (pylock.tool or {}).get(TOOL) if pylock is not None else None
    if not isinstance(made, Mapping):
        return  # by another tool, which does not say what for
    now = record(wanted)
    for key in ("requirements", "constraints"):
        before, after = _texts(made.get(key)), _texts(now.get(key))
        for text in sorted(after - before):
            yield Problem(file, f"{text!r} is asked for, and was not when it was locked")
        for text in sorted(before - after):
            yield Problem(file, f"{text!r} was asked for when it was locked, and is not now")
    was, given = (_said(each.get("exclude-newer")) for each in (made, now))
    if was != given:
        yield Problem(file, f"exclude-newer is {given}, and was {was} when it was locked")


def _texts(value: object) -> set[str]:
    return set(map(str, value)) if isinstance(value, list) else set()


def _said(value: object) -> str:
    return "not given" if value is None else repr(value)
