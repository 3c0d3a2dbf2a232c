"""What doctor is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Question:
    """What doctor was asked about: environment, home, and the options.

    `deps` are the dependency files that the image is made from.
    `deep` makes the checks that take their time, too; `offline` none that ask others than the
    engine.
    """

    env: Mapping[str, str]
    home: Path
    work_dir: Path | None = None
    image: str | None = None
    bind_dir: str | None = None
    deps: tuple[Path, ...] = ()
    deep: bool = False
    offline: bool = False
