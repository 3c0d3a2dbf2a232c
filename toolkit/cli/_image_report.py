"""One image, as `toolkit images inspect` shows it: to people, and as JSON."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from toolkit.cli import printable
from toolkit.cli._figures import age, amount, chart, table
from toolkit.images import Seen

SHOWN: Final = 20
_LONGEST: Final = 60


def document(seen: Seen) -> dict[str, Any]:
    """Everything that is known of it, but for the version of the document."""
    stored, found = seen.stored, seen.contents
    return {
        "image": seen.name,
        "id": stored.id,
        "size": stored.size,
        "platform": stored.platform,
        "packages": [
            {
                "name": each.name,
                "version": each.version,
                "size": each.size,
                "licences": list(each.licences),
                "sha256": each.sha256 or None,
                "source": each.source or None,
            }
            for each in found.distributions
        ],
        "other_size": found.other,
        "system": {
            "name": found.system.name,
            "version": found.system.version,
            "packages": [
                {"name": each.name, "version": each.version, "architecture": each.architecture}
                for each in found.system.packages
            ],
        },
        "layers": [
            {"digest": each.digest, "size": each.size, "instruction": each.instruction}
            for each in seen.layers
        ],
        "provenance": dict(seen.provenance),
    }


def lines(seen: Seen, *, everything: bool) -> Iterator[str]:
    """The report, as wide as the terminal."""
    width = shutil.get_terminal_size().columns
    yield f"{seen.name}, {amount(seen.stored.size)}, {age(time.time() - seen.built.made)} old"
    yield ""
    yield from _packages(seen, width=width, everything=everything)
    yield ""
    yield "Layers"
    rows = [(amount(each.size), _shortened(each.instruction, width - 14)) for each in seen.layers]
    yield from _indented(table(rows, right=(0,)) if rows else [])
    yield ""
    yield "Made from"
    yield from _indented(table(list(_facts(seen.provenance))))


def _packages(seen: Seen, *, width: int, everything: bool) -> Iterator[str]:
    found = seen.contents
    rows = [
        (printable(each.name), printable(each.version), each.size) for each in found.distributions
    ]
    total = sum(size for _, _, size in rows) + found.other
    shown = rows if everything else rows[:SHOWN]
    if rest := rows[len(shown) :]:
        shown = [*shown, (f"{len(rest)} more", "", sum(size for _, _, size in rest))]
    shown = [*shown, ("other files", "", found.other)]
    yield f"Packages: {len(rows)} in {amount(total)}"
    yield from _indented(chart(shown, width=width - 2, glyph=_glyph(), total=total))


def _facts(provenance: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in provenance.items():
        words = key.replace("_", " ")
        if isinstance(value, dict):
            yield from ((f"input {part}", _twelve(str(each))) for part, each in value.items())
        elif isinstance(value, list):
            yield words, printable(", ".join(value)) or "none"
        elif isinstance(value, bool):
            yield words, "yes" if value else "no"
        else:
            yield words, printable(str(value)) if value else "not recorded"


def _indented(text: Iterable[str]) -> Iterator[str]:
    return (f"  {line}".rstrip() for line in text)


def _shortened(text: str, width: int) -> str:
    words, room = printable(" ".join(text.split())) or "not recorded", max(_LONGEST, width)
    return words if len(words) <= room else f"{words[: room - 3]}..."


def _twelve(digest: str) -> str:
    """The digits by which people tell digests apart."""
    kind, colon, digits = digest.rpartition(":")
    return f"{kind}{colon}{digits[:12]}" if len(digits) == 64 else digest


def _glyph() -> str:
    """A bar of blocks on a terminal that can show them, of number signs everywhere else."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return "\N{FULL BLOCK}" if sys.stdout.isatty() and encoding == "utf8" else "#"
