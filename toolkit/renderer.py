"""From a spec and its base to everything that a build is given: Dockerfile, files, digest.

Hides what of them a template is told, and that what it gives is taken apart again and held against
the instructions that the same template gives for harmless values. CVE-2026-33744 and CVE-2026-44345
were a value in exactly such a template.

The order of imports in the design puts `image` below this module, so what rendering needs of a base
is a protocol here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from toolkit import template
from toolkit.context import ContextFile, Tar, pack
from toolkit.dockerfile import instructions
from toolkit.errors import TemplateError
from toolkit.reference import ImageReference
from toolkit.spec import MANAGERS, ImageFile, ImageSpec

EPOCH: Final = "2"
"""Raised when the same inputs are meant to give another image."""

TEMPLATE: Final = "python.Dockerfile.j2"

_STEPS: Final = "steps/"
_STAGE: Final = "image"
"""What the last stage is called: the one that a build is asked for."""
_OF_CONDA: Final = {
    f"{_STEPS}{each}" for each in ("conda.sh", "conda.py", "conda_given.py", "rattler.txt")
}
_WITH_PYTHON: Final = ImageReference.parse("with-python")
"""The stage that the others begin with, where the base has no Python."""


class BaseFacts(Protocol):
    """What rendering must know of a base image; `toolkit.image.Base` is one."""

    @property
    def reference(self) -> ImageReference: ...
    @property
    def digest(self) -> str: ...
    @property
    def platform(self) -> str: ...
    @property
    def system(self) -> str: ...
    @property
    def manager(self) -> str: ...
    @property
    def python(self) -> str: ...
    @property
    def python_packages(self) -> tuple[str, ...]: ...
    @property
    def user(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a build is given. `inputs` has the parts that `digest` was made of, for explaining."""

    dockerfile: str
    files: tuple[ContextFile, ...]
    digest: str
    inputs: Mapping[str, str]

    def context(self) -> Tar:
        """The build context; local files are read as it is sent."""
        dockerfile = ContextFile("Dockerfile", self.dockerfile.encode())
        return pack([dockerfile, *self.files])


def render(spec: ImageSpec, base: BaseFacts, templates: Mapping[str, str]) -> Rendered:
    """Render what builds `spec` on `base`.

    The digest is the identity of the image: the same inputs give the same digest on any machine,
    from a checkout or from a wheel (design, decision 3). Raises TemplateError.
    """
    dockerfile = _dockerfile(spec, base, templates)
    dependencies = spec.dependencies
    files = (
        *_steps(templates, base.manager, conda=bool(dependencies.conda)),
        *_under("indexes", [dependencies.index_file()]),
        *_under("install", dependencies.context_files()),
        *(ContextFile(source, file.content) for source, file in _sources(spec)),
    )
    inputs = _inputs(dockerfile, files, base, spec)
    return Rendered(dockerfile, files, _digest(inputs), inputs)


def _values(spec: ImageSpec, base: BaseFacts) -> dict[str, object]:
    packages, build_packages = _system_packages(spec, base.manager)
    return {
        "base": base.reference,
        "start": _WITH_PYTHON if base.python_packages else base.reference,
        "conda": bool(spec.dependencies.conda),
        "python": ".".join(base.python.split(".")[:2]),
        "python_packages": list(base.python_packages),
        "build_packages": build_packages,
        "packages": packages,
        "manager": base.manager,
        "install": ["sh", f"/run/toolkit/steps/{base.manager}.sh"],
        "system_key": base.system,
        "base_key": _key(base),
        "environment": list(spec.environment),
        "labels": list(spec.labels),
        "files": [
            {"source": source, "target": file.target, "mode": f"{file.mode:04o}"}
            for source, file in _sources(spec)
        ],
        "workdir": spec.workdir or "",
        "user": spec.user or base.user,
    }


def _sources(spec: ImageSpec) -> list[tuple[str, ImageFile]]:
    """The files that the image gets, each with its place in the context."""
    return [(f"files/{number}", file) for number, file in enumerate(spec.files)]


def _system_packages(spec: ImageSpec, manager: str) -> tuple[list[str], list[str]]:
    """For the image and for the build; git, where a requirement is in a repository."""
    packages, build = spec.system_packages(manager)
    git = ("git",) if manager and spec.dependencies.needs_git else ()
    return list(packages), list(dict.fromkeys((*git, *build)))


def _key(base: BaseFacts) -> str:
    """Sets apart what is kept for different bases: bytecode is that of one Python."""
    return f"{base.digest.rpartition(':')[2][:16]}-{base.platform.replace('/', '-')}"


