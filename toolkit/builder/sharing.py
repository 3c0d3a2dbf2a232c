"""Images shared through a registry: what one machine has built, the others pull.

Hides the name that an image has there, that this name is on the engine only while it is needed (an
image that is pruned later has one name, and no second one that keeps it), and which troubles of a
registry must not stop a build: all but a lie.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

from toolkit import image, labels
from toolkit.builder.events import Listener, Said
from toolkit.engine import Engine
from toolkit.errors import EngineError, ImageReferenceError, PullError, PushError, SpecError
from toolkit.image import Base, Stored
from toolkit.reference import ImageReference

VARIABLE: Final = "TOOLKIT_REGISTRY"
"""Names the registry where no option does."""

PATIENCE: Final = 60.0
"""Seconds of silence after which an image that could be pulled is built."""

_STOPS: Final = frozenset({"corrupt", "full"})
_ELSEWHERE: Final = "remove it from the registry, or build with --rebuild --push to replace it"


def registry_of(environment: Mapping[str, str]) -> str | None:
    """The registry that the environment names, if any."""
    return environment.get(VARIABLE) or None


def shared_name(registry: str, name: str, tag: str) -> ImageReference:
    """The name of an image in a registry, given as `HOST/REPO`; SpecError where that is none."""
    try:
        found = ImageReference.parse(f"{registry}/{name}:{tag}")
    except ImageReferenceError as error:
        raise SpecError(f"registry {registry!r}: {error.message}", hint=error.hint) from error
    if found.registry is None:
        raise SpecError(
            f"registry {registry!r} has no host",
            hint=f"write HOST/REPO; Docker Hub's is docker.io/{registry}",
        )
    return found


@contextmanager
def pulled(
    engine: Engine, shared: ImageReference, listener: Listener, *, patience: float = PATIENCE
) -> Iterator[tuple[Stored, ImageReference] | None]:
    """The image that the registry has under that name, and the name with its digest; else None.

    It has that name for the block only: who keeps the image names it. Raises PullError where the
    registry sent something else than it said, or where the engine has no room for it.
    """
    with _borrowed(engine, shared):
        digest = _fetched(engine, shared, listener, patience)
        stored = None if digest is None else image.find(engine, shared)
        name = shared.with_digest(digest or image.digest_of(stored, shared))
        yield None if stored is None else (stored, name)


def check(shared: ImageReference, stored: Stored, *, digest: str, base: Base) -> None:
    """Hold an image against what its name promises; PullError for a registry that lies."""
    said = stored.labels.get(labels.DIGEST)
    if said != digest:
        found = f"has the digest {said[:16]}…" if said else "carries no digest of ours"
        raise _lie(shared, f"it {found}")
    if stored.platform != base.platform:
        raise _lie(shared, f"it is for {stored.platform}, not for {base.platform}")
    # A base that was made here has other layers than the same one made elsewhere.
    known = base.layers if base.reference.digest else ()
    if stored.layers[: len(known)] != known:
        raise _lie(shared, f"it is not built on {base.reference}")


def push(
    engine: Engine, image_id: str, shared: ImageReference, listener: Listener
) -> ImageReference:
    """Push an image under that name; gives the name with the digest. Raises PushError."""
    with _borrowed(engine, shared):
        engine.tag_image(image_id, shared)
        listener(Said(f"pushing {shared}"))
        return shared.with_digest(engine.push(shared, on_event=listener))


def push_missing(
    engine: Engine, image_id: str, shared: ImageReference, listener: Listener
) -> ImageReference:
    """Push an image under that name if the registry has none: whoever was first stays."""
    try:
        there = engine.published(shared)
    except PullError:
        there = None  # a push will tell what the trouble is, and may be allowed where this is not
    if there is None:
        return push(engine, image_id, shared, listener)
    listener(Said(f"{shared} is in the registry already"))
    return shared.with_digest(there)


def push_failure(error: PushError, local: ImageReference, action: str) -> PushError:
    """The error for an image that is there under its own name, and could not be pushed."""
    return PushError(
        f"{local} was {action}, but {error.message}",
        hint=error.hint,
        reference=error.reference,
        trouble=error.trouble,
    )


def _fetched(
    engine: Engine, shared: ImageReference, listener: Listener, patience: float
) -> str | None:
    """Pull; gives the digest ("" where the engine does not tell it), None for no image."""
    listener(Said(f"looking for {shared}"))
    try:
        return engine.pull(shared, on_event=listener, patience=patience) or ""
    except PullError as error:
        if error.trouble in _STOPS:
            raise
        if error.trouble == "absent":
            listener(Said(f"{shared} is not in the registry yet"))
        else:
            listener(Said(f"building without the registry: {error.message} ({error.hint})"))
        return None


@contextmanager
def _borrowed(engine: Engine, shared: ImageReference) -> Iterator[None]:
    """Take the name off the engine after the block, unless it was there before."""
    before = image.find(engine, shared)
    try:
        yield
    finally:
        if before is None:
            with suppress(EngineError):  # one that a container of somebody uses stays
                engine.remove_image(str(shared))


def _lie(shared: ImageReference, what: str) -> PullError:
    return PullError(
        f"the registry's image {shared} is not what its name says: {what}",
        hint=_ELSEWHERE,
        reference=str(shared),
        trouble="corrupt",
    )
