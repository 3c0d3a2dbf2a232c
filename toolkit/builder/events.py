"""What a build tells its caller while it runs: values, for any display."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:  # loaded by whoever makes one; a build with nothing to do needs neither
    from toolkit.engine import PullEvent
    from toolkit.engine.buildkit import BuildEvent


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence about what was decided or done."""

    text: str


Event: TypeAlias = "Said | PullEvent | BuildEvent"
Listener: TypeAlias = "Callable[[Event], None]"


def ignore(event: Event) -> None:
    """Listen to nothing."""
