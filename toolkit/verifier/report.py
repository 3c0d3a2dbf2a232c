"""What the probe answered, judged: pure, from a JSON object to problems.

Hides which Debian package carries a missing shared object, and how an import error is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from packaging.utils import canonicalize_name

from toolkit import lock
from toolkit.errors import Problem, SpecError, VerificationError

PACKAGES: Final[Mapping[str, str]] = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libGLU.so.1": "libglu1-mesa",
    "libSM.so.6": "libsm6",
    "libXext.so.6": "libxext6",
    "libXrender.so.1": "libxrender1",
    "libX11.so.6": "libx11-6",
    "libXcursor.so.1": "libxcursor1",
    "libXft.so.2": "libxft2",
    "libXinerama.so.1": "libxinerama1",
    "libXi.so.6": "libxi6",
    "libxcb.so.1": "libxcb1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libgomp.so.1": "libgomp1",
    "libgfortran.so.5": "libgfortran5",
    "libstdc++.so.6": "libstdc++6",
    "libgcc_s.so.1": "libgcc-s1",
    "libatomic.so.1": "libatomic1",
    "libpq.so.5": "libpq5",
    "libmariadb.so.3": "libmariadb3",
    "libodbc.so.2": "unixodbc",
    "libsqlite3.so.0": "libsqlite3-0",
    "libxml2.so.2": "libxml2",
    "libxslt.so.1": "libxslt1.1",
    "libffi.so.8": "libffi8",
    "libssl.so.3": "libssl3",
    "libcurl.so.4": "libcurl4",
    "libsndfile.so.1": "libsndfile1",
    "libportaudio.so.2": "libportaudio2",
    "libcairo.so.2": "libcairo2",
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangocairo-1.0.so.0": "libpangocairo-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libgobject-2.0.so.0": "libglib2.0-0",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libjpeg.so.62": "libjpeg62-turbo",
    "libtiff.so.6": "libtiff6",
    "libopenblas.so.0": "libopenblas0",
    "liblapack.so.3": "liblapack3",
    "libblas.so.3": "libblas3",
    "libhdf5_serial.so.103": "libhdf5-103-1",
    "libgeos_c.so.1": "libgeos-c1v5",
    "libproj.so.25": "libproj25",
    "libgdal.so.32": "libgdal32",
    "libzmq.so.5": "libzmq5",
    "libmagic.so.1": "libmagic1",
    "libusb-1.0.so.0": "libusb-1.0-0",
    "libnss3.so": "libnss3",
    "libtk8.6.so": "libtk8.6",
    "libtcl8.6.so": "libtcl8.6",
    "libz.so.1": "zlib1g",
}
"""Shared objects that wheels commonly miss, and the Debian 12 package that has each."""

_SHARED_OBJECT: Final = re.compile(r"(lib[\w.+-]+\.so(?:\.\d+)*): cannot open shared object file")


@dataclass(frozen=True, slots=True)
class Report:
    """What an image says of itself: see toolkit/verifier/probe.py."""

    python: str
    locked: str
    installed: tuple[tuple[str, str], ...]
    modules: Mapping[str, str]
    imports: Mapping[str, str]
    folders: Mapping[str, str]
    brought: tuple[str, ...] = ()
    """Distributions that packages of conda's have brought, which its own records list."""
    manager: str = "apt"
    """The image's package manager, as the options call it, or nothing."""

    @classmethod
    def parse(cls, text: bytes) -> Report:
        """Raises VerificationError for what the probe never says."""
        try:
            answer = json.loads(text)
            return cls(
                python=answer["python"],
                locked=answer["lock"],
                installed=tuple((name, version) for name, version in answer["installed"]),
                modules=answer["modules"],
                imports=answer["imports"],
                folders=answer["folders"],
                brought=tuple(answer.get("brought", ())),
                manager=answer.get("manager", "apt"),
            )
        except (ValueError, KeyError, TypeError) as error:
            shown = text[-200:].decode("utf-8", "replace")
            raise VerificationError(
                f"the image's Python answered {shown!r}",
                hint="look for a sitecustomize or a .pth file in the base that prints",
            ) from error

    def problems(self, excused: Iterable[str] = ()) -> Iterator[Problem]:
        """Every breach of the contract, but for imports that were excused by name."""
        yield from self._differences()
        overlooked = frozenset(excused)
        for module, said in sorted(self.imports.items()):
            if said and module not in overlooked:
                line = " ".join(said.split())
                yield Problem(f"import {module}", f"{line} (from {self.modules[module]})")
        for folder, said in sorted(self.folders.items()):
            if said:
                yield Problem(folder, f"is not writable for every uid: {said}")

    def _differences(self) -> Iterable[Problem]:
        if not self.locked:
            return (Problem(lock.PATH, "is missing, so nobody knows what should be installed"),)
        try:
            locked = lock.read(self.locked)
            recorded = {canonicalize_name(name) for name in self.brought} - locked.packages.keys()
            others = [each for each in self.installed if canonicalize_name(each[0]) not in recorded]
            return lock.differences(locked, others)
        except SpecError as error:
            return (Problem("", error.message),)

    @property
    def missing_objects(self) -> tuple[str, ...]:
        """Shared objects that imports did not find, in alphabetical order."""
        said = "\n".join(self.imports.values())
        return tuple(sorted(set(_SHARED_OBJECT.findall(said))))


def hint(report: Report) -> str:
    """What to do about the problems of a report, in one sentence.

    Names of packages are known in Debian's family only.
    """
    manager = report.manager
    objects = report.missing_objects
    packages = sorted({PACKAGES[name] for name in objects if name in PACKAGES})
    if objects and manager != "apt":
        called = f" (Debian: {', '.join(packages)})" if packages else ""
        way = f"and add it with --{manager}" if manager else "and put it into the base"
        return f"find the base's package that has {', '.join(objects)}{called}, {way}"
    if packages:
        flags = " ".join(f"--apt {package}" for package in packages)
        return f"add {flags} for {', '.join(objects)}"
    if objects:
        return f"find the Debian package that has {', '.join(objects)}, and add it with --apt"
    if any(report.imports.values()):
        return (
            "fix or pin the package, or excuse the module with --excuse-import NAME if it cannot "
            "be imported here and need not be"
        )
    return "build with --rebuild, and report this if it happens again"
