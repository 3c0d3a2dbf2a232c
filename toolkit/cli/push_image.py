"""`toolkit push-image`."""

from __future__ import annotations

import click

from toolkit.builder import Said
from toolkit.cli import _moving
from toolkit.cli._progress import json_option, quiet_option, showing
from toolkit.engine import connect
from toolkit.errors import SpecError
from toolkit.reference import ImageReference


@click.command(name="push-image", epilog="Example: toolkit push-image registry.example/team/env:1")
@json_option
@quiet_option
@click.argument("reference", metavar="IMAGE")
def push_image(*, as_json: bool, quiet: bool, reference: str) -> None:
    """Push an image to its registry.

    IMAGE has a registry in its name: `build-image --tag` gives it one. Credentials are docker's
    own: `docker login` stores them. Prints the image's name and digest on stdout; everything else
    goes to stderr.
    """
    wanted = _pushable(_moving.parsed(reference))
    with connect() as engine:
        with showing(quiet=quiet, as_json=as_json) as display:
            display(Said(f"pushing {wanted}"))
            digest = engine.push(wanted, on_event=display)
        _moving.answer(engine, wanted, digest, as_json=as_json)


def _pushable(reference: ImageReference) -> ImageReference:
    """Refuse what docker would take for an image of Docker Hub's, or would push by its tag."""
    if reference.registry is None:
        raise SpecError(
            f"the image {reference} has no registry in its name",
            hint="give it such a name with `toolkit build-image --tag HOST/REPO/NAME:TAG`;"
            " Docker Hub is docker.io",
        )
    if reference.digest is not None:
        raise SpecError(
            f"the image {reference} is named by a digest, which a push gives it",
            hint="name it by its tag",
        )
    return reference
