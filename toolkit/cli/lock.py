"""`toolkit lock`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Unpack

import click

from toolkit import resources
from toolkit.builder.foundation import Search
from toolkit.builder.targeting import found_target, said_target
from toolkit.cli._progress import showing
from toolkit.cli._spec_options import OutsideOptions, dependency_options, read_wanted
from toolkit.deps import Target
from toolkit.engine import connect
from toolkit.spec import ImageSpec

STDOUT: Final = "-"
FILE: Final = "pylock.toml"
ANY: Final = "linux/amd64"
"""A platform for a lock that is for all of them: only the Python counts."""


class _Options(OutsideOptions):
    spec: Path | None
    output: str | None
    platform: str | None
    universal: bool
    upgrade: tuple[str, ...]
    build: bool


@click.command(epilog="Example: toolkit lock --deps pyproject.toml -o pylock.toml")
@click.option(
    "--spec",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="An image.toml, for what it asks for; options count more than what it says.",
)
@dependency_options
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="The lock; `-` is stdout. The versions of one that is there stay.  "
    "[default: what --spec names as its lock, else pylock.toml]",
)
@click.option("--platform", metavar="PLATFORM", help="Such as linux/arm64.  [default: the base's]")
@click.option(
    "--universal",
    is_flag=True,
    help="For x86_64 and aarch64, and for every Python from this one on.",
)
@click.option(
    "--upgrade", multiple=True, metavar="NAME", help="A package whose locked version need not stay."
)
@click.option(
    "--build", is_flag=True, help="Let packages without a wheel run their code here, to be known."
)
def lock(**options: Unpack[_Options]) -> None:
    """Write down what dependency files, or an image.toml, come to, as a lock (PEP 751).

    The lock is for the Python and the platform of the base image, or for those that are named;
    with both, no engine is asked. Prints the name of the file.
    """
    from toolkit.lock.program import Uv
    from toolkit.lock.resolving import Manner, resolve
    from toolkit.lock.writing import before, write

    if options["universal"] and options["platform"]:
        raise click.UsageError("Give either --universal or --platform.")
    spec, named = read_wanted(options, options["spec"])
    spec.dependencies.check_unmixed("a lock holds no packages of its")
    given = options["output"]
    output = None if given == STDOUT else Path(given) if given else named or Path(FILE)
    target = _target(spec, options)
    manner = Manner(before(output), options["upgrade"], options["build"], options["universal"])
    uv = Uv.fetched(resources.cache(os.environ), os.environ)
    text = resolve(spec.dependencies, target, uv, manner)
    if output is None:
        click.echo(text, nl=False)
    else:
        write(output, text)
        click.echo(str(output))


def _target(spec: ImageSpec, options: _Options) -> Target:
    platform = ANY if options["universal"] else options["platform"] or spec.platform
    said = said_target(spec, platform)
    if said is not None:
        return said
    with connect() as engine, showing(quiet=False) as display:
        search = Search(pull=False, cache=resources.cache(os.environ), make=None, listener=display)
        return found_target(spec, platform, engine, search)
