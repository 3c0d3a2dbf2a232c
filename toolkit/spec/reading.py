"""Wishes, and what the files say that they name: the spec of all that.

Hidden here: that nothing at all may be asked for, and that a lock is read by itself, for it is held
against the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from toolkit import deps
from toolkit.deps import Dependencies, Export, IndexOptions, Selection
from toolkit.errors import SpecError
from toolkit.spec import ImageSpec, Wishes


def read(
    wishes: Wishes,
    *,
    env: Mapping[str, str],
    root: Path | None = None,
    allow_outside: bool = False,
    export: Export | None = None,
) -> ImageSpec:
    """Read the dependency files and the lock. The keywords are those of `deps.read`.

    Raises SpecError with all problems of a file, and where the lock is for something else.
    """

    def reading(paths: tuple[Path, ...], selection: Selection) -> Dependencies:
        return deps.read(
            paths,
            env=env,
            root=root,
            allow_outside=allow_outside,
            selection=selection,
            export=export,
        )

    wanted = wishes.selection
    if wishes.paths or wanted.packages or wanted.extras or wanted.groups:
        found = reading(wishes.paths, wanted)
    else:
        found = Dependencies(options=IndexOptions(index_url=wanted.index))
    if wishes.lock is not None:
        if not wishes.lock.exists():
            raise SpecError(
                f"{wishes.lock}: there is no such lock",
                hint="write it with `toolkit lock --spec FILE`, or build with --unlocked",
            )
        found = deps.pinned(found, reading((wishes.lock,), Selection()))
    return ImageSpec.of(wishes, found)
