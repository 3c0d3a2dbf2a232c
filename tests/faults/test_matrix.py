"""Whatever hits a client, and whenever: nothing is left, nothing hangs, what is said is clear."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.cell import Cell, Outcome, why_not_confined
from tests.faults.matrix import MATRIX

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("cell", MATRIX, ids=str)
def test_nothing_is_left(
    cell: Cell,
    played: Callable[[Cell], list[Outcome]],
    judged: Callable[[Cell, list[Outcome]], None],
) -> None:
    if cell.fault.confined and (reason := why_not_confined()):
        pytest.skip(reason)
    judged(cell, played(cell))
