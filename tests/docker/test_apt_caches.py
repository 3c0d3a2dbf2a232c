"""Nothing that is in apt's caches is in an image unchecked, and no package of a build gets at them.

The sources of packages are folders of the bases.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.docker.debian import MARKER, source_of
from toolkit import builder, context, renderer, resources
from toolkit.builder import BuildOptions, Plan
from toolkit.deps import Dependencies
from toolkit.engine import Engine, buildkit
from toolkit.engine.buildkit import StepLog
from toolkit.reference import ImageReference
from toolkit.spec import ImageSpec

pytestmark = pytest.mark.docker


@dataclass(slots=True)
class Installing:
    """Builds of Debian packages alone, with caches of a name of their own."""

    engine: Engine
    name: str
    cache: Path
    unique: str = field(default_factory=lambda: f"t-{uuid.uuid4().hex[:8]}")

    def install(self, base: ImageReference, package: str) -> str:
        """Build an image with the package, every step run; gives its name."""
        planned = self._planned(base, package)
        made = builder.build(
            planned, engine=self.engine, environment=os.environ, options=self._options()
        )
        return str(made.reference)

    def word(self, base: ImageReference) -> str:
        """What the package tk-word has brought into a new image on the base."""
        (line,) = self._said(self.install(base, "tk-word"), "cat /usr/share/tk/word")
        return line

    def cached(self, base: ImageReference, command: str) -> list[str]:
        """Run a command beside the folders of apt's caches; what it prints."""
        dockerfile = self._planned(base, "tk-word").rendered.dockerfile
        caches = sorted(set(re.findall(rf"type=cache,id=({self.unique}-[\w.-]+)", dockerfile)))
        assert len(caches) == 2
        mounts = "".join(f" --mount=type=cache,id={each},target=/caches/{each}" for each in caches)
        return self._said(str(base), f"cd /caches; {command}", mounts)

    def _said(self, image: str, command: str, mounts: str = "") -> list[str]:
        text = f"FROM {image}\nUSER 0\nRUN{mounts} : {uuid.uuid4()}; {command}\n"
        lines: list[str] = []
        made = buildkit.build(
            self.engine,
            buildkit.BuildRequest(context.pack([context.ContextFile("Dockerfile", text.encode())])),
            on_event=lambda event: lines.append(event.line) if isinstance(event, StepLog) else None,
        )
        self.engine.remove_image(made)
        return lines

    def _planned(self, base: ImageReference, package: str) -> Plan:
        table = {"base": str(base), "name": self.name, "apt": [package]}
        spec = ImageSpec.from_mapping(table, Dependencies())
        planned = builder.plan(spec, engine=self.engine, options=self._options())
        own = rf"id={self.unique}-\1"
        templates = {
            path: re.sub("id=toolkit-(apt|archives|lists)", own, text)
            for path, text in resources.templates().items()
        }
        # Every step mounts the folder. (`no_cache` would empty the caches as well.)
        templates["steps/again"] = uuid.uuid4().hex
        return replace(planned, rendered=renderer.render(spec, planned.base, templates))

    def _options(self) -> BuildOptions:
        return BuildOptions(self.cache, rebuild=True, verify=False)


@pytest.fixture
def installing(tmp_path: Path, first_engine: Engine, name: str) -> Installing:
    return Installing(first_engine, name, tmp_path / "cache")


Source = Callable[[str], ImageReference]


@pytest.fixture
def source(first_engine: Engine, base_image: str, name: str) -> Iterator[Source]:
    """Makes a base whose own apt source has packages with that word."""
    made: list[ImageReference] = []

    def make(word: str) -> ImageReference:
        tag = ImageReference.parse(f"toolkit/{name}:{word}")
        packed = source_of(base_image, word)
        buildkit.build(first_engine, buildkit.BuildRequest(packed, tags=(tag,)))
        made.append(tag)
        return tag

    yield make
    for each in made:
        first_engine.remove_image(str(each))


def test_an_archive_of_another_source_is_not_taken_for_ones_own(
    installing: Installing, source: Source
) -> None:
    """Same name, same version, same size: apt asks no more of an archive that is there already."""
    first, second = source("first"), source("other")
    assert installing.word(first) == "first"
    assert installing.word(second) == "other"
    assert installing.word(first) == "first"
    assert installing.cached(first, "find . -name '*tk-word_*.deb'") != []


def test_the_scripts_of_a_package_do_not_reach_the_caches(
    installing: Installing, source: Source
) -> None:
    """They run as root, in a step of their own: neither an archive nor a list can be replaced."""
    base = source("first")
    assert installing.word(base) == "first"
    before = installing.cached(base, "find . -name '*.deb' -exec sha256sum {} +")
    installing.install(base, "tk-reach")
    after = installing.cached(base, "find . -name 'tk-word_*.deb' -exec sha256sum {} +")
    assert before == after != []
    assert installing.cached(base, f"find . -name {MARKER}") == []
    assert installing.word(base) == "first"
