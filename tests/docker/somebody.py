"""Commands as another user than root: one whom the machine has never heard of."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

import pytest

UID: Final = 4321


def as_somebody(*groups: int, uid: int = UID) -> tuple[str, ...]:
    """What to put before a command; these are the user's groups beside its own.

    It may read every file, for the virtual environment may be root's alone, and write to none that
    is not its own: opening a socket is writing to it.
    """
    if os.geteuid():
        pytest.skip("only root can be somebody else")
    return (
        *("setpriv", f"--reuid={uid}", f"--regid={uid}", *_groups(groups)),
        *("--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"),
        "--bounding-set=-all,+dac_read_search",
    )


def _groups(groups: Sequence[int]) -> tuple[str, ...]:
    return (f"--groups={','.join(map(str, groups))}",) if groups else ("--clear-groups",)
