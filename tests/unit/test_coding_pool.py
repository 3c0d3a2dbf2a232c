"""How many containers an engine's host can bear."""

from __future__ import annotations

import pytest

from toolkit.coding.pool import capacity
from toolkit.profile import Limits

GIB = 1 << 30


@pytest.mark.parametrize(
    ("memory", "cpus", "wishes", "expected"),
    [
        (64 * GIB, 4, Limits(), 32),
        (4 * GIB, 4, Limits(), 16),
        (8 * GIB, 4, Limits(memory=2 * GIB), 4),
        (64 * GIB, 2, Limits(cpus=4), 4),
        (64 * GIB, 2, Limits(cpus=0.5), 16),
        (1 * GIB, 1, Limits(memory=2 * GIB), 1),
        (0, 0, Limits(), 8),
    ],
)
def test_memory_is_divided_and_processors_are_shared(
    memory: int, cpus: int, wishes: Limits, expected: int
) -> None:
    assert capacity({"MemTotal": memory, "NCPU": cpus}, wishes) == expected
