"""`toolkit spec`: what is wanted, without building it."""

from __future__ import annotations

import json
from typing import Final, Unpack

import click

from toolkit.cli._spec_options import SpecOptions, read_spec, read_wishes, spec_options
from toolkit.spec import writing

VERSION: Final = 1
"""Of the JSON document; raised when a reader would have to change."""


class _Options(SpecOptions):
    as_json: bool


@click.group()
def spec() -> None:
    """Say what an image.toml and options come to."""


@spec.command(
    short_help="Print what options and files come to.",
    epilog="Example: toolkit spec show --spec image.toml --apt libgl1",
)
@spec_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def show(**options: Unpack[_Options]) -> None:
    """Print, as an image.toml, what options and files come to.

    All of it is read, the dependency files too, so that what is printed can be built. Paths are
    those seen from the current folder.
    """
    read_spec(options)
    wishes = read_wishes(options)
    if options["as_json"]:
        click.echo(json.dumps({"version": VERSION, "spec": wishes.plain()}, indent=2))
    else:
        click.echo(writing.toml(wishes), nl=False)


@spec.command(
    short_help="Print the JSON Schema of an image.toml.",
    epilog="Example: toolkit spec schema > image.schema.json",
)
def schema() -> None:
    """Print the JSON Schema of an image.toml, by which editors complete and check one."""
    click.echo(writing.schema(), nl=False)
