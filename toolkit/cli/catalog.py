"""`toolkit catalog`."""

from __future__ import annotations

import json
from typing import Final

import click

from toolkit import resources
from toolkit.cli._figures import table
from toolkit.spec import catalogue, load

VERSION: Final = 1
"""Of the JSON document; raised when a reader would have to change."""


@click.command(epilog="Example: toolkit catalog --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def catalog(*, as_json: bool) -> None:
    """List the images of the catalogue.

    One of them is built by `toolkit build-image NAME`.
    """
    found = [
        (name, str(load(path).values.get("description", "")), str(path))
        for name, path in catalogue.entries(resources.tree("images"))
    ]
    if as_json:
        images = [dict(zip(("name", "description", "file"), each, strict=True)) for each in found]
        click.echo(json.dumps({"version": VERSION, "images": images}, indent=2))
        return
    for line in table([("NAME", "WHAT IS IN IT"), *((name, about) for name, about, _ in found)]):
        click.echo(line)
