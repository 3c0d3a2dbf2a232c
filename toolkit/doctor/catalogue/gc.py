"""The checks of what is left over."""

from __future__ import annotations

from typing import Final

from toolkit.doctor import gc
from toolkit.doctor.check import REACHED, Check, composed

CHECKS: Final = (
    Check(
        id="gc.containers",
        title="containers of ours",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.belongings, gc.containers),
    ),
    Check(
        id="gc.volumes",
        title="networks and volumes of ours",
        level="info",
        needs=REACHED,
        run=composed(lambda world: world.belongings, gc.volumes),
    ),
    Check(
        id="gc.files",
        title="files of ours",
        level="info",
        needs=("client.python",),
        run=composed(lambda world: world.files, gc.files),
    ),
    Check(
        id="gc.tether",
        title="end of a killed owner's container",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.tether, gc.tether),
        seconds=20.0,
        deep=True,
    ),
)