def _harmless(values: Mapping[str, object]) -> dict[str, object]:
    """Values of the same shape that can do nothing, for the skeleton."""
    pair = ("x", "x")
    return {
        "base": ImageReference.parse("x"),
        "start": ImageReference.parse("x"),
        "conda": values["conda"],
        "python": "x",
        "python_packages": ["x"] if values["python_packages"] else [],
        "build_packages": ["x"] if values["build_packages"] else [],
        "packages": ["x"] if values["packages"] else [],
        "manager": "x",
        "install": ["x"],
        "system_key": "x",
        "base_key": "x",
        "environment": [pair for _ in _sequence(values["environment"])],
        "labels": [pair for _ in _sequence(values["labels"])],
        "files": [
            dict.fromkeys(("source", "target", "mode"), "x") for _ in _sequence(values["files"])
        ],
        "workdir": "x" if values["workdir"] else "",
        "user": "x" if values["user"] else "",
    }


def _sequence(value: object) -> Sequence[object]:
    return value if isinstance(value, Sequence) else ()


def _dockerfile(spec: ImageSpec, base: BaseFacts, templates: Mapping[str, str]) -> str:
    own = spec.template
    values = _values(spec, base)
    dockerfile, skeleton = template.render(
        {**templates, **dict(own.texts if own else ())},
        own.name if own else TEMPLATE,
        (values, _harmless(values)),
        folder=own.source.parent if own else Path(),
    )
    _hold_against_skeleton(dockerfile, skeleton)
    return dockerfile


def _hold_against_skeleton(dockerfile: str, skeleton: str) -> None:
    found = list(instructions(dockerfile))
    if found and not found[-1].ended:
        raise TemplateError(
            "the rendered Dockerfile ends inside an instruction",
            hint="take the back-slash from the end of the template",
        )
    got = [each.keyword for each in found]
    expected = [each.keyword for each in instructions(skeleton)]
    if got != expected:
        raise TemplateError(
            f"the rendered Dockerfile has the instructions {' '.join(got)}, "
            f"expected {' '.join(expected)}",
            hint="report this: a value has changed the structure of a Dockerfile",
        )
    last = [each.arguments.split() for each in found if each.keyword == "FROM"][-1:]
    if not last or [word.lower() for word in last[0][-2:]] != ["as", _STAGE]:
        raise TemplateError(
            f"the last stage of the rendered Dockerfile is not called {_STAGE}",
            hint=f"end its FROM with `AS {_STAGE}`, or extend {TEMPLATE}",
        )


def _steps(templates: Mapping[str, str], manager: str, *, conda: bool) -> Iterable[ContextFile]:
    """The scripts that may be needed; whatever else there is does not change an image."""
    idle = {f"{_STEPS}{other}.sh" for other in MANAGERS if other != manager}
    idle |= set() if conda else _OF_CONDA
    return (
        ContextFile(path, text.encode())
        for path, text in templates.items()
        if path.startswith(_STEPS) and path not in idle
    )


def _under(folder: str, files: Iterable[ContextFile]) -> Iterable[ContextFile]:
    return (replace(file, path=f"{folder}/{file.path}") for file in files)


def _inputs(
    dockerfile: str, files: Iterable[ContextFile], base: BaseFacts, spec: ImageSpec
) -> Mapping[str, str]:
    parts = {
        "template epoch": EPOCH,
        "Dockerfile": _sha256(dockerfile.encode()),
        "base": base.digest,
        "platform": base.platform,
    }
    # What an image has been proven to do is a part of what it is.
    if proofs := [(*check.argv, _sha256(check.stdin)) for check in spec.checks]:
        parts["verify"] = _sha256(json.dumps(proofs).encode())
    if spec.template is not None:
        parts["template"] = _sha256(json.dumps(spec.template.texts).encode())
    # A local folder is one part, however many files it has: a label must hold them all.
    folders: dict[str, list[str]] = {}
    for file in sorted(files, key=lambda file: file.path):
        said = f"{file.path} {file.mode:o} {file.sha256}"
        folders.setdefault(_part_of(file.path), []).append(said)
    parts |= {part: _sha256(json.dumps(said).encode()) for part, said in folders.items()}
    return dict(sorted(parts.items()))


def _part_of(path: str) -> str:
    """The path itself, or `install/local/<n>` for whatever lies in there."""
    parts = path.split("/")
    return "/".join(parts[:3]) if parts[:2] == ["install", "local"] else path


def _digest(inputs: Mapping[str, str]) -> str:
    """sha256 over length-prefixed parts, so that no two lists of parts run together."""
    digest = hashlib.sha256()
    for pair in sorted(inputs.items()):
        for part in pair:
            data = part.encode()
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
