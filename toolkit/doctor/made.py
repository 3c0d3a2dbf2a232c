"""How it is found out whether images of ours are out of date, or of no more use."""

from __future__ import annotations

import contextlib
import time

from toolkit import image, labels
from toolkit.doctor import facts, wanted
from toolkit.doctor.question import Question
from toolkit.engine import Engine
from toolkit.errors import ImageReferenceError
from toolkit.images import listing, pruning
from toolkit.reference import ImageReference

_WEEK = 7 * 24 * 3600.0


def stale(engine: Engine, question: Question) -> facts.Stale:
    """Hold an image against the newest of its name, its base as that is here, and its files."""
    name = question.image
    stored = image.find(engine, name) if name else None
    if stored is None or not stored.labels.get(labels.DIGEST):
        return facts.Stale(name)
    newest = image.newest(engine, stored.labels.get(labels.NAME, ""))
    later = newest is not None and newest.id != stored.id and newest.created > stored.created
    base = stored.labels.get(labels.BASE_NAME, "")
    return facts.Stale(
        name=name,
        ours=True,
        verified=stored.labels.get(labels.UNVERIFIED) != "1",
        newer=next(iter(newest.tags), newest.id) if newest is not None and later else "",
        base=base,
        base_moved=_is_other(engine, base, stored.labels.get(labels.BASE_DIGEST, "")),
        files=tuple(map(str, question.deps)),
        changed=wanted.changed(engine, question, stored),
    )


def _is_other(engine: Engine, name: str, digest: str) -> bool:
    """Whether the base of that name is here, and known to be another than that digest's."""
    with contextlib.suppress(ImageReferenceError):
        reference = ImageReference.parse(name)
        stored = image.find(engine, reference)
        if stored is None or not digest:
            return False
        known = {image.digest_of(stored, reference), stored.labels.get(labels.SOURCE_DIGEST)}
        known.discard(None)
        return bool(known) and digest not in known
    return False


def orphans(engine: Engine) -> facts.Orphans:
    """Find what `toolkit images prune --keep 1` would remove, of the images older than a week."""
    verdicts = pruning.judged(listing.listed(engine), older=_WEEK, keep=1, now=time.time())
    going = [each.image for each in verdicts if not each.stays]
    return facts.Orphans(tuple(each.title for each in going), sum(each.size for each in going))
