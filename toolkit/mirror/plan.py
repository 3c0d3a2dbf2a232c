"""Two snapshots of a folder → what to send, and what to remove. Pure.

A snapshot is every path in a folder and its stamp; see `tree`. Hidden here: what a stamp says, that
nothing is known of what is in a folder that could not be read, and which links stay at home.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from toolkit.mirror.records import MOST_ENTRIES, REMOVE, STAMP, BrokenError, Record

Snapshot = Mapping[bytes, bytes]

_STAMP: Final = re.compile(
    rb"f [0-7]{1,3} (\d{1,20}) -?\d{1,20} -?\d{1,20} \d{1,20}(?: ~)?"
    rb"|d [0-7]{1,3}|l [^\0]{1,4096}|x",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What makes the one folder the other: `remove` first, then `send`, each in this order.

    `size` is the bytes of the files. `left` are links that lead out of the folder: they stay.
    """

    send: tuple[bytes, ...]
    remove: tuple[bytes, ...]
    size: int
    left: tuple[bytes, ...]


def plan(before: Snapshot, after: Snapshot) -> Plan:
    """What has changed from the one to the other."""
    changed = sorted(path for path, stamp in after.items() if before.get(path) != stamp)
    left = tuple(path for path in changed if leaves(path, after[path]))
    send = tuple(path for path in changed if path not in left and after[path] != b"x")
    gone = {
        path
        for path in changed
        if path in before
        and ((before[path][:1] == b"d") != (after[path][:1] in {b"d", b"x"}) or path in left)
    }
    gone |= before.keys() - after.keys()
    if gone:
        unknown = tuple(path + b"/" for path, stamp in after.items() if stamp == b"x")
        gone = {path for path in gone if not path.startswith(unknown)}
    remove = tuple(sorted(gone, reverse=True))
    return Plan(send, remove, sum(_size(after[path]) for path in send), left)


def leaves(path: bytes, stamp: bytes) -> bool:
    """Whether it is a link that leads out of the folder, or could, by way of other links."""
    if stamp[:1] != b"l":
        return False
    target = stamp[2:]
    parts = [part for part in target.split(b"/") if part not in {b"", b"."}]
    ups = next((at for at, part in enumerate(parts) if part != b".."), len(parts))
    return target.startswith(b"/") or ups > path.count(b"/") or b".." in parts[ups:]


def listed(before: Snapshot, records: Iterable[Record]) -> dict[bytes, bytes]:
    """The snapshot that the other side tells, as what is another than before.

    Raises BrokenError for what cannot be one.
    """
    found = dict(before)
    told: set[bytes] = set()
    for record in records:
        is_gone = record.kind == REMOVE and record.path in before and not record.body
        is_there = record.kind == STAMP and _STAMP.fullmatch(record.body) is not None
        if record.path in told or not (is_gone or is_there):
            raise BrokenError(f"{record!r} in a listing")
        told.add(record.path)
        if is_gone:
            del found[record.path]
        else:
            found[record.path] = record.body
        if len(found) > MOST_ENTRIES:
            raise BrokenError(f"a listing of more than {MOST_ENTRIES} files and folders")
    return found


def _size(stamp: bytes) -> int:
    found = _STAMP.fullmatch(stamp)
    return int(found[1] or 0) if found else 0
