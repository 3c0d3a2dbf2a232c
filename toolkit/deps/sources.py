"""A file that is read: where it is, how it is called in messages, to which project it belongs.

Hides how its bytes are fetched and every way in which that can go wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from toolkit.deps.local import Project
from toolkit.errors import SpecError

MAX_FILE_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """A dependency file. `shown` is how the user called it."""

    path: Path
    shown: str
    project: Project


def content(source: Source, *, hint: str = "check the name of the file") -> bytes:
    """Give the bytes of a file. Raises SpecError, without its name."""
    try:
        with source.path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise SpecError("no such file", hint=hint) from error
    except IsADirectoryError as error:
        raise SpecError("this is a folder", hint="name the file in it") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise SpecError(f"the file cannot be read: {reason}", hint=hint) from error
    if len(data) > MAX_FILE_BYTES:
        raise SpecError(
            f"the file is larger than {MAX_FILE_BYTES >> 20} MiB",
            hint="name a file of dependencies; this is hardly one",
        )
    return data
