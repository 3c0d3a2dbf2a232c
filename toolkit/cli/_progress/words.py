"""What all displays say in the same words: pure, and inert whatever the engine's texts hold."""

from __future__ import annotations

import re
from typing import Final

from toolkit.builder import Event
from toolkit.cli import _figures, printable

_MOUNT: Final = re.compile(r"--mount=\S+")
# Nobody reads more of a line, and cutting it first keeps a line of megabytes cheap.
_LONGEST: Final = 2000


def sentence(text: str) -> str:
    """Begin with a capital letter."""
    return printable(f"{text[:1].upper()}{text[1:]}")


def title(name: str) -> str:
    """A step without its mounts, which are the same in every build."""
    return printable(" ".join(_MOUNT.sub("", name).split()))


def is_instruction(name: str) -> bool:
    """Whether it is one of the Dockerfile, and not the engine's own preparation."""
    return name.startswith("[") and not name.startswith("[internal]")


def done(seconds: float, name: str) -> str:
    """A step that ran."""
    return f"  {seconds:5.1f} s  {title(name)}"


def cached(name: str) -> str:
    """A step that did not have to run."""
    return f"  cached   {title(name)}"


def failed(name: str) -> str:
    """A step that failed; why is told at the end."""
    return f"  failed   {title(name)}"


def logged(line: str) -> str:
    """A line of a step's output."""
    return f"           | {printable(line)}"


def last_line(line: str) -> str:
    """A line of output that is shown while it is the last one: its beginning, without tabs."""
    return printable(line[:_LONGEST]).replace("\t", " ")


def warning(text: str, url: str, line: int | None) -> str:
    """What the engine has against the Dockerfile."""
    where = f" (Dockerfile:{line})" if line else ""
    return printable(f"Warning: {text}{where}{url and f', see {url}'}")


def amount(current: int, total: int) -> str:
    """So many bytes of so many; the end is not always known."""
    done_so_far = _figures.amount(current)
    return f"{done_so_far} of {_figures.amount(total)}" if total else done_so_far


def road(event: Event) -> str | None:
    """How the engine is talked to and what is lost by that, for the event that says so."""
    taken = getattr(event, "road", None)
    if taken is None:
        return None
    lost = f": {'; '.join(taken.loses)}" if taken.loses else ""
    return printable(f"  by the road `{taken.name}`{lost}")
