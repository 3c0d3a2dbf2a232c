"""What a base image is: its Python, its distribution, its C library, its package manager.

Hides how that is found out: once, in a container without network, and kept in the cache by the
engine's id, so that a build with nothing to do starts no container. What the distribution is says
its own os-release, never the image's name. A base without Python, such as most of CUDA's, can run
nothing of ours: its files are read, and its distribution's own Python is what the image will have.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from toolkit.builder.releases import OwnPython, own_python
from toolkit.engine import Engine
from toolkit.errors import BaseImageError, ContainerError, EngineRefusedError, Hint
from toolkit.image import Stored
from toolkit.reference import ImageReference
from toolkit.spec import MANAGERS

if TYPE_CHECKING:
    from toolkit.worker.result import Result

OLDEST_PYTHON: Final = (3, 8)

PROGRAMS: Final = dict(zip(MANAGERS, ("apt-get", "apk", "dnf"), strict=True))
"""The program of each package manager that we can use."""

_FAMILIES: Final = {
    "debian": "apt",
    "ubuntu": "apt",
    "alpine": "apk",
    "wolfi": "apk",
    "fedora": "rpm",
    "rhel": "rpm",
    "centos": "rpm",
}
"""What the `ID` of an os-release, or one of `ID_LIKE`, says of the package manager."""

_RELEASES: Final = ("/usr/lib/os-release", "/etc/os-release")
_FOLDERS: Final = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")

_EXAMINE: Final = """
import json, os, shutil, sys
release = {}
for path in ("/etc/os-release", "/usr/lib/os-release"):
    try:
        with open(path, encoding="utf-8") as file:
            lines = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
        release = {key: value.strip("\\"'") for key, value in lines.items()}
        break
    except OSError:
        pass
from importlib.util import find_spec
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
except (OSError, ValueError):
    libc = ""
print(json.dumps({
    "release": release,
    "programs": [each for each in sys.argv[1:] if shutil.which(each)],
    "python": "%d.%d.%d" % sys.version_info[:3],
    "own": os.path.realpath(sys.executable).startswith("/usr/bin/"),
    "libc": ".".join(libc.split(".")[:2]) or "musl 1.2",
    "installers": [name for name in ("pip", "ensurepip") if find_spec(name) and find_spec("venv")],
}))
"""


_NOTHING: Final = {"python": "", "own": False, "libc": "", "installers": []}
"""What is known of the Python of a base that has none."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found. `manager` is one of MANAGERS, or empty; `title` the distribution's own name.

    `python_packages` are what the base must be given first; `python` is then what they bring.
    """

    python: str
    system: str
    libc: str
    manager: str
    title: str
    python_packages: tuple[str, ...] = ()


def examine(engine: Engine, reference: ImageReference, stored: Stored, cache: Path) -> Facts:
    """The facts about a base. Raises BaseImageError where nothing can be built on it."""
    path = cache / "bases" / f"{stored.id.removeprefix('sha256:')}.json"
    try:
        return facts_of(json.loads(path.read_bytes()), reference)
    except (OSError, ValueError, KeyError, TypeError):
        found = _examined(engine, reference, stored)
    with suppress(OSError):  # a cache that cannot be written to is none
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = path.with_suffix(f".{os.getpid()}")
        staging.write_text(json.dumps(found), encoding="utf-8")
        staging.replace(path)
    return facts_of(found, reference)


def system_of(release: Mapping[str, str]) -> str:
    """A short name of the distribution's release, such as debian-bookworm."""
    version = release.get("VERSION_CODENAME") or release.get("VERSION_ID")
    return "-".join(filter(None, (release.get("ID"), version))) or "unknown"


def manager_of(release: Mapping[str, str], programs: list[str]) -> str:
    """The package manager of a distribution, where it has the program for it.

    One that says nothing that we know is taken for what its program is.
    """
    said = (release.get("ID", ""), *release.get("ID_LIKE", "").split())
    known = [_FAMILIES[each] for each in said if each in _FAMILIES]
    for manager in known[:1] or MANAGERS:
        if PROGRAMS[manager] in programs:
            return manager
    return ""


def facts_of(found: Mapping[str, Any], reference: ImageReference) -> Facts:
    """What a probe's words come to. Raises BaseImageError."""
    release = found["release"]
    system = system_of(release)
    facts = Facts(
        python=found["python"],
        system=system,
        libc=found["libc"],
        manager=manager_of(release, found["programs"]),
        title=release.get("PRETTY_NAME") or release.get("NAME") or system,
    )
    if not facts.python:
        return _with_own_python(facts, reference, own_python(release))
    if tuple(map(int, facts.python.split(".")))[:2] < OLDEST_PYTHON:
        raise BaseImageError(
            f"the base image {reference} has Python {facts.python}, 3.8 is the oldest usable",
            hint=_contents("name a base with a newer Python with --base", reference),
        )
    if found["installers"]:
        return facts
    own = own_python(release)
    if own and facts.manager and found["own"] and facts.python.startswith(f"{own.python}."):
        return replace(facts, python_packages=own.packages)
    raise BaseImageError(
        f"the base image {reference} has a Python without venv and pip",
        hint="install the distribution's package for them (Debian: python3-venv) in the base",
    )


def _with_own_python(facts: Facts, reference: ImageReference, own: OwnPython | None) -> Facts:
    if own is None or not facts.manager:
        raise BaseImageError(
            f"the base image {reference} is {facts.title} and has no Python, and which one its "
            "packages bring is not known",
            hint=_contents(
                "name a base with `sh` and Python, such as python:3-slim, with --base", reference
            ),
        )
    return replace(facts, python=own.python, libc=own.libc, python_packages=own.packages)


def _examined(engine: Engine, reference: ImageReference, stored: Stored) -> Mapping[str, Any]:
    from toolkit.container.refusals import NO_PYTHON  # a build with nothing to do starts none

    try:
        result = _run_probe(engine, stored)
    except ContainerError as error:
        if error.message.endswith(NO_PYTHON):
            return _read(engine, stored)
        # The probe's container knows it by its id, the user by its name.
        named = error.message.replace(f"image {stored.id}", "it")
        raise BaseImageError(
            f"the base image {reference} cannot be used: {named}",
            hint=_contents(
                "name a base with `sh` and Python, such as python:3-slim, with --base", reference
            ),
        ) from error
    try:
        found: Mapping[str, Any] = json.loads(result.stdout)
    except ValueError as error:
        said = result.stderr.decode("utf-8", "replace").strip()[-300:]
        raise BaseImageError(
            f"the base image {reference} has a Python that does not work: {said!r}",
            hint=_contents("name another base with --base", reference),
        ) from error
    return found


def _read(engine: Engine, stored: Stored) -> Mapping[str, Any]:
    """What the files of a base say, of which nothing can be run."""
    from toolkit.lifecycle.unstarted import unstarted

    with unstarted(engine, stored.id) as container:
        said = (_file(engine, container, path) for path in _RELEASES)
        release = next(filter(None, said), b"").decode("utf-8", "replace")
        programs = [
            program
            for program in PROGRAMS.values()
            if any(_file(engine, container, f"{folder}/{program}") for folder in _FOLDERS)
        ]
    lines = (line.partition("=") for line in release.splitlines())
    variables = {key: value.strip("\"' ") for key, equals, value in lines if equals}
    return {**_NOTHING, "release": variables, "programs": programs}


def _file(engine: Engine, container: str, path: str) -> bytes:
    """A small file's content, or the name that a link has; nothing where there is none."""
    where, doing = f"/containers/{container}/archive", "reading the files of an image"
    try:
        with engine.open("GET", where, doing=doing, params={"path": path}) as answer:
            packed = b"".join(answer.chunks())
    except EngineRefusedError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return b""
        raise
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        first = tar.next()
        file = tar.extractfile(first) if first and first.isreg() else None
        return file.read() if file else (first.linkname.encode() if first else b"")


def _contents(text: str, reference: ImageReference) -> Hint:
    return Hint(text, check="image.contents", flags=("--image", str(reference)))


def _run_probe(engine: Engine, stored: Stored) -> Result:
    from toolkit.container import ContainerOptions
    from toolkit.lifecycle import ContainerManager

    script = 'exec "$(command -v python3 || command -v python)" -I - "$@"'
    options = ContainerOptions(image=stored.id, network="none", user="0:0", role="probe")
    with ContainerManager(engine) as manager:
        container = manager.start(options)
        command = ["sh", "-c", script, "sh", *PROGRAMS.values()]
        return container.run(command, stdin=_EXAMINE.encode(), timeout=60.0)
