"""A bill of materials of an image, in CycloneDX 1.6 as JSON, from what is installed in it.

Hides cyclonedx-python-lib, which comes with the extra `sbom` and is loaded on use, and how packages
are named there (purl).
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import toolkit
from toolkit import labels
from toolkit.errors import SpecError
from toolkit.images.installed import Distribution
from toolkit.images.looking import Seen
from toolkit.images.system import System

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component

DISTRIBUTION: Final = "executor-toolkit"


def require(file: Path) -> None:
    """Fail now, not after a long build, where a bill could not be written. Raises SpecError."""
    if importlib.util.find_spec("cyclonedx") is None:
        raise SpecError(
            "an SBOM needs cyclonedx-python-lib, which is not installed",
            hint=f"install it by `pip install '{DISTRIBUTION}[sbom]'`",
        )
    # os.path.isdir: the method raises for names that are too long.
    if not os.path.isdir(file.parent):  # noqa: PTH112
        raise SpecError(
            f"the SBOM {str(file)!r} cannot be written: there is no folder {str(file.parent)!r}",
            hint="name a file in a folder that exists",
        )
    if os.path.isdir(file):  # noqa: PTH112
        raise SpecError(
            f"the SBOM {str(file)!r} cannot be written: it is a folder",
            hint="name a file that can be written",
        )


def write(file: Path, seen: Seen) -> None:
    """Write the bill of an image, all or nothing. Raises SpecError."""
    require(file)
    text = bill(seen)
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=file.parent, encoding="utf-8", delete=False
        ) as new:
            try:
                new.write(text)
                new.flush()
                # What mkstemp withholds from others, a report does not.
                os.fchmod(new.fileno(), 0o666 & ~_umask())
                os.replace(new.name, file)  # noqa: PTH105 - one way for both names
            except BaseException:
                with suppress(OSError):
                    Path(new.name).unlink()
                raise
    except OSError as error:
        raise SpecError(
            f"the SBOM {str(file)!r} cannot be written: {error.strerror}",
            hint="name a file that can be written",
        ) from error


def bill(seen: Seen) -> str:
    """Give the bill as JSON."""
    from cyclonedx.output.json import JsonV1Dot6

    return JsonV1Dot6(_bom(seen)).output_as_string(indent=2) + "\n"


def _bom(seen: Seen) -> Bom:
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType

    repository, _, tag = seen.name.rpartition(":")
    image = Component(
        name=repository or seen.name,
        version=tag if repository else None,
        type=ComponentType.CONTAINER,
        bom_ref=seen.stored.id,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=seen.stored.id.rpartition(":")[2])],
        properties=[Property(name=key, value=value) for key, value in _facts(seen)],
    )
    bom = Bom()
    bom.metadata.component = image
    bom.metadata.tools.components.add(
        Component(name=DISTRIBUTION, version=toolkit.__version__, type=ComponentType.APPLICATION)
    )
    parts = [*map(_python, seen.contents.distributions), *_system(seen.contents.system)]
    bom.components.update(parts)
    bom.register_dependency(image, parts)
    return bom


def _facts(seen: Seen) -> Iterator[tuple[str, str]]:
    wanted = (labels.DIGEST, labels.VERSION, labels.BASE_NAME, labels.BASE_DIGEST)
    facts: Mapping[str, str] = {
        **{key: seen.stored.labels.get(key, "") for key in wanted},
        f"{labels.NAMESPACE}.python": seen.contents.python,
        f"{labels.NAMESPACE}.platform": seen.stored.platform,
    }
    return ((key, value) for key, value in facts.items() if value)


def _python(each: Distribution) -> Component:
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model import (
        ExternalReference,
        ExternalReferenceType,
        HashAlgorithm,
        HashType,
        XsUri,
    )
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL
    from packaging.utils import canonicalize_name

    repository = each.source if "+" in each.source.partition(":")[0] else ""
    kind = ExternalReferenceType.VCS if repository else ExternalReferenceType.DISTRIBUTION
    qualifier = "vcs_url" if repository else "download_url"
    purl = PackageURL(
        "pypi",
        None,
        canonicalize_name(each.name),
        each.version,
        {qualifier: each.source} if each.source else None,
    )
    return Component(
        name=each.name,
        version=each.version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=purl.to_string(),
        licenses=[LicenseFactory().make_from_string(text) for text in each.licences],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each.sha256)] if each.sha256 else [],
        external_references=[ExternalReference(type=kind, url=XsUri(each.source))]
        if each.source
        else [],
    )


def _system(system: System) -> Iterator[Component]:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    distro = "-".join(filter(None, (system.name, system.version)))
    for each in system.packages:
        purl = PackageURL(
            "deb",
            system.name or "debian",
            each.name,
            each.version,
            {"arch": each.architecture, "distro": distro},
        )
        yield Component(
            name=each.name,
            version=each.version,
            type=ComponentType.LIBRARY,
            purl=purl,
            bom_ref=purl.to_string(),
        )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
