"""`toolkit base-image`: a base image from Debian's packages, where no registry is in reach."""

from __future__ import annotations

import click

from toolkit.cli.consent import consent, say
from toolkit.engine import connect
from toolkit.setup import make_base_image


@click.command(name="base-image", epilog="Example: toolkit base-image --suite bookworm")
@click.option("--suite", metavar="SUITE", help="The release; else this machine's own.")
@click.option("--force", is_flag=True, help="Make it anew although there is one of that suite.")
@click.option("-y", "--yes", is_flag=True, help="Install mmdebstrap, if missing, without asking.")
def base_image(*, suite: str | None, force: bool, yes: bool) -> None:
    """Make a base image with Python from the distribution's packages, without a registry.

    Its name, toolkit/base:SUITE-pyX.Y, goes to stdout; what was done is said on stderr.
    """
    with connect() as engine:
        made = make_base_image(engine, suite=suite, force=force, consent=consent(yes=yes), say=say)
    click.echo(str(made))
