"""The catalogue: one folder an image, with an image.toml in it.

Hidden here: how a name becomes a folder, and which one was meant by a name that is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from toolkit.errors import SpecError

FILE: Final = "image.toml"


def entries(catalogue: Path) -> Iterator[tuple[str, Path]]:
    """Each image's name and its image.toml, by the names."""
    for path in sorted(catalogue.glob(f"*/{FILE}")):
        yield path.parent.name, path


def find(name: str, catalogue: Path) -> Path:
    """The image.toml of that name. Raises SpecError where the catalogue has none."""
    known = dict(entries(catalogue))
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    raise SpecError(
        f"the catalogue has no image {name!r}" + (f", did you mean {near[0]!r}?" if near else ""),
        hint="list them by `toolkit catalog`, or name a file with --deps or --spec",
    )
