"""What a runner of GitHub Actions obeys in a log: commands of ours, and none of anybody else.

A command is `::…` at the start of a line, or `##[…` anywhere in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

END_GROUP: Final = "::endgroup::"


def reads(environment: Mapping[str, str]) -> bool:
    """Whether such a runner reads what is written."""
    return environment.get("GITHUB_ACTIONS") == "true"


def inert(line: str) -> str:
    """The line as text that no runner obeys."""
    shown = line.replace("##[", "## [")
    bare = shown.lstrip()
    return f"{shown[: len(shown) - len(bare)]}: :{bare[2:]}" if bare.startswith("::") else shown


def group(title: str) -> str:
    """The command that begins a group, which ends with END_GROUP."""
    return f"::group::{_data(title)}"


def error(text: str) -> str:
    """The command that marks a failure; the page of the run shows it, too."""
    return f"::error title=toolkit::{_data(text)}"


def _data(text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return escaped.replace("##[", "## [")
