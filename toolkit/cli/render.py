"""`toolkit render`."""

from __future__ import annotations

import os
from typing import Unpack

import click

from toolkit import builder, resources
from toolkit.builder import BuildOptions
from toolkit.cli._progress import showing
from toolkit.cli._spec_options import SpecOptions, read_spec, spec_options
from toolkit.engine import connect


@click.command(epilog="Example: toolkit render --deps requirements.txt")
@spec_options
def render(**options: Unpack[SpecOptions]) -> None:
    """Print the Dockerfile that build-image would build."""
    spec = read_spec(options)
    with connect() as engine, showing(quiet=False) as display:
        planned = builder.plan(
            spec,
            engine=engine,
            options=BuildOptions(cache=resources.cache(os.environ)),
            listener=display,
        )
    click.echo(planned.rendered.dockerfile, nl=False)
