"""A build's events on stderr, in the way that fits who reads them.

On a terminal a live display, under GitHub Actions groups, for programs JSON documents, everywhere
else plain lines. Hidden here: which of them, and that rich is loaded only once something moves.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import click

from toolkit.builder import Event, Said
from toolkit.cli import AS_JSON, _github
from toolkit.cli._progress.display import Display

_SIMPLE_TERMINALS: Final = frozenset({"", "dumb", "unknown"})


def _for_programs(context: click.Context, _option: click.Parameter, value: bool) -> bool:  # noqa: FBT001 - click's signature
    """An error, too, is told as JSON then."""
    context.meta[AS_JSON] = value
    return value


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    callback=_for_programs,
    help="Print the result as JSON, and what is done on stderr.",
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Say nothing but the image's name.")


@contextmanager
def showing(
    *,
    quiet: bool,
    verbose: bool = False,
    as_json: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Display]:
    """Show what a build tells while the block runs.

    `verbose` adds every line of every step; `as_json` is for programs.
    """
    world = os.environ if environment is None else environment
    display = Display() if quiet else _fitting(world, verbose=verbose, as_json=as_json)
    well = False
    try:
        yield display
        well = True
    finally:
        display.end(well=well)


def _fitting(world: Mapping[str, str], *, verbose: bool, as_json: bool) -> Display:
    if as_json:
        from toolkit.cli._progress.documents import Documents

        return Documents(_write)
    if _github.reads(world):
        from toolkit.cli._progress.github import Groups

        return Groups(_write)
    from toolkit.cli._progress.plain import Plain

    plain = Plain(_write, verbose=verbose)
    if not sys.stderr.isatty() or world.get("TERM", "") in _SIMPLE_TERMINALS:
        return plain
    return _OnTerminal(plain, lambda: _live(world, verbose=verbose))


class _OnTerminal(Display):
    """Plain sentences until something moves: a build with nothing to do must not load rich."""

    def __init__(self, plain: Display, live: Callable[[], Display]) -> None:
        self._now = plain
        self._live: Callable[[], Display] | None = live

    def __call__(self, event: Event) -> None:
        if self._live is not None and not isinstance(event, Said):
            self._now, self._live = self._live(), None
        self._now(event)

    def rest(self) -> None:
        self._now.rest()

    def end(self, *, well: bool) -> None:
        self._now.end(well=well)


def _live(world: Mapping[str, str], *, verbose: bool) -> Display:
    from rich.console import Console

    from toolkit.cli._progress.live import Live

    console = Console(
        stderr=True,
        force_terminal=True,
        no_color=bool(world.get("NO_COLOR")),
        highlight=False,
        markup=False,
        emoji=False,
    )
    return Live(console, verbose=verbose)


def _write(line: str) -> None:
    click.echo(line, err=True)
