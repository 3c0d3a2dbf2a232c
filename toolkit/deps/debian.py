"""Lists of Debian packages: `apt.txt`, a name a line.

Hides the grammar of names. It is anchored at both ends: a name is one, or it is refused, for names
reach a command of the build.
"""

from __future__ import annotations

import re
from typing import Final

from toolkit.deps.gathering import Gathering
from toolkit.deps.sources import Source
from toolkit.errors import SpecError

# Debian policy 5.6.1 (names), 5.6.12 (versions), with the architecture after a colon.
# To apt-get a name that ends in `-` is one to be removed, and `+` is spared: g++ is a name.
PACKAGE: Final = re.compile(
    r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.](?::[a-z0-9]+(?:-[a-z0-9]+)*)?(?:=[A-Za-z0-9.+:~-]+)?"
)
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")
_NEWLINE: Final = re.compile(r"\r\n|\r|\n")


def read(content: str, source: Source, into: Gathering) -> None:
    """Read a list of what the image needs."""
    _read(content, source, into, build=False)


def read_build(content: str, source: Source, into: Gathering) -> None:
    """Read a list of what only the build needs."""
    _read(content, source, into, build=True)


def _read(content: str, source: Source, into: Gathering, *, build: bool) -> None:
    for number, line in enumerate(_NEWLINE.split(content), start=1):
        for word in _COMMENT.sub("", line).split():
            if PACKAGE.fullmatch(word):
                into.add_apt(word, build=build)
                continue
            into.wrong(
                f"{source.shown}:{number}",
                SpecError(
                    f"{word!r} is not the name of a Debian package",
                    hint="write a name a line, such as libpq5 or libpq5=15.8-0+deb12u1",
                ),
            )
