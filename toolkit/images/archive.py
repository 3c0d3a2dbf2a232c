"""A tar from the engine, read as it comes: names and sizes of all, the bytes of what is wanted.

Hides `tarfile`, and that what comes may be cut short or be no tar at all.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from typing import IO, Final, cast

from toolkit.errors import EngineError

LONGEST: Final = 32 << 20
"""The most that is read of one file: the longest RECORD of a package has 5 MB."""


def read_tar(
    chunks: Iterator[bytes], *, wants: Callable[[str], bool]
) -> Iterator[tuple[str, int, bytes]]:
    """Each regular file: its name in the tar, its size, and its bytes where they are wanted.

    Raises EngineError where the tar is broken.
    """
    stream = _Stream(chunks)
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isreg() else None
                if file is not None:
                    content = file.read(LONGEST) if wants(member.name) else b""
                    yield member.name, member.size, content
            # To tarfile an end between two files is one; a whole tar has empty blocks there.
            if stream.given < tar.offset + tarfile.BLOCKSIZE:
                raise tarfile.ReadError("it ended early")
    except tarfile.TarError as error:
        raise EngineError(f"reading the files of an image failed: {error}") from error


class _Stream:
    """Chunks as something that `tarfile` can read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""
        self.given = 0

    def read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0:
            if not self._left:
                self._left = next(self._chunks, b"")
                if not self._left:
                    break
            taken, self._left = self._left[:size], self._left[size:]
            parts.append(taken)
            size -= len(taken)
            self.given += len(taken)
        return b"".join(parts)
