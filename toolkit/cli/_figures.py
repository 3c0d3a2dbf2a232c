"""Ages, durations, amounts and tables, as people read and write them: pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_UNITS: Final = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_PART: Final = re.compile(r"([0-9]{1,6})(w|d|h|min|m|s)")
_BYTES: Final = ("B", "kB", "MB", "GB", "TB")


def age(seconds: float) -> str:
    """Write an age as its largest unit: `40 s`, `12 min`, `3 h`, `9 d`."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def duration(text: str) -> float:
    """Read `30d`, `12h`, `1w2d` or `90min` as seconds. Raises ValueError."""
    parts = _PART.findall(text)
    if not parts or "".join(map("".join, parts)) != text:
        raise ValueError(
            f"{text!r} is not a duration such as 30d, 12h or 90min (w, d, h, min and s)"
        )
    return float(sum(int(number) * _UNITS[unit] for number, unit in parts))


def amount(size: float) -> str:
    """Write a number of bytes in decimal units, with three digits: `512 B`, `1.31 GB`."""
    for unit in _BYTES:
        # 999.5 would be written as 1000.
        if size < 999.5 or unit == _BYTES[-1]:
            break
        size /= 1000
    digits = 0 if unit == "B" or size >= 99.95 else 1 if size >= 9.995 else 2
    return f"{size:.{digits}f} {unit}"


def table(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Lines of columns that are as wide as they must be; those in `right` are set to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def chart(
    rows: Sequence[tuple[str, str, int]], *, width: int, glyph: str = "#", total: int
) -> list[str]:
    """A bar chart of (name, note, size): the longest bar is the first that is largest.

    Each has its figures beside it, so that nothing is told by a bar alone. `width` is that of the
    terminal, `total` what the shares are of.
    """
    if not rows:
        return []
    cells = [(name, note, amount(size), _share(size, total)) for name, note, size in rows]
    left = table(cells, right=(2, 3))
    room = max(10, width - max(map(len, left)) - 2)
    largest = max(1, *(size for _, _, size in rows))
    filled = [round(room * size / largest) for _, _, size in rows]
    longest = max(map(len, left))
    return [
        f"{text.ljust(longest)}  {glyph * max(count, int(size > 0))}".rstrip()
        for text, count, (_, _, size) in zip(left, filled, rows, strict=True)
    ]


def _share(size: int, total: int) -> str:
    share = 100 * size / total if total else 0.0
    return "<1 %" if 0 < share < 1 else f"{share:.0f} %"
