"""The base that an image is built on: found on the engine, pulled, or the local fall-back.

Hides the order in which these are tried, and how a base is examined: once, in a container without
network, its facts kept in the cache by the engine's id, so that a build with nothing to do starts
no container.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from toolkit import image, labels
from toolkit.builder.events import Listener, Said
from toolkit.deps import unmet_python
from toolkit.engine import Engine
from toolkit.errors import BaseImageError, ContainerError, Hint, PullError
from toolkit.image import Base, Stored
from toolkit.reference import ImageReference
from toolkit.spec import LOCAL_BASES, ImageSpec

if TYPE_CHECKING:
    from toolkit.worker.result import Result

OLDEST_PYTHON: Final = (3, 8)

_FACTS: Final = ("python", "system", "libc")

MakeBase = Callable[[], ImageReference]

_EXAMINE: Final = """
import json, os, sys
facts = {}
for path in ("/etc/os-release", "/usr/lib/os-release"):
    try:
        with open(path, encoding="utf-8") as file:
            facts = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
        break
    except OSError:
        pass
from importlib.util import find_spec
installers = [name for name in ("pip", "ensurepip") if find_spec(name) and find_spec("venv")]
name, version = (facts.get(key, "").strip("\\"'") for key in ("ID", "VERSION_CODENAME"))
version = version or facts.get("VERSION_ID", "").strip("\\"'")
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
except (OSError, ValueError):
    libc = ""
print(json.dumps({
    "python": "%d.%d.%d" % sys.version_info[:3],
    "system": "-".join(filter(None, (name, version))) or "unknown",
    "libc": ".".join(libc.split(".")[:2]) or "musl 1.2",
    "installers": installers,
}))
"""


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
    facts = _facts(engine, reference, stored, search.cache)
    _check_python(reference, facts["python"], spec)
    made = _made_from(reference, stored)
    digest = reference.digest or (None if made else image.digest_of(stored, reference))
    return Base(
        name=reference,
        reference=reference.with_digest(digest) if digest else reference,
        digest=digest or made or stored.id,
        platform=stored.platform,
        python=facts["python"],
        system=facts["system"],
        user=stored.user,
        layers=stored.layers,
        libc=facts["libc"],
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
    if fallback is None and search.make is not None and spec.base is None and spec.python is None:
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
    wanted = spec.python and ".".join(spec.python.split(".")[:2])
    for base in image.local_bases(engine):
        minor = (base.tag or "").rpartition("-py")[2]
        if wanted in (None, minor) and unmet_python(spec.dependencies.pythons, minor) is None:
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


def _facts(
    engine: Engine, reference: ImageReference, stored: Stored, cache: Path
) -> Mapping[str, str]:
    path = cache / "bases" / f"{stored.id.removeprefix('sha256:')}.json"
    try:
        facts = json.loads(path.read_bytes())
        return {name: str(facts[name]) for name in _FACTS}
    except (OSError, ValueError, KeyError, TypeError):
        facts = _examined(engine, reference, stored)
    with suppress(OSError):  # a cache that cannot be written to is none
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = path.with_suffix(f".{os.getpid()}")
        staging.write_text(json.dumps(facts), encoding="utf-8")
        staging.replace(path)
    return facts


def _examined(engine: Engine, reference: ImageReference, stored: Stored) -> Mapping[str, str]:
    try:
        result = _run_probe(engine, stored)
    except ContainerError as error:
        # The probe's container knows it by its id, the user by its name.
        named = error.message.replace(f"image {stored.id}", "it")
        raise BaseImageError(
            f"the base image {reference} cannot be used: {named}",
            hint=_contents(
                "name a base with `sh` and Python, such as python:3-slim, with --base", reference
            ),
        ) from error
    try:
        facts = json.loads(result.stdout)
    except ValueError as error:
        said = result.stderr.decode("utf-8", "replace").strip()[-300:]
        raise BaseImageError(
            f"the base image {reference} has a Python that does not work: {said!r}",
            hint=_contents("name another base with --base", reference),
        ) from error
    if tuple(map(int, facts["python"].split(".")))[:2] < OLDEST_PYTHON:
        raise BaseImageError(
            f"the base image {reference} has Python {facts['python']}, 3.8 is the oldest usable",
            hint=_contents("name a base with a newer Python with --base", reference),
        )
    if not facts["installers"]:
        raise BaseImageError(
            f"the base image {reference} has a Python without venv and pip",
            hint="install the distribution's package for them (Debian: python3-venv) in the base",
        )
    return {name: facts[name] for name in _FACTS}


def _contents(text: str, reference: ImageReference) -> Hint:
    return Hint(text, check="image.contents", flags=("--image", str(reference)))


def _run_probe(engine: Engine, stored: Stored) -> Result:
    from toolkit.container import ContainerOptions
    from toolkit.lifecycle import ContainerManager

    script = 'exec "$(command -v python3 || command -v python)" -I -'
    options = ContainerOptions(image=stored.id, network="none", user="0:0", role="probe")
    with ContainerManager(engine) as manager:
        container = manager.start(options)
        return container.run(["sh", "-c", script], stdin=_EXAMINE.encode(), timeout=60.0)


def _check_python(reference: ImageReference, found: str, spec: ImageSpec) -> None:
    wanted = spec.python
    if wanted is not None and not _fits(found, wanted):
        raise BaseImageError(
            f"the base image {reference} has Python {found}, and {wanted} was asked for",
            hint=f"name a base with Python {wanted} with --base, or leave --python out",
        )
    wish = unmet_python(spec.dependencies.pythons, found)
    if wish is not None:
        raise BaseImageError(
            f"the base image {reference} has Python {found}, and {wish.where} asks for {wish.said}",
            hint="name a base with such a Python with --base, or leave --base out",
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
