"""What image is wanted, as one frozen, validated value.

Hides the grammars: whatever came from a command line or a file is text until it has been here, and
after that nobody has to ask whether a package name is one. All problems are found before the first
is reported. `fields` is the table of what can be wished for, `wishes` what one source says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from toolkit.deps import Dependencies, preferred_python, unmet_python
from toolkit.deps.python import PythonWish
from toolkit.errors import Problem, SpecError
from toolkit.reference import ImageReference
from toolkit.spec import catalogue, grammar
from toolkit.spec.fields import FIELDS
from toolkit.spec.parts import Check, ImageFile
from toolkit.spec.wishes import Wishes, load
from toolkit.template import Template

__all__ = ["Check", "ImageFile", "ImageSpec", "Wishes", "catalogue", "default_name", "load"]

DEFAULT_BASE: Final = "python:3-slim"
DEFAULT_NAME: Final = "env"
LOCAL_BASES: Final = "toolkit/base"
"""The name of the bases that `toolkit base-image` makes."""
MANAGERS: Final = ("apt", "apk", "rpm")
"""Package managers of systems, each with the packages that a spec asks of it."""


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """The image that is wanted. Every field is valid; `from_mapping` is the only way in from text.

    `base` is None where the default applies; `python` is the version asked for, if any. `apt`,
    `apk` and `rpm` are system packages by their names in a family of distributions, of which the
    base's counts; those of `apt_build` and the like only the build has. `platform` is the one that
    the base must have. `environment` and `labels` are pairs in the order given; `excused` are
    modules whose failing import the verifier overlooks, and `verify` is what it runs besides.
    `preload` are modules that a container has imported before its first block of Python. `user` and
    `workdir` are those of the image's programs, where they are not the base's and /workspace.
    `secrets` are the ids of those without which nothing is built. `template` is the user's own,
    where it is not ours.
    """

    dependencies: Dependencies
    name: str = DEFAULT_NAME
    description: str | None = None
    base: ImageReference | None = None
    python: str | None = None
    platform: str | None = None
    apt: tuple[str, ...] = ()
    apt_build: tuple[str, ...] = ()
    apk: tuple[str, ...] = ()
    apk_build: tuple[str, ...] = ()
    rpm: tuple[str, ...] = ()
    rpm_build: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    tags: tuple[ImageReference, ...] = ()
    excused: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    user: str | None = None
    workdir: str | None = None
    secrets: tuple[str, ...] = ()
    template: Template | None = None
    verify: tuple[Check, ...] = ()
    files: tuple[ImageFile, ...] = ()

    @classmethod
    def from_mapping(cls, table: Mapping[str, object], dependencies: Dependencies) -> ImageSpec:
        """Validate `table`, which has the keys of an image.toml but for the dependencies'.

        `environment` and `labels` take a mapping, or a list of `NAME=VALUE`. Raises SpecError with
        all problems, each with its place (`apt[2]`).
        """
        return cls.of(Wishes.read(table, fields=FIELDS), dependencies)

    @classmethod
    def of(cls, wishes: Wishes, dependencies: Dependencies) -> ImageSpec:
        """The spec of these wishes. Raises SpecError where they do not go together."""
        own = {field.key for field in FIELDS}
        values: dict[str, Any] = {
            key.replace("-", "_"): value for key, value in wishes.values.items() if key in own
        }
        for key, more in (("apt", dependencies.apt), ("apt_build", dependencies.apt_build)):
            values[key] = tuple(dict.fromkeys((*more, *values.get(key, ()))))
        python = values.get("python")
        if python and dependencies.conda:
            told = PythonWish(
                f"=={python}.*" if python.count(".") == 1 else f"=={python}", "python"
            )
            dependencies = replace(dependencies, pythons=(*dependencies.pythons, told))
        spec = cls(dependencies, **values)
        problems = tuple(spec._contradictions())
        if problems:
            raise SpecError.gathered(problems, hint="correct it, and try again")
        return spec

    def _contradictions(self) -> Iterator[Problem]:
        if self.python and (wish := unmet_python(self.dependencies.pythons, self.python)):
            said = f"{self.python} is asked for, and {wish.where} asks for {wish.said}"
            yield Problem("python", said)
        if self.dependencies.conda and self.dependencies.exclude_newer:
            yield Problem("exclude-newer", "does not go with packages of conda's")
        for index, tag in enumerate(self.tags):
            where = f"tags[{index}]"
            if tag.normalized.name == self.wanted_base.normalized.name:
                yield Problem(where, f"{str(tag)!r} is a name of the base image")
            elif tag.name == LOCAL_BASES:
                yield Problem(where, f"{str(tag)!r} is a name for base images")

    def system_packages(self, manager: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What is asked for of that package manager: for the image, and for the build alone."""
        asked = {
            "apt": (self.apt, self.apt_build),
            "apk": (self.apk, self.apk_build),
            "rpm": (self.rpm, self.rpm_build),
        }
        return asked.get(manager, ((), ()))

    @property
    def checks(self) -> tuple[Check, ...]:
        """What must succeed in the image, besides what must in every image."""
        if not self.preload:
            return self.verify
        names = ", ".join(self.preload)
        return Check("preload", ("python", "-c", f"import {names}")), *self.verify

    @property
    def base_python(self) -> str | None:
        """The Python that is asked of the base: none, where conda brings another."""
        return None if self.dependencies.conda else self.python

    @property
    def wanted_base(self) -> ImageReference:
        """The base that was asked for, or the default one for the Python that was asked for."""
        if self.base is not None:
            return self.base
        python = self.base_python or preferred_python(self.dependencies.base_pythons)
        if python is not None:
            return ImageReference.parse(f"python:{python}-slim")
        return ImageReference.parse(DEFAULT_BASE)


def default_name(paths: Sequence[Path], catalogue: Path) -> str:
    """`env`, or the name of the catalogue's folder that the only dependency file lies in."""
    folders = {path.absolute() if path.is_dir() else path.absolute().parent for path in paths}
    if len(folders) == 1:
        folder = folders.pop()
        if folder.parent == catalogue and grammar.NAME.fullmatch(folder.name):
            return folder.name
    return DEFAULT_NAME
