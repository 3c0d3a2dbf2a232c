"""`toolkit build-image`."""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import click

from toolkit import builder, resources
from toolkit.builder import BuildOptions, Said, secrets
from toolkit.builder.sharing import VARIABLE
from toolkit.cli._progress import json_option, quiet_option, showing
from toolkit.cli._progress.display import Display
from toolkit.cli._spec_options import SpecOptions, read_spec, spec_options
from toolkit.engine import Engine, connect
from toolkit.image import Image
from toolkit.reference import ImageReference


class _Options(SpecOptions):
    locked: bool
    ca_bundle: Path | None
    secret: tuple[str, ...]
    pull: bool
    registry: str | None
    push: bool
    no_cache: bool
    rebuild: bool
    verify: bool
    explain: bool
    sbom: Path | None
    as_json: bool
    quiet: bool
    verbose: bool
    yes: bool


@click.command(
    name="build-image",
    epilog="Example: toolkit build-image --deps requirements.txt --apt libgl1",
)
@spec_options
@click.option("--locked", is_flag=True, help="Refuse to build from anything but a lock.")
@click.option("--ca-bundle", type=click.Path(path_type=Path), help="A CA bundle for the build.")
@click.option(
    "--secret",
    multiple=True,
    metavar="SECRET",
    help="id=NAME,src=FILE or id=NAME,env=VAR; NAME is pip.conf, netrc, ca or your own.",
)
@click.option("--pull", is_flag=True, help="Ask the registry for the base image again.")
@click.option(
    "--registry",
    envvar=VARIABLE,
    show_envvar=True,
    metavar="HOST/REPO",
    help="Pull the image from there if somebody has built it.",
)
@click.option("--push", is_flag=True, help="Push the image to --registry if it is not there.")
@click.option("--no-cache", is_flag=True, help="Run every step again.")
@click.option("--rebuild", is_flag=True, help="Build although the image is there.")
@click.option("--verify/--no-verify", default=True, help="Prove that the image works.  [default]")
@click.option("--explain", is_flag=True, help="Say what has changed since the last build.")
@click.option(
    "--sbom",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a CycloneDX SBOM to FILE.",
)
@json_option
@quiet_option
@click.option("-v", "--verbose", is_flag=True, help="Show every line of every step.")
@click.option("-y", "--yes", is_flag=True, help="Install what making a base needs without asking.")
def build_image(**options: Unpack[_Options]) -> None:
    """Build a verified image from dependency files, or reuse it.

    What is wanted is said by options, by an image.toml (--spec), or by the name of an IMAGE of the
    catalogue, see `toolkit catalog`. Where a file and an option say something, the option counts;
    lists are added to.

    With --registry, an image that was built elsewhere from the same inputs is pulled. Prints the
    image's name on stdout; everything else goes to stderr.
    """
    _check(options)
    spec = read_spec(options)
    if options["locked"]:
        spec.dependencies.check_locked()
    given = secrets.read(options["secret"], os.environ)
    if options["sbom"] is not None:
        from toolkit.images import sbom  # a build with nothing to do looks into no image

        sbom.require(options["sbom"])
    with connect() as engine, _showing(options) as display:
        building = replace(_building(options, engine, display), secrets=given)
        planned = builder.plan(spec, engine=engine, options=building, listener=display)
        reasons = builder.changes(engine, planned) if options["explain"] else ()
        for reason in reasons or (("nothing has changed",) if options["explain"] else ()):
            display(Said(reason))
        image = builder.build(
            planned, engine=engine, environment=os.environ, options=building, listener=display
        )
        if options["sbom"] is not None:
            from toolkit.images import looked_at, sbom

            sbom.write(options["sbom"], looked_at(engine, str(image.reference)))
        if image.action == "reused" and image.shared is None:
            display(Said(f"reused {image.reference}: nothing to do"))
        elif image.action == "pulled":
            display(Said(f"pulled {image.reference}: nothing to build"))
    click.echo(_json(image, reasons) if options["as_json"] else str(image.reference))


def _check(options: _Options) -> None:
    """Refuse what does not go together."""
    if options["quiet"] and options["verbose"]:
        raise click.UsageError("Give either --quiet or --verbose.")
    if options["locked"] and options["unlocked"]:
        raise click.UsageError("Give either --locked or --unlocked.")


def _showing(options: _Options) -> AbstractContextManager[Display]:
    return showing(quiet=options["quiet"], verbose=options["verbose"], as_json=options["as_json"])


def _building(options: _Options, engine: Engine, display: Display) -> BuildOptions:
    def make_base() -> ImageReference:
        from toolkit import setup
        from toolkit.cli.consent import consent

        display.rest()  # there may be a question
        return setup.make_base_image(
            engine, consent=consent(yes=options["yes"]), say=lambda text: display(Said(text))
        )

    return BuildOptions(
        cache=resources.cache(os.environ),
        pull=options["pull"],
        registry=options["registry"] or None,
        push=options["push"],
        no_cache=options["no_cache"],
        rebuild=options["rebuild"],
        verify=options["verify"],
        ca_bundle=options["ca_bundle"],
        make_base=make_base,
    )


def _json(image: Image, reasons: tuple[str, ...]) -> str:
    answer = {
        "version": 1,
        "image": str(image.reference),
        "id": image.id,
        "digest": image.digest,
        "action": image.action,
        "base": str(image.base),
        "size": image.size,
        "tags": [str(tag) for tag in image.tags],
        "shared": str(image.shared) if image.shared else None,
        "changes": list(reasons),
    }
    return json.dumps(answer)
