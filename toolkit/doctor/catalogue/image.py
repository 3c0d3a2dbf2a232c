"""The checks of images."""

from __future__ import annotations

from typing import Final

from toolkit.doctor import image
from toolkit.doctor.check import REACHED, Check, composed

CHECKS: Final = (
    Check(
        id="image.present",
        title="image",
        level="warn",
        needs=REACHED,
        run=composed(lambda world: world.image, image.present),
    ),
    Check(
        id="image.contents",
        title="programs of the image",
        level="error",
        needs=("image.present", "endpoint.reach"),
        run=composed(lambda world: world.sibling, image.contents),
        seconds=20.0,
        deep=True,
    ),
    Check(
        id="image.stale",
        title="age of the image",
        level="warn",
        needs=("image.present",),
        run=composed(lambda world: world.stale, image.stale),
    ),
    Check(
        id="image.orphans",
        title="images of ours",
        level="info",
        needs=REACHED,
        run=composed(lambda world: world.orphans, image.orphans),
    ),
)
