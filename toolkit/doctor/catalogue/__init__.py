"""The checks, in the order in which they are made, a module a group.

Ids, levels, prerequisites and what counts are those of the reference (issue #5). A check that is
asked for with `--deep` may have a second half, which tries what the first was only told.
"""

from __future__ import annotations

from typing import Final

from toolkit.doctor.catalogue import client, dood, endpoint, engine, gc, image, net
from toolkit.doctor.check import Check

CHECKS: Final[tuple[Check, ...]] = (
    *client.CHECKS,
    *endpoint.CHECKS,
    *engine.CHECKS,
    *dood.CHECKS,
    *image.CHECKS,
    *net.CHECKS,
    *gc.CHECKS,
)
