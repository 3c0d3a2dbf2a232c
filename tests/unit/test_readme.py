"""The README's tables say what the code says."""

from __future__ import annotations

import pkgutil
import re
import runpy
from pathlib import Path

import toolkit
from toolkit import errors
from toolkit.cli import INTERRUPTED

README = Path(__file__).parents[2] / "README.md"


def rows(heading: str) -> list[list[str]]:
    """The cells of the tables below a heading, without the line that draws the table."""
    section = README.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    lines = section.partition("\n## ")[0].splitlines()
    cells = [re.split(r" ?\| ?", line.strip("|").strip()) for line in lines if line.startswith("|")]
    return [row for row in cells if set(row[0]) - set("-")]


def test_the_modules_are_these_in_the_order_of_imports() -> None:
    """The order is the one that tests/unit/test_layers.py holds the imports to."""
    order = runpy.run_path(str(Path(__file__).with_name("test_layers.py")))["ORDER"]
    there = {found.name for found in pkgutil.iter_modules(toolkit.__path__)}
    written = [row[0].strip("`") for row in rows("How it works")[1:]]
    assert written == [name for name in order if name in there]


def test_the_exit_codes_are_those_of_the_errors() -> None:
    """One row a family, with the family's own code."""
    written = {row[1].strip("`"): int(row[0]) for row in rows("Exit codes")[1:] if row[1]}
    subclasses = errors.ToolkitError.__subclasses__()
    families = [each for each in subclasses if each.__module__ == errors.__name__]
    assert written == {family.__name__: family.exit_code for family in families}
    assert [str(INTERRUPTED)] in [row[:1] for row in rows("Exit codes")]
