"""Dependency files: from what people have to one frozen value.

`read` is the way in. One module a job: `formats` tells files apart, `text` decodes and joins lines,
`statements` takes a line apart, `requirement` understands what is wanted, `urls` and `local` know
where it is, `tree` reads a folder, `closure` walks the includes and gathers, `dependencies` is the
result.
"""

from __future__ import annotations

from toolkit.deps.dependencies import (
    CONTEXT_MOUNT,
    Dependencies,
    IndexOptions,
    LocalFile,
    Requirement,
)
from toolkit.deps.reading import read
from toolkit.deps.urls import Credential

__all__ = [
    "CONTEXT_MOUNT",
    "Credential",
    "Dependencies",
    "IndexOptions",
    "LocalFile",
    "Requirement",
    "read",
]
