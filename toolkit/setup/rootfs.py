"""The recipe of our base image: how mmdebstrap is called, and what the result is known by.

Bytes and values in, values out; nothing is run here. A base is identified by what it was made
from (suite, architecture, recipe, package versions), not by its image id, so that two machines
agree on it.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from toolkit import labels
from toolkit.errors import BaseImageError
from toolkit.reference import ImageReference
from toolkit.spec import LOCAL_BASES

EPOCH: Final = 1
"""Raised with every change of the recipe that changes what is in the image."""

PACKAGES: Final = (
    "ca-certificates",
    "libstdc++6",
    "python-is-python3",
    "python3",
    "python3-venv",
)
MERGED_USR: Final = "/usr/share/mmdebstrap/hooks/maybe-merged-usr"
"""mmdebstrap's own hook; without it bookworm gets `usrmerge` and with it 50 MB of Perl."""

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DPKG: Final = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*",
    "force-unsafe-io",
)
# What is of the machine that made it, or of the making, does not belong in the image.
_TIDY: Final = (
    'rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1/etc/apt/apt.conf.d/99mmdebstrap"'
    ' "$1/var/lib/dpkg/"*-old "$1/var/cache/debconf/"*-old'
)
_NO_TRANSLATIONS: Final = (
    'echo \'Acquire::Languages "none";\' > "$1/etc/apt/apt.conf.d/80no-translations"'
)
_STATUS: Final = "var/lib/dpkg/status"
_PYTHON: Final = "usr/bin/python3"
_ENGINES_NAMES: Final = {"armhf": "arm", "armel": "arm", "i386": "386", "ppc64el": "ppc64le"}


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a root file system: each package's version, its architecture, its Python."""

    packages: tuple[str, ...]
    architecture: str
    python: str

    @property
    def platform_architecture(self) -> str:
        """The architecture as engines name it."""
        return _ENGINES_NAMES.get(self.architecture, self.architecture)


def command(
    suite: str,
    target: str,
    *,
    mode: str,
    sources: str | None,
    apt_options: tuple[str, ...] = (),
    hook: bool = True,
) -> tuple[str, ...]:
    """Give mmdebstrap's command line; `sources` is a file of sources, else its own are used."""
    return (
        "mmdebstrap",
        f"--mode={mode}",
        "--variant=minbase",
        "--format=tar",
        f"--include={','.join(PACKAGES)}",
        # Ubuntu has python3-venv there, and Debian has no such component.
        *(("--components=main,universe",) if sources is None and _is_ubuntus(suite) else ()),
        *((f"--hook-directory={MERGED_USR}",) if hook else ()),
        *(f"--dpkgopt={option}" for option in _DPKG),
        *(f"--aptopt={option}" for option in apt_options),
        f"--customize-hook={_TIDY}",
        f"--customize-hook={_NO_TRANSLATIONS}",
        suite,
        target,
        *((sources,) if sources else ()),
    )


def _is_ubuntus(suite: str) -> bool:
    return suite in {"jammy", "noble", "plucky", "questing", "resolute"}


def read(tar: BinaryIO) -> Contents:
    """Read what is in the tar of a root file system; BaseImageError where it has no Python."""
    status, link = b"", ""
    with tarfile.open(fileobj=tar, mode="r|") as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if name == _STATUS and (file := archive.extractfile(member)):
                status = file.read()
            elif name == _PYTHON:
                link = member.linkname
    packages = dict(installed(status.decode(errors="replace")))
    python = re.fullmatch(r"(?:.*/)?python(\d+\.\d+)", link)
    if python is None or "dpkg" not in packages:
        raise BaseImageError(
            "the root file system that mmdebstrap made has no Python or no package list",
            hint="name another suite with --suite",
        )
    return Contents(
        packages=tuple(sorted(f"{name}={version}" for name, (version, _) in packages.items())),
        architecture=packages["dpkg"][1],
        python=python[1],
    )


def installed(status: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Read dpkg's status file: name, then version and architecture, of what is installed."""
    for stanza in status.split("\n\n"):
        pairs = (line.partition(": ") for line in stanza.splitlines())
        fields = {key: value for key, colon, value in pairs if colon and not key.startswith(" ")}
        if fields.get("Status", "").endswith(" installed"):
            yield fields["Package"], (fields["Version"], fields["Architecture"])


def reference(suite: str, contents: Contents) -> ImageReference:
    """Give the image's name: `toolkit/base:bookworm-py3.11`."""
    return ImageReference(None, LOCAL_BASES, f"{suite}-py{contents.python}")


def digest(suite: str, contents: Contents) -> str:
    """Give the base's identity: what it was made from, as `sha256:…`."""
    parts = [EPOCH, suite, contents.architecture, contents.packages]
    return f"sha256:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"


def changes(suite: str, contents: Contents) -> tuple[str, ...]:
    """Give the image's configuration, as instructions for the import."""
    described = {
        labels.TITLE: LOCAL_BASES,
        labels.DESCRIPTION: f"{suite} with Python {contents.python}",
        labels.SOURCE_DIGEST: digest(suite, contents),
    }
    return (
        'CMD ["python3"]',
        f"ENV PATH={_PATH}",
        "ENV LANG=C.UTF-8",
        *(f'LABEL {key}="{value}"' for key, value in described.items()),
    )
