"""One image, seen from all sides: what the engine says of it, and what is in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from packaging.utils import canonicalize_name

from toolkit import image, labels
from toolkit.engine import Engine
from toolkit.errors import Hint, SpecError
from toolkit.image import Stored
from toolkit.images.contents import Contents, contents
from toolkit.images.listing import Built, Layer, described, layers
from toolkit.reference import ImageReference

_ID: Final = re.compile(r"(?:sha256:)?[0-9a-f]{1,64}")


@dataclass(frozen=True, slots=True)
class Seen:
    """An image as `toolkit images inspect` shows it; `shown` is how the user called it."""

    shown: str
    stored: Stored
    layers: tuple[Layer, ...]
    contents: Contents

    @property
    def name(self) -> str:
        """The image's first name, or what the user called it."""
        return self.stored.tags[0] if self.stored.tags else self.shown

    @property
    def built(self) -> Built:
        """What its labels say; they may be those of an image that it was built from."""
        return described(self.stored)

    @property
    def provenance(self) -> Mapping[str, object]:
        """What it was made from and by which versions of what; None is what nobody recorded."""
        said, found, built = self.stored.labels, self.contents, self.built
        pip = [
            each.version for each in found.distributions if canonicalize_name(each.name) == "pip"
        ]
        installer = [found.installer, said.get(labels.UV) if found.installer == "uv" else ""]
        return {
            "digest": built.digest or None,
            "dependencies": None if built.dependencies is None else list(built.dependencies),
            "base": built.base or None,
            "base_digest": said.get(labels.BASE_DIGEST) or None,
            "platform": self.stored.platform,
            "python": found.python or None,
            "pip": next(iter(pip), None),
            "installer": " ".join(filter(None, installer)) or None,
            "toolkit": said.get(labels.VERSION) or None,
            "verified": built.is_verified if built.digest else None,
            "excused": sorted(self.stored.excused),
            "inputs": dict(self.stored.inputs),
        }


def looked_at(engine: Engine, shown: str) -> Seen:
    """Look at the image of that name or id, without running anything of it.

    Raises SpecError where there is none, or where it has no environment of ours; EngineError;
    ImageReferenceError for what is neither name nor id.
    """
    if not _ID.fullmatch(shown):
        ImageReference.parse(shown)
    stored = image.find(engine, shown)
    if stored is None:
        raise SpecError(
            f"there is no image {shown!r} on this engine",
            hint=Hint(
                "run `toolkit images` to see which there are",
                check="image.present",
                flags=("--image", shown),
            ),
        )
    found = layers(stored, engine.image_history(stored.id))
    return Seen(shown, stored, found, contents(engine, stored.id, shown=shown))
