"""Bytes that come in chunks of any size, as a file that `tarfile` can read once.

Hidden here: no chunk is copied but for what is asked of it, however large it is.
"""

from __future__ import annotations

import io
from collections.abc import Iterable


class Reading(io.RawIOBase):
    """The file. `given` is how many bytes have been read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._left = memoryview(b"")
        self.given = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts: list[memoryview] = []
        wanted = size
        while wanted:
            if not self._left:
                chunk = next(self._chunks, None)
                if chunk is None:
                    break
                self._left = memoryview(chunk)
            taken = self._left if wanted < 0 else self._left[:wanted]
            self._left = self._left[len(taken) :]
            parts.append(taken)
            self.given += len(taken)
            wanted -= len(taken) if wanted > 0 else 0
        return b"".join(parts)

    def skip(self) -> None:
        """Take what is left, for whoever made the chunks looks at all of them."""
        self._left = memoryview(b"")
        for _ in self._chunks:
            pass
