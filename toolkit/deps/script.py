"""A script that says itself what it needs: the block of PEP 723.

Hides the grammar of such blocks. One that is opened and not closed is none, as the PEP has it; of
several closing lines in one run of comments the last counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from toolkit.deps import project, tables, uv_settings
from toolkit.deps.gathering import Gathering
from toolkit.deps.sources import Source
from toolkit.errors import SpecError

_START: Final = re.compile(r"# /// ([a-zA-Z0-9-]+)")
_END: Final = "# ///"
_NEWLINE: Final = re.compile(r"\r\n|\n|\r")


def has_block(content: str) -> bool:
    """Whether a text has a block of metadata for scripts."""
    return "# /// script" in content and next(_blocks(content), None) is not None


def read(content: str, source: Source, into: Gathering) -> None:
    """Read a script's block: its dependencies, its Python, and what it says to uv."""
    with into.at(source.shown):
        found = list(_blocks(content))
        if len(found) > 1:
            raise SpecError(
                f"the script has {len(found)} blocks '# /// script'", hint="keep one of them"
            )
        (_, block) = found[0]
        table = tables.parse(block)
        project.read_python(table.get("requires-python"), "requires-python", source, into)
        lines = tables.Lines(content)
        for entry, text in tables.strings(table.get("dependencies"), "dependencies", source, into):
            project.add(text, tables.Entry(source, entry, lines.of(text)), into)
        uv_settings.read(tables.table(table, "tool", "uv"), "tool.uv", source, into)


def _blocks(content: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the TOML text of each block of the type `script`."""
    lines = _NEWLINE.split(content)
    number = 0
    while number < len(lines):
        start = _START.fullmatch(lines[number])
        number += 1
        if start is None:
            continue
        end = number
        while end < len(lines) and (lines[end] == "#" or lines[end].startswith("# ")):
            end += 1
        run = lines[number:end]
        if _END not in run:
            continue
        size = len(run) - run[::-1].index(_END) - 1
        if start[1] == "script":
            yield number, "".join(f"{line[2:]}\n" for line in run[:size])
        number += size + 1
