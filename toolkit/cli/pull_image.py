"""`toolkit pull-image`."""

from __future__ import annotations

import click

from toolkit.builder import Said
from toolkit.cli import _moving
from toolkit.cli._progress import json_option, quiet_option, showing
from toolkit.engine import connect


@click.command(name="pull-image", epilog="Example: toolkit pull-image python:3-slim")
@json_option
@quiet_option
@click.argument("reference", metavar="IMAGE")
def pull_image(*, as_json: bool, quiet: bool, reference: str) -> None:
    """Pull an image from its registry.

    Credentials are docker's own: `docker login` stores them. Prints the image's name and digest on
    stdout; everything else goes to stderr.
    """
    wanted = _moving.parsed(reference)
    with connect() as engine:
        with showing(quiet=quiet, as_json=as_json) as display:
            display(Said(f"pulling {wanted}"))
            digest = engine.pull(wanted, on_event=display)
        _moving.answer(engine, wanted, digest, as_json=as_json)
