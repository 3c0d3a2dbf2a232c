"""Which images of ours may go, and their removal.

Hidden here: what is never removed (what a container was made from, what has another name than ours,
the newest of each name, what a build may just be proving), and how many bytes are freed, which
depends on the layers that other images share.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from toolkit import image
from toolkit.engine import Engine
from toolkit.errors import EngineRefusedError
from toolkit.images.listing import Built, Layer, layers, listed

PROVING: Final = 3600.0
"""Seconds for which an image without a name may be one that a build is just proving."""

Chain = Mapping[tuple[str, ...], int]
"""The sizes of an image's layers, each by itself and all below it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An image, and why it stays; it goes where `stays` is empty."""

    image: Built
    stays: str


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, or would be, and what stayed. `freed` is in bytes."""

    removed: tuple[Built, ...]
    stayed: tuple[Judged, ...]
    freed: int


def judged(images: Iterable[Built], *, older: float, keep: int, now: float) -> Iterator[Judged]:
    """Judge each image: those that go are older than `older` seconds and not of the newest `keep`.

    Pure. `keep` counts for each name by itself, and leftovers of builds do not count.
    """
    seen: Counter[str] = Counter()
    for each in sorted(images, key=lambda each: (each.name, each.is_leftover, -each.made)):
        yield Judged(each, _stays(each, seen, older=older, keep=keep, now=now))
        seen[each.name] += 1


def prune(
    engine: Engine,
    *,
    older: float,
    keep: int,
    names: Collection[str] = (),
    dry_run: bool = False,
) -> Pruned:
    """Remove the images of ours that may go, of these names or of all. Raises EngineError.

    With `dry_run` nothing is removed, and the answer says what would be.
    """
    asked = [each for each in listed(engine) if not names or each.name in names]
    verdicts = tuple(judged(asked, older=older, keep=keep, now=time.time()))
    going = [each.image for each in verdicts if not each.stays]
    stayed = [each for each in verdicts if each.stays]
    chains = _chains(engine, going) if going else {}
    removed = []
    for each in going:
        refusal = "" if dry_run else _remove(engine, each)
        if refusal:
            stayed.append(Judged(each, refusal))
        else:
            removed.append(each)
    return Pruned(tuple(removed), tuple(stayed), freed(chains, {each.id for each in removed}))


def freed(chains: Mapping[str, Chain], removed: set[str]) -> int:
    """The bytes of layers that only removed images have. Pure; `chains` are all images', by id."""
    held = {place for image_id, own in chains.items() if image_id not in removed for place in own}
    gone = {
        place: size
        for image_id, own in chains.items()
        if image_id in removed
        for place, size in own.items()
        if place not in held
    }
    return sum(gone.values())


def _stays(each: Built, seen: Counter[str], *, older: float, keep: int, now: float) -> str:
    if not each.is_leftover and seen[each.name] < keep:
        return "it is the newest of its name" if keep == 1 else f"it is one of the newest {keep}"
    if each.used_by:
        return f"the container {each.used_by[0]} was made from it"
    if each.other_names:
        return f"it is also named {each.other_names[0]}"
    if now - each.made < older:
        return "it is not old enough"
    if each.is_leftover and now - each.made < PROVING:
        return "a build may just be proving it"
    return ""


def _remove(engine: Engine, each: Built) -> str:
    """Remove an image by every name of it; says why it could not be, or nothing."""
    try:
        for name in each.names or (each.id,):
            stored = image.find(engine, name)
            if stored is None:
                continue
            if stored.id != each.id:
                return "its name was given to another image meanwhile"
            engine.remove_image(name)
        left = image.find(engine, each.id)
        if left is not None and not left.tags:  # a digest of a registry still holds it
            engine.remove_image(each.id)
    except EngineRefusedError as error:
        return error.message
    return ""


def _chains(engine: Engine, going: Sequence[Built]) -> Mapping[str, Chain]:
    """The layers of every image of the engine, strangers' too: they share ours.

    Only what may go has the sizes.
    """
    sized = {each.id for each in going}
    found: dict[str, Chain] = {}
    for image_id in {str(entry["Id"]) for entry in engine.list_images()} | sized:
        stored = image.find(engine, image_id)
        if stored is not None:
            history = engine.image_history(image_id) if image_id in sized else ()
            found[image_id] = _chain(layers(stored, history))
    return found


def _chain(found: Sequence[Layer]) -> Chain:
    below = tuple(layer.digest for layer in found)
    return {below[: number + 1]: layer.size for number, layer in enumerate(found)}
