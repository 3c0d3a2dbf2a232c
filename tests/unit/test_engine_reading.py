"""Chunks as a file: the same bytes, however they were cut and are asked for."""

from __future__ import annotations

import pytest

from toolkit.engine.reading import Reading

WHOLE = bytes(range(256)) * 5


@pytest.mark.parametrize("cut", [1, 7, 512, 4096])
@pytest.mark.parametrize("asked", [1, 10, 600, 5000, -1])
def test_what_is_read_is_what_came(cut: int, asked: int) -> None:
    file = Reading(WHOLE[at : at + cut] for at in range(0, len(WHOLE), cut))
    found = list(iter(lambda: file.read(asked), b""))
    assert b"".join(found) == WHOLE
    assert all(len(each) == asked for each in found[:-1])
    assert file.given == len(WHOLE)


def test_an_empty_chunk_is_not_the_end() -> None:
    assert Reading([b"a", b"", b"b"]).read(2) == b"ab"


def test_what_is_skipped_has_come_but_is_not_given() -> None:
    chunks = iter([b"ab", b"c", b"d"])
    file = Reading(chunks)
    assert file.read(1) == b"a"
    file.skip()
    assert (list(chunks), file.read(1), file.given) == ([], b"", 1)
