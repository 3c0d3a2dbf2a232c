"""A guard against accidents in shell code: five things that no block should do. Pure.

It is no boundary: whoever wants to, gets around it, and Python code is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from toolkit.coding.execution import ExecutorValueError

_SHELLS: Final = frozenset(("bash", "shell", "sh"))
_REMOVE: Final = re.compile(r"\brm((?:[ \t]+-[\w-]+)+)")
_MOVE: Final = re.compile(r"\bmv\b")
_NOWHERE: Final = re.compile(r"\s/dev/null")


def sanitize_command(lang: str, code: str) -> None:
    """Raise ValueError for shell code that does one of them."""
    if lang not in _SHELLS:
        return
    for is_in, reason in _DANGERS:
        if is_in(code):
            raise ExecutorValueError(
                f"Potentially dangerous command detected: {reason}",
                hint="write the block without it, or run it in a container",
            )


def _removes_by_force(code: str) -> bool:
    """`rm -rf`, however its options are written."""
    return any(_is_forced(found[1].split()) for found in _REMOVE.finditer(code))


def _is_forced(options: list[str]) -> bool:
    letters = "".join(option for option in options if not option.startswith("--"))
    recurses = "r" in letters.lower() or "--recursive" in options
    return recurses and ("f" in letters or "--force" in options)


def _moves_to_nowhere(code: str) -> bool:
    moves = ((line, _MOVE.search(line)) for line in code.split("\n"))
    return any(found and _NOWHERE.search(line, found.end()) for line, found in moves)


def _has(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern).search


_DANGERS: Final[tuple[tuple[Callable[[str], object], str], ...]] = (
    (_removes_by_force, "Use of 'rm -rf' command is not allowed."),
    (_moves_to_nowhere, "Moving files to /dev/null is not allowed."),
    (_has(r"\bdd\b"), "Use of 'dd' command is not allowed."),
    (_has(r">\s*/dev/sd[a-z][0-9]?"), "Overwriting disk blocks directly is not allowed."),
    (_has(r":\(\)\s*\{\s*:\s*\|\s*:\s*&\s*\}\s*;\s*:"), "Fork bombs are not allowed."),
)
