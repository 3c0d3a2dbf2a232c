"""`toolkit spec`: what is wanted, without building it."""

from __future__ import annotations

from typing import Unpack

import click

from toolkit.cli._spec_options import SpecOptions, read_spec, read_wishes, spec_options
from toolkit.spec import writing


@click.group()
def spec() -> None:
    """Say what an image.toml and options come to."""


@spec.command(
    short_help="Print what options and files come to.",
    epilog="Example: toolkit spec show --spec image.toml --apt libgl1",
)
@spec_options
def show(**options: Unpack[SpecOptions]) -> None:
    """Print, as an image.toml, what options and files come to.

    All of it is read, the dependency files too, so that what is printed can be built. Paths are
    those seen from the current folder.
    """
    read_spec(options)
    click.echo(writing.toml(read_wishes(options)), nl=False)


@spec.command(
    short_help="Print the JSON Schema of an image.toml.",
    epilog="Example: toolkit spec schema > image.schema.json",
)
def schema() -> None:
    """Print the JSON Schema of an image.toml, by which editors complete and check one."""
    click.echo(writing.schema(), nl=False)
