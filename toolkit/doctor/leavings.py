"""How it is found out what of ours is about, on the engine and in folders. Nothing is removed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from toolkit import labels
from toolkit.coding import scratch
from toolkit.doctor import facts
from toolkit.engine import Engine
from toolkit.lifecycle import survey

_PROOF: Final = ".toolkit-proof-"
_STALE: Final = 3600.0
"""Seconds after which nobody is still proving with such a file."""
_MOST: Final = 10_000
"""Entries of a work dir that are looked at; doctor is to be quick."""


def belongings(engine: Engine) -> facts.Belongings:
    """Sort what is ours by how it stands; what is in use is nobody's concern here."""
    found = survey(engine)

    def names(standing: str, *, stores: bool = False) -> tuple[str, ...]:
        return tuple(
            each.name
            for each, verdict in found
            if verdict.standing == standing and (each.kind != "container") is stores
        )

    running = {each.name for each, _ in found if each.state == "running"}
    kept = names("kept")
    return facts.Belongings(
        dead=names("dead"),
        running=tuple(name for name in kept if name in running),
        stopped=tuple(name for name in kept if name not in running),
        unknown=names("unknown"),
        dead_stores=names("dead", stores=True),
        kept_stores=names("kept", stores=True),
        oldest=max(
            (_age(each.labels) for each, verdict in found if verdict.standing == "dead"),
            default=0.0,
        ),
    )


def _age(carried: Mapping[str, str]) -> float:
    created = carried.get(labels.CREATED, "")
    return max(time.time() - int(created), 0.0) if created.isdecimal() else 0.0


def files(work_dir: Path | None) -> facts.Files:
    """Find what is left in the temporary folder and in the work dir, where one was given."""
    folders = tuple(map(str, scratch.abandoned()))
    if work_dir is None:
        return facts.Files(folders=folders)
    old = time.time() - _STALE
    entries = list(islice(_entries(work_dir), _MOST))
    proofs = [path for path, found in entries if path.name.startswith(_PROOF)]
    theirs = [path for path, found in entries if found.st_uid != os.geteuid()]
    return facts.Files(
        work_dir=str(work_dir),
        folders=folders,
        proofs=tuple(str(path) for path in proofs if path.lstat().st_mtime < old),
        others=len(theirs),
        example=str(theirs[0]) if theirs else "",
    )


def _entries(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            try:
                yield path, path.lstat()
            except OSError:  # it is gone meanwhile
                continue
