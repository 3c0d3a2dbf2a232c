"""Dependency files: from what people have to one frozen value.

`read` is the way in; `formats` tells files apart, `folder` those of a folder. One module a format:
`closure` (requirements files with what they include), `pyproject`, `script`, `pylock`, `uv_lock`,
`poetry`, `pipenv`, `conda`, `debian`, `python_version`, `plain`. `locked` chooses what of a lock is
for a `target`, `pinning` holds it against what it was made for. One module a job: `text` decodes
and joins lines, `statements` takes one apart, `tables` a document, `requirement` understands what
is wanted, `urls` and `local` know where it is, `tree` reads a folder, `gathering` holds what was
found, `dependencies` is the result.
"""

from __future__ import annotations

from toolkit.deps.dependencies import (
    CONTEXT_MOUNT,
    Dependencies,
    IndexOptions,
    LocalFile,
    Requirement,
)
from toolkit.deps.gathering import Export
from toolkit.deps.locked import select
from toolkit.deps.pinning import pinned, record
from toolkit.deps.python import PythonWish
from toolkit.deps.python import preferred as preferred_python
from toolkit.deps.python import unmet as unmet_python
from toolkit.deps.reading import read
from toolkit.deps.selection import Selection
from toolkit.deps.target import Target
from toolkit.deps.urls import Credential

__all__ = [
    "CONTEXT_MOUNT",
    "Credential",
    "Dependencies",
    "Export",
    "IndexOptions",
    "LocalFile",
    "PythonWish",
    "Requirement",
    "Selection",
    "Target",
    "pinned",
    "preferred_python",
    "read",
    "record",
    "select",
    "unmet_python",
]
