"""What a result keeps of an output."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.worker.result import Capture

MARK = b"\n[... output truncated ...]\n"


@given(st.lists(st.binary(max_size=30), max_size=20), st.integers(0, 100))
def test_head_and_tail_are_kept_however_the_output_was_cut(pieces: list[bytes], limit: int) -> None:
    capture = Capture(limit)
    for piece in pieces:
        capture.add(piece)
    whole = b"".join(pieces)
    assert capture.truncated == (len(whole) > limit)
    if len(whole) <= limit:
        assert capture.value() == whole
    else:
        tail = limit // 2
        head = limit - tail
        assert capture.value() == whole[:head] + MARK + whole[len(whole) - tail :]


@pytest.mark.parametrize("piece", [1, 10_000])
def test_memory_is_bounded_by_the_limit_and_one_piece(piece: int) -> None:
    capture = Capture(1000)
    for _ in range(5000):
        capture.add(b"x" * piece)
        assert len(capture._head) + capture._tail_size <= 1000 + piece
