"""A tar as it comes from the engine, whole or cut short."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import pytest

from toolkit.errors import EngineError
from toolkit.images.archive import read_tar


def packed() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in {"venv/a": b"x" * 1300, "venv/b/METADATA": b"Name: b\n"}.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
        link = tarfile.TarInfo("venv/lib64")
        link.type, link.linkname = tarfile.SYMTYPE, "lib"
        tar.addfile(link)
    return buffer.getvalue()


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def read(data: bytes, size: int = 65536) -> list[tuple[str, int, bytes]]:
    return list(read_tar(pieces(data, size), wants=lambda path: path.endswith("METADATA")))


WHOLE = [("venv/a", 1300, b""), ("venv/b/METADATA", 8, b"Name: b\n")]


@pytest.mark.parametrize("size", [1, 7, 511, 512, 513, 65536])
def test_it_is_read_however_it_is_cut_into_pieces(size: int) -> None:
    assert read(packed(), size) == WHOLE


def test_one_that_ends_early_is_an_error_or_lacks_nothing() -> None:
    """At any place: only the empty blocks at the end may be missing."""
    data = packed()
    for end in range(0, len(data), 37):
        try:
            found = read(data[:end])
        except EngineError as error:
            assert str(error).startswith("reading the files of an image failed: ")  # noqa: PT017
        else:
            assert found == WHOLE, end


def test_what_is_no_tar_is_an_error() -> None:
    with pytest.raises(EngineError, match="reading the files of an image failed: ") as caught:
        read(b"<html>" * 200)
    assert caught.value.hint == "try again; the engine's log may say why its answer was cut short"
