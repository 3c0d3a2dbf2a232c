"""What an image is to us, and how to ask the engine about it.

Hides the shape of the engine's answers. `Base` is the one fact about the world that rendering
needs; `Image` is what a build comes to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from toolkit import labels
from toolkit.engine import Engine, PullEvent, RetryEvent
from toolkit.errors import ImageReferenceError
from toolkit.reference import ImageReference
from toolkit.spec import DEFAULT_BASE, LOCAL_BASES

DEFAULT: Final = DEFAULT_BASE
"""What code is run in where no image is named."""
DEFAULT_VARIABLE: Final = "TOOLKIT_DEFAULT_IMAGE"
"""The environment variable that names another one, for the executors and the command line."""

REPOSITORY: Final = "toolkit"
"""Images are named `toolkit/<name>:<tag>`, with the tag that `tag_of` gives."""

_ID: Final = re.compile(r"(?:sha256:)?[0-9a-f]{64}")

Action = Literal["reused", "pulled", "built"]


@dataclass(frozen=True, slots=True)
class Base:
    """A base image as the engine has it.

    `name` is what was asked for, and what the engine resolves; `reference` is the same with the
    registry's digest where there is one, so that a tag cannot move under a build. `digest` is its
    identity on every machine: the registry's digest, or what a local base was made from, or, for
    want of both, the engine's id. `python` is its interpreter's version (`3.11.2`), `system` its
    distribution (`debian-bookworm`), `libc` its C library (`glibc 2.36`), `manager` its package
    manager, where it has one that we can use: `apt`, `apk` or `rpm`. `python_packages` bring the
    Python where it has none yet. `layers` prove afterwards what was built upon.
    """

    name: ImageReference
    reference: ImageReference
    digest: str
    platform: str
    python: str
    system: str
    user: str = ""
    layers: tuple[str, ...] = ()
    libc: str = "glibc 2.36"
    manager: str = "apt"
    python_packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """An executor image: `reference` is its name, `id` the engine's, `digest` its identity.

    `shared` is the name and the digest that it has in a registry, where it was pulled or pushed.
    """

    reference: ImageReference
    id: str
    digest: str
    action: Action
    base: ImageReference
    size: int = 0
    tags: tuple[ImageReference, ...] = ()
    shared: ImageReference | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An image as the engine has it now. `tagged` is when it last got a name, if that is known."""

    id: str
    labels: Mapping[str, str]
    layers: tuple[str, ...]
    repo_digests: tuple[str, ...]
    platform: str
    user: str
    size: int
    created: str
    tags: tuple[str, ...] = field(default=())
    tagged: str = ""

    @property
    def inputs(self) -> Mapping[str, str]:
        """The parts of the digest that it was built from; empty for an image that is not ours."""
        try:
            parts = json.loads(self.labels.get(labels.INPUTS, "{}"))
        except ValueError:
            return {}
        return parts if isinstance(parts, dict) else {}

    @property
    def excused(self) -> frozenset[str]:
        """Modules whose failing import was overlooked when it was verified."""
        return frozenset(filter(None, self.labels.get(labels.EXCUSED, "").split(",")))


def tag_of(digest: str) -> str:
    """The tag that a digest implies: its first 12 digits."""
    return digest[:12]


def find(engine: Engine, reference: ImageReference | str) -> Stored | None:
    """The image of that name or id on the engine, or None. Asks no registry."""
    answer = engine.inspect_image(str(reference))
    return None if answer is None else _stored(answer)


def digest_of(stored: Stored | None, reference: ImageReference) -> str | None:
    """The digest by which the registry in the reference knows the image, as the engine has it.

    Several digests of one name are the same image, pulled by several lists: which one is given must
    not depend on the engine's order.
    """
    for text in sorted(stored.repo_digests if stored is not None else ()):
        with suppress(ImageReferenceError):
            found = ImageReference.parse(text)
            if found.normalized.name == reference.normalized.name:
                return found.digest
    return None


def newest(engine: Engine, name: str) -> Stored | None:
    """The image of ours of that name that was made last, for explaining what has changed."""
    entries = engine.list_images(f"{labels.NAME}={name}")
    for entry in sorted(entries, key=lambda entry: entry.get("Created", 0), reverse=True):
        stored = find(engine, entry["Id"])
        if stored is not None and stored.inputs:
            return stored
    return None


def local_bases(engine: Engine) -> tuple[ImageReference, ...]:
    """The bases that `toolkit base-image` made, the newest first.

    Executor images inherit the label of their base, so the name decides as well.
    """
    found = engine.list_images(labels.SOURCE_DIGEST)
    return tuple(
        ImageReference.parse(tag)
        for entry in sorted(found, key=lambda entry: int(entry.get("Created") or 0), reverse=True)
        if labels.DIGEST not in (entry.get("Labels") or {})
        for tag in map(_unqualified, entry.get("RepoTags") or ())
        if tag.startswith(f"{LOCAL_BASES}:")
    )


def _unqualified(tag: str) -> str:
    """Podman puts one of these before a name without a registry, and finds it without, too."""
    return tag.removeprefix("localhost/").removeprefix("docker.io/")


def provide(engine: Engine, name: str, say: Callable[[str], None]) -> None:
    """Pull the image of that name or id if it is not there: a local one asks no registry.

    Raises ImageReferenceError, PullError.
    """
    if not _ID.fullmatch(name):
        ImageReference.parse(name)  # the engine refuses a wrong one too, and gives no hint
    if find(engine, name) is None:
        reference = ImageReference.parse(name)
        say(f"Pulling image {name}...")
        engine.pull(reference, on_event=lambda event: _say_retry(event, say))


def _say_retry(event: PullEvent, say: Callable[[str], None]) -> None:
    if isinstance(event, RetryEvent):
        say(event.status)


def _stored(answer: Mapping[str, Any]) -> Stored:
    config = answer.get("Config") or {}
    variant = answer.get("Variant")
    platform = f"{answer['Os']}/{answer['Architecture']}" + (f"/{variant}" if variant else "")
    return Stored(
        id=answer["Id"],
        labels=config.get("Labels") or {},
        layers=tuple((answer.get("RootFS") or {}).get("Layers") or ()),
        repo_digests=tuple(answer.get("RepoDigests") or ()),
        platform=platform,
        user=config.get("User") or "",
        size=int(answer.get("Size") or 0),
        created=str(answer.get("Created") or ""),
        tags=tuple(answer.get("RepoTags") or ()),
        tagged=str((answer.get("Metadata") or {}).get("LastTagTime") or ""),
    )
