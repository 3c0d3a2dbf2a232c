"""A build's events as plain lines on stderr."""

from __future__ import annotations

import re
from typing import Final

import click

from toolkit.builder import Event, Listener, Said
from toolkit.cli import printable

_MOUNT: Final = re.compile(r"--mount=\S+")


def listener(*, quiet: bool, verbose: bool) -> Listener:
    """What a build tells, for people: sentences and steps; `verbose` adds every log line."""

    def listen(event: Event) -> None:
        line = _line(event, verbose=verbose)
        if line and not quiet:
            click.echo(line, err=True)

    return listen


def _line(event: Event, *, verbose: bool) -> str | None:
    if isinstance(event, Said):
        return f"{event.text[:1].upper()}{event.text[1:]}"
    from toolkit.engine import PullEvent
    from toolkit.engine.buildkit import StepFailed

    match event:
        case PullEvent(layer=layer, status=status):
            return None if layer else f"  {status}"
        case StepFailed(name=name):
            return f"   failed  {_title(name)}"
        case _:
            return _detail(event) if verbose else _step(event)


def _step(event: Event) -> str | None:
    from toolkit.engine.buildkit import StepCompleted

    if isinstance(event, StepCompleted) and not event.cached and _is_instruction(event.name):
        return f"  {event.seconds:5.1f} s  {_title(event.name)}"
    return None


def _detail(event: Event) -> str | None:
    from toolkit.engine.buildkit import StepCompleted, StepLog, StepStarted

    match event:
        case StepStarted(name=name):
            return f"           {_title(name)}"
        case StepCompleted(name=name, cached=cached, seconds=seconds):
            return f"  {'cached ' if cached else f'{seconds:5.1f} s'}  {_title(name)}"
        case StepLog(line=line):
            return f"           | {printable(line)}"
        case _:
            return None


def _title(name: str) -> str:
    """A step without its mounts, which are the same in every build."""
    return " ".join(_MOUNT.sub("", name).split())


def _is_instruction(name: str) -> bool:
    return name.startswith("[") and not name.startswith("[internal]")
