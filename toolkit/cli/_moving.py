"""What the commands that move one image between engine and registry have in common."""

from __future__ import annotations

import json

import click

from toolkit import image
from toolkit.engine import Engine
from toolkit.reference import ImageReference


def parsed(text: str) -> ImageReference:
    """The reference; without a tag and a digest it means `latest`. Raises ImageReferenceError."""
    reference = ImageReference.parse(text)
    return reference.tagged if reference.digest is None else reference


def answer(engine: Engine, reference: ImageReference, digest: str | None, *, as_json: bool) -> None:
    """Print the name with its digest there, or the same as JSON."""
    # Podman does not tell the digest while it moves the image, but knows it afterwards.
    stored = image.find(engine, reference)
    name = reference.with_digest(digest or reference.digest or image.digest_of(stored, reference))
    if not as_json:
        click.echo(str(name))
        return
    told = {"version": 1, "image": str(name), "digest": name.digest}
    if stored is not None:
        told |= {"id": stored.id, "size": stored.size}
    click.echo(json.dumps(told))
