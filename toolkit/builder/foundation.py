"""The base that an image is built on: found on the engine, pulled, or the local fall-back.

Hides the order in which these are tried, and whether what was found is what the spec needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from toolkit import image, labels
from toolkit.builder.events import Listener, Said
from toolkit.builder.examining import PROGRAMS, Facts, examine
from toolkit.deps import unmet_python
from toolkit.engine import Engine
from toolkit.errors import BaseImageError, Hint, PullError
from toolkit.image import Base, Stored
from toolkit.reference import ImageReference
from toolkit.spec import LOCAL_BASES, MANAGERS, ImageSpec

OLDEST_FOR_CONDA: Final = (3, 10)

MakeBase = Callable[[], ImageReference]


@dataclass(frozen=True, slots=True)
class Search:
    """How a base is looked for. Without `make` only a fall-back that exists is used."""

    pull: bool
    cache: Path
    make: MakeBase | None
    listener: Listener


def find_base(engine: Engine, spec: ImageSpec, search: Search) -> Base:
    """The base for `spec`: present, else pulled, else (for the default base) made locally.

    Raises PullError where it cannot be had, BaseImageError where it lacks what an image is built
    on or has another Python than was asked for.
    """
    reference, stored = _obtained(engine, spec, search)
    if labels.DIGEST in stored.labels:  # the image itself, or one that was made from it
        search.listener(
            Said(f"not taking over the Python packages of {reference}, which is an image of ours")
        )
    _check_platform(reference, stored.platform, spec.platform)
    facts = examine(engine, reference, stored, search.cache)
    _check_python(reference, facts.python, spec)
    check_packages(reference, facts, spec)
    if spec.dependencies.conda:
        check_for_conda(reference, facts)
    if facts.python_packages:
        given = " and ".join(facts.python_packages)
        search.listener(Said(f"giving {reference}, {facts.title}, its own {given}"))
    made = _made_from(reference, stored)
    digest = reference.digest or (None if made else image.digest_of(stored, reference))
    return Base(
        name=reference,
        reference=reference.with_digest(digest) if digest else reference,
        digest=digest or made or stored.id,
        platform=stored.platform,
        python=facts.python,
        system=facts.system,
        user=stored.user,
        layers=stored.layers,
        libc=facts.libc,
        manager=facts.manager,
        python_packages=facts.python_packages,
    )


def _obtained(engine: Engine, spec: ImageSpec, search: Search) -> tuple[ImageReference, Stored]:
    wanted = spec.wanted_base
    if not search.pull:
        stored = image.find(engine, wanted)
        if stored is not None:
            return wanted, stored
        fallback = _local_base(engine, spec)
        if fallback is not None:
            return _fallen_back(engine, wanted, fallback, search.listener)
    try:
        search.listener(Said(f"pulling the base image {wanted}"))
        engine.pull(wanted, on_event=search.listener)
    except PullError as error:
        if not error.unreachable:
            raise
        return _without_registry(engine, spec, search, error)
    return wanted, _stored(engine, wanted)


def _without_registry(
    engine: Engine, spec: ImageSpec, search: Search, error: PullError
) -> tuple[ImageReference, Stored]:
    """What there is without a registry: the base as it is here, a local one, or a new local one."""
    wanted = spec.wanted_base
    stored = image.find(engine, wanted)
    if stored is not None:
        search.listener(Said(f"using {wanted} as it is here: its registry did not answer"))
        return wanted, stored
    fallback = _local_base(engine, spec)
    # A new one would have this distribution's Python, whatever was asked for.
    if (
        fallback is None
        and search.make is not None
        and spec.base is None
        and spec.base_python is None
    ):
        fallback = search.make()
    if fallback is None:
        raise _hinted(error, spec) from error
    return _fallen_back(engine, wanted, fallback, search.listener)


def _hinted(error: PullError, spec: ImageSpec) -> PullError:
    if spec.base is not None:
        return error
    here = "name a base that the engine has with --base"
    hint = (
        f"{here}; it must have Python {spec.python}"
        if spec.python
        else f"run `toolkit base-image` to make a base from Debian's packages, or {here}"
    )
    return PullError(
        error.message,
        hint=error.hint.saying(hint),
        reference=error.reference,
        trouble=error.trouble,
    )


def _stored(engine: Engine, reference: ImageReference) -> Stored:
    stored = image.find(engine, reference)
    if stored is None:
        raise BaseImageError(
            f"the base image {reference} vanished while it was being used",
            hint="try again, when nothing removes images meanwhile",
        )
    return stored


def _fallen_back(
    engine: Engine, wanted: ImageReference, fallback: ImageReference, listener: Listener
) -> tuple[ImageReference, Stored]:
    listener(
        Said(
            f"using the local base {fallback} instead of {wanted}, which is not here; "
            "--pull asks the registry again, --base names another"
        )
    )
    return fallback, _stored(engine, fallback)


def _local_base(engine: Engine, spec: ImageSpec) -> ImageReference | None:
    """The newest local base that may stand in for the default one, with the Python asked for."""
    if spec.base is not None:
        return None
    asked = spec.base_python
    wanted = asked and ".".join(asked.split(".")[:2])
    for base in image.local_bases(engine):
        minor = (base.tag or "").rpartition("-py")[2]
        if wanted in (None, minor) and unmet_python(spec.dependencies.base_pythons, minor) is None:
            return base
    return None


def _made_from(reference: ImageReference, stored: Stored) -> str | None:
    """The identity of an image that we made, which is the same on every machine.

    That of its manifest, which the containerd image store tells of any image, is that of one build.
    Labels are inherited, so the label of a local base says something only about an image of that
    name with the one layer that it was imported with; and the label of an executor image only about
    the image that has the tag which the label implies.
    """
    source = stored.labels.get(labels.SOURCE_DIGEST)
    if source and reference.name == LOCAL_BASES and len(stored.layers) == 1:
        return source
    digest = stored.labels.get(labels.DIGEST)
    ours = reference.name.startswith(f"{image.REPOSITORY}/")
    if digest and ours and reference.tag == image.tag_of(digest):
        return f"sha256:{digest}"
    return None


def _check_python(reference: ImageReference, found: str, spec: ImageSpec) -> None:
    wanted = spec.base_python
    if wanted is not None and not _fits(found, wanted):
        raise BaseImageError(
            f"the base image {reference} has Python {found}, and {wanted} was asked for",
            hint=f"name a base with Python {wanted} with --base, or leave --python out",
        )
    wish = unmet_python(spec.dependencies.base_pythons, found)
    if wish is not None:
        raise BaseImageError(
            f"the base image {reference} has Python {found}, and {wish.where} asks for {wish.said}",
            hint="name a base with such a Python with --base, or leave --base out",
        )


def check_for_conda(reference: ImageReference, facts: Facts) -> None:
    """What conda's packages are linked against, and what installs them runs on.

    Raises BaseImageError.
    """
    old = tuple(map(int, facts.python.split(".")[:2])) < OLDEST_FOR_CONDA
    lacks = "Python 3.10 or newer" if old else "glibc"
    if old or not facts.libc.startswith("glibc"):
        raise BaseImageError(
            f"the base image {reference} has Python {facts.python} and {facts.libc}, and packages "
            f"of conda's need {lacks}",
            hint="name another base with --base, such as python:3-slim",
        )


def check_packages(reference: ImageReference, facts: Facts, spec: ImageSpec) -> None:
    """System packages are asked for by their names in one family of distributions.

    Raises BaseImageError where they are, and in none that is the base's.
    """
    asked = {
        manager: names for manager in MANAGERS if (names := sum(spec.system_packages(manager), ()))
    }
    if not asked or facts.manager in asked:
        return
    told = " and ".join(
        f"{manager} packages ({', '.join(names)})" for manager, names in asked.items()
    )
    ways = f"name its packages with --{facts.manager}, or " if facts.manager else ""
    programs = " or ".join(PROGRAMS[manager] for manager in asked)
    raise BaseImageError(
        f"the base image {reference} is {facts.title}, and the image asks for {told}",
        hint=f"{ways}name a base that has {programs} with --base",
    )


def _check_platform(reference: ImageReference, found: str, wanted: str | None) -> None:
    if wanted is not None and found != wanted:
        raise BaseImageError(
            f"the base image {reference} is for {found}, and {wanted} was asked for",
            hint=Hint(
                f"name a base for {wanted} that the engine has, or leave the platform out",
                check="engine.os",
            ),
        )


def _fits(found: str, wanted: str) -> bool:
    return found.split(".")[: len(wanted.split("."))] == wanted.split(".")
