"""The parts of a spec that are more than a text."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from toolkit.context import DiskFile


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file of the image: where it is there, which file of this machine it is, and its mode."""

    target: str
    source: Path
    content: DiskFile
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Check:
    """What must succeed in the image: `argv` with `stdin`; `said` is it as it was written."""

    said: str
    argv: tuple[str, ...]
    stdin: bytes = field(default=b"", repr=False)
    source: Path | None = None
