"""A tar from the engine, read as it comes: names and sizes of all, the bytes of what is wanted.

Hides `tarfile`, and that what comes may be cut short or be no tar at all.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from typing import Final

from toolkit.engine.reading import Reading
from toolkit.errors import EngineError

LONGEST: Final = 32 << 20
"""The most that is read of one file: the longest RECORD of a package has 5 MB."""


def read_tar(
    chunks: Iterator[bytes], *, wants: Callable[[str], bool]
) -> Iterator[tuple[str, int, bytes]]:
    """Each regular file: its name in the tar, its size, and its bytes where they are wanted.

    Raises EngineError where the tar is broken.
    """
    stream = Reading(chunks)
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isreg() else None
                if file is not None:
                    content = file.read(LONGEST) if wants(member.name) else b""
                    yield member.name, member.size, content
            # To tarfile an end between two files is one; a whole tar has empty blocks there.
            if stream.given < tar.offset + tarfile.BLOCKSIZE:
                raise tarfile.ReadError("it ended early")
    except tarfile.TarError as error:
        raise EngineError(
            f"reading the files of an image failed: {error}",
            hint="try again; the engine's log may say why its answer was cut short",
        ) from error
