"""`toolkit pull-image`."""

from __future__ import annotations

import click

from toolkit.builder import Said
from toolkit.cli import AS_JSON, _moving
from toolkit.cli._progress import showing
from toolkit.engine import connect


@click.command(name="pull-image", epilog="Example: toolkit pull-image python:3-slim")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON, and what is done on stderr."
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the image's name.")
@click.argument("reference", metavar="IMAGE")
def pull_image(*, as_json: bool, quiet: bool, reference: str) -> None:
    """Pull an image from its registry.

    Credentials are docker's own: `docker login` stores them. Prints the image's name and digest on
    stdout; everything else goes to stderr.
    """
    if as_json:
        click.get_current_context().meta[AS_JSON] = True
    wanted = _moving.parsed(reference)
    with connect() as engine:
        with showing(quiet=quiet, as_json=as_json) as display:
            display(Said(f"pulling {wanted}"))
            digest = engine.pull(wanted, on_event=display)
        _moving.answer(engine, wanted, digest, as_json=as_json)
