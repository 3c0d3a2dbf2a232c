"""Which images on an engine are ours, and what is known of each without looking inside.

Hidden here: that labels are inherited. Whatever somebody builds FROM an image of ours, or makes of
its container, carries all of its labels; so ours is an image only under the name that its digest
implies, and one without a name only when its last instructions are those of our own Dockerfile.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final

from toolkit import image, labels, lock
from toolkit.engine import Engine
from toolkit.errors import ImageReferenceError
from toolkit.image import Stored
from toolkit.reference import ImageReference

VENV: Final = str(PurePosixPath(lock.PATH).parent)

_SHORT: Final = 12
"""The digits of an id by which people tell what has no name."""
_SHELL: Final = re.compile(r"(?:/bin/sh -c )?#\(nop\)\s+")
"""What engines without BuildKit, and Podman, write before an instruction in the history."""
_MAKERS: Final = ("RUN ", "COPY ", "ADD ", "WORKDIR ")
"""How the entry of an instruction that may make a layer begins."""


@dataclass(frozen=True, slots=True)
class Built:
    """An image of ours as the engine has it.

    `names` are those that its digest implies, none for what a build has left; `other_names` were
    given by `--tag` or by somebody. `dependencies` are what was asked for, None where an older
    version did not record it. `made` is when it was built or got a name, in seconds since 1970.
    `used_by` are containers in any state.
    """

    id: str
    name: str
    names: tuple[str, ...]
    other_names: tuple[str, ...]
    digest: str
    dependencies: tuple[str, ...] | None
    base: str
    size: int
    made: float
    used_by: tuple[str, ...]
    layers: tuple[str, ...]
    is_verified: bool

    @property
    def is_leftover(self) -> bool:
        """Whether a build that was ended, or a newer one of the same digest, has left it."""
        return not self.names

    @property
    def title(self) -> str:
        """Its name, or its id where it has none."""
        return self.names[0] if self.names else self.id.removeprefix("sha256:")[:_SHORT]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of an image, its size in bytes, and what made it, where that is known."""

    digest: str
    size: int
    instruction: str


def listed(engine: Engine) -> tuple[Built, ...]:
    """The images of ours, by name and the newest first. Raises EngineError."""
    users = _users(engine.list_containers())
    ids = {str(entry["Id"]) for entry in engine.list_images(labels.DIGEST)}
    found = (_known(engine, image_id, users) for image_id in sorted(ids))
    return tuple(sorted(filter(None, found), key=lambda each: (each.name, -each.made)))


def described(stored: Stored, used_by: Sequence[str] = ()) -> Built:
    """What is known of an image that carries our labels, be it ours or not."""
    names = tuple(tag for tag in stored.tags if is_implied(tag, stored.labels))
    return Built(
        id=stored.id,
        name=stored.labels.get(labels.NAME, ""),
        names=names,
        other_names=tuple(tag for tag in stored.tags if tag not in names),
        digest=stored.labels.get(labels.DIGEST, ""),
        dependencies=_dependencies(stored.labels.get(labels.DEPENDENCIES)),
        base=stored.labels.get(labels.BASE_NAME, ""),
        size=stored.size,
        made=max(_seconds(stored.created), _seconds(stored.tagged)),
        used_by=tuple(used_by),
        layers=stored.layers,
        is_verified=stored.labels.get(labels.UNVERIFIED) != "1",
    )


def is_implied(tag: str, found: Mapping[str, str]) -> bool:
    """Whether a tag is the one that the digest and the name in these labels imply.

    That is `toolkit/<name>:<12 digits>`, or the like in any registry's repository.
    """
    digest, name = found.get(labels.DIGEST, ""), found.get(labels.NAME, "")
    try:
        reference = ImageReference.parse(tag)
    except ImageReferenceError:
        return False
    path = reference.path.split("/")
    return (
        len(digest) == 64
        and reference.tag == image.tag_of(digest)
        and path[-1] == name
        and (reference.registry is not None or len(path) > 1)
    )


def is_leftover(stored: Stored, history: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an image without any name is our own build's, by its history, the newest first."""
    keywords = stored.labels.get(labels.INSTRUCTIONS, "").split()
    if stored.tags or stored.repo_digests or not keywords:
        return False
    last = [
        _SHELL.sub("", str(entry.get("CreatedBy") or ""))
        for entry in reversed(history[: len(keywords)])
    ]
    # An application's own Dockerfile may well end with the same keywords; it copies other things.
    return [text.partition(" ")[0] for text in last] == keywords and any(
        text.startswith(f"COPY {VENV} {VENV}") for text in last
    )


def _known(engine: Engine, image_id: str, users: Mapping[str, Sequence[str]]) -> Built | None:
    stored = image.find(engine, image_id)
    if stored is None:  # gone meanwhile
        return None
    built = described(stored, users.get(image_id, ()))
    if built.names or is_leftover(stored, engine.image_history(image_id)):
        return built
    return None


def _users(containers: Iterable[Mapping[str, Any]]) -> Mapping[str, Sequence[str]]:
    """Names of containers by the id of the image that they were made from."""
    users: dict[str, list[str]] = defaultdict(list)
    for container in containers:
        names = container.get("Names") or [container.get("Id", "")[:_SHORT]]
        users[str(container.get("ImageID", ""))].append(str(names[0]).removeprefix("/"))
    return {image_id: sorted(names) for image_id, names in users.items()}


def _dependencies(text: str | None) -> tuple[str, ...] | None:
    try:
        found = json.loads(text or "null")
    except ValueError:
        return None
    return tuple(map(str, found)) if isinstance(found, list) else None


def _seconds(text: str) -> float:
    """Seconds since 1970 of an engine's time; 0 for one that is none, such as the year 1."""
    # Nine digits of a second are more than Python takes.
    shortened = re.sub(r"(\.\d{6})\d*", r"\1", text)
    try:
        return max(0.0, datetime.fromisoformat(shortened).timestamp())
    except (ValueError, OverflowError):
        return 0.0


def layers(stored: Stored, history: Sequence[Mapping[str, Any]]) -> tuple[Layer, ...]:
    """The layers with their sizes, the lowest first; `history` is the engine's, the newest first.

    The engine does not say which instruction made a layer: where not every one that could have was
    one of them, those without a byte are passed over.
    """
    told = [
        (int(entry.get("Size") or 0), _SHELL.sub("", str(entry.get("CreatedBy") or "")))
        for entry in reversed(history)
    ]
    makers = [each for each in told if each[0] or each[1].startswith(_MAKERS)]
    if len(makers) != len(stored.layers):
        makers = [each for each in told if each[0]]
    makers += [(0, "")] * (len(stored.layers) - len(makers))
    return tuple(
        Layer(digest, size, text)
        for digest, (size, text) in zip(stored.layers, makers, strict=False)
    )
