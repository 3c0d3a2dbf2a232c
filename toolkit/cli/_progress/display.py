"""What every display of a build can do: it is a listener, and it can be told to hold still."""

from __future__ import annotations

from toolkit.builder import Event


class Display:
    """Says nothing; the others say it in their way."""

    def __call__(self, event: Event) -> None:
        """Take an event; it is shown when that fits."""

    def rest(self) -> None:
        """Leave the terminal to somebody else, a question for instance, until the next event."""

    def end(self, *, well: bool) -> None:
        """No more events come; `well` tells whether nothing was raised."""
