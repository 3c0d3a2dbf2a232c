"""The languages: their other names, their files' suffixes, and what runs them.

Hidden here: AutoGen's ten languages and its rule for quiet installs, which must agree with its own
to the letter, because the text of a block decides the name of its file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

ALIASES: Final[Mapping[str, str]] = {"py": "python", "python3": "python", "js": "javascript"}

POLICY: Final[Mapping[str, bool]] = {
    "bash": True,
    "shell": True,
    "sh": True,
    "pwsh": True,
    "powershell": True,
    "ps1": True,
    "python": True,
    "javascript": False,
    "html": False,
    "css": False,
}
"""Whether a block of that language is run, or saved only."""

SUFFIXES: Final[Mapping[str, str]] = {
    "bash": "sh",
    "shell": "sh",
    "sh": "sh",
    "pwsh": "ps1",
    "powershell": "ps1",
    "ps1": "ps1",
    "python": "py",
    "javascript": "js",
    "html": "html",
    "css": "css",
}

PROGRAMS: Final[Mapping[str, tuple[str, ...]]] = {
    "python": ("python", "python3"),
    "sh": ("sh",),
    "shell": ("sh",),
    "bash": ("bash",),
    "pwsh": ("pwsh", "powershell"),
    "powershell": ("pwsh", "powershell"),
    "ps1": ("pwsh", "powershell"),
    "javascript": ("node",),
}
"""What runs a language: the first of these that is where the code runs."""

_PIP: Final[Mapping[str, re.Pattern[str]]] = {
    "python": re.compile(r"! ?pip install"),
    **dict.fromkeys(("sh", "bash", "shell"), re.compile(r"pip install")),
}


def canonical(language: str) -> str:
    """One name a language: lower case, no alias."""
    lowered = language.lower()
    return ALIASES.get(lowered, lowered)


def silence_pip(code: str, language: str) -> str:
    """Make the lines that install packages quiet (` -qqq`), as AutoGen does."""
    pattern = _PIP.get(language)
    if pattern is None:
        return code
    return "\n".join(_silence(line, pattern) for line in code.split("\n"))


def _silence(line: str, pattern: re.Pattern[str]) -> str:
    found = pattern.match(line)
    if found is None or "-qqq" in line:
        return line
    return line.replace(found[0], f"{found[0]} -qqq")
