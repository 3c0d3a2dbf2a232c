"""What is to be built, as one value, and how that is said to `POST /build`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from toolkit.reference import ImageReference

Compression = Literal["zstd", "gzip", "uncompressed"]


@dataclass(frozen=True, slots=True)
class Cache:
    """A build cache outside the engine, as BuildKit names it: `registry` with `ref`, `inline`."""

    kind: str
    attributes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def inline(cls) -> Cache:
        """The cache that an image carries in its own configuration; for `cache_to`."""
        return cls("inline")

    @classmethod
    def registry(cls, reference: ImageReference, **attributes: str) -> Cache:
        """The cache under a name of a registry; for `cache_from`, an image with an inline one."""
        return cls("registry", {"ref": str(reference), **attributes})


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One build. `dockerfile` is a path in the context; without `tags` the image gets no name.

    `context` is a tar, whole or in parts; parts must be there anew each time they are iterated,
    for the engine may read the context twice. `compression` is that of the new layers, where the
    engine compresses them at all (the containerd image store): zstd is several times faster than
    gzip, but registries and engines of some age cannot read it, so an image that will be pushed
    wants `gzip`.
    """

    context: bytes | Iterable[bytes] = field(repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    platform: str | None = None
    target: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    no_cache: bool = False
    dockerfile: str = "Dockerfile"
    tags: tuple[ImageReference, ...] = ()
    cache_from: tuple[Cache, ...] = ()
    cache_to: tuple[Cache, ...] = ()
    compression: Compression = "zstd"

    def parts(self) -> Iterator[bytes]:
        """Give the context from its start."""
        return iter((self.context,) if isinstance(self.context, bytes) else self.context)

    @property
    def names(self) -> tuple[str, ...]:
        """The tags in full, as the engine takes them without guessing."""
        return tuple(str(one.normalized.tagged) for one in self.tags)

    def exporter(self) -> dict[str, str]:
        """Return how the engine shall compress what it exports; engines that never do ignore it."""
        asked = {"compression": self.compression}
        if self.compression == "zstd":
            return asked | {"compression-level": "1"}
        # Layers that an earlier build has compressed otherwise would be taken as they are.
        return asked | {"force-compression": "true"}

    def query(self, session: str) -> dict[str, str | list[str]]:
        """Return the parameters of `POST /build` for the session of that id.

        Of the caches it knows references to import from, and the inline one to export.
        """
        imported = [one.attributes["ref"] for one in self.cache_from if "ref" in one.attributes]
        inline = any(one.kind == "inline" for one in self.cache_to)
        arguments = {**self.build_args, **({"BUILDKIT_INLINE_CACHE": "1"} if inline else {})}
        asked: dict[str, str | list[str]] = {
            "version": "2",
            "session": session,
            "dockerfile": self.dockerfile,
            "labels": json.dumps(dict(self.labels)) if self.labels else "",
            "buildargs": json.dumps(arguments) if arguments else "",
            "platform": self.platform or "",
            "target": self.target or "",
            "nocache": "1" if self.no_cache else "",
            "t": list(self.names),
            "cachefrom": json.dumps(imported) if imported else "",
            "outputs": json.dumps([{"Type": "moby", "Attrs": self.exporter()}]),
        }
        return {name: value for name, value in asked.items() if value}
