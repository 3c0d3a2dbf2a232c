"""`toolkit engine start`: an engine where there is none."""

from __future__ import annotations

import click

from toolkit.cli.consent import consent, say
from toolkit.setup import start_engine


@click.group()
def engine() -> None:
    """See to it that a Docker engine answers."""


@engine.command(
    short_help="Use the engine that answers, or start one.",
    epilog="Example: toolkit engine start --yes",
)
@click.option("-y", "--yes", is_flag=True, help="Install what is missing without asking.")
def start(*, yes: bool) -> None:
    """Use the engine that answers, or install and start the distribution's own.

    An engine that DOCKER_HOST or a context points to is never replaced. The address of the
    engine goes to stdout; what was done is said on stderr.
    """
    click.echo(start_engine(consent=consent(yes=yes), say=say))
