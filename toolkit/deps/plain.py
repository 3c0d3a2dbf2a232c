"""Packages, and an index, that are named on the command line and in no file: `--with numpy`.

Hidden here: that there is no file to have lines of; what is wrong is told of the option.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from toolkit.deps.gathering import Gathering
from toolkit.deps.local import Project
from toolkit.deps.requirement import understand
from toolkit.deps.sources import Source
from toolkit.deps.text import LogicalLine
from toolkit.errors import SpecError

OPTION: Final = "--with"
_INDEX: Final = "--index"


def read(packages: Sequence[str], project: Project, into: Gathering) -> None:
    """Take each as the text of a requirement; an option is none."""
    source = Source(project.root / OPTION, OPTION, project)
    for text in packages:
        line = LogicalLine(0, text, text)
        with into.at(OPTION, line):
            if text.startswith("-"):
                raise SpecError(
                    f"{text!r} is an option, not a package",
                    hint="write options in a requirements file, and give it with --deps",
                )
            if not text.strip().isprintable():
                raise SpecError(
                    f"{text!r} has a character that cannot be printed", hint="remove it"
                )
            into.add(into.understood(understand(text.strip()), source, line))


def read_index(url: str, project: Project, into: Gathering) -> None:
    """Take the package index that counts, whatever the files say."""
    line = LogicalLine(0, url, url)
    with into.at(_INDEX, line):
        into.set_option("index-url", url, Source(project.root / _INDEX, _INDEX, project), line)
