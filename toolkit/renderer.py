"""From a spec and its base to everything that a build is given: Dockerfile, files, digest.

Hides Jinja2, and makes a template harmless: it is rendered once, in a sandbox, with no undefined
names; a value that has not passed one of our filters cannot be printed at all; and the result is
taken apart again and held against the instructions that the same template gives for harmless
values. CVE-2026-33744 and CVE-2026-44345 were a value in exactly such a template.

The order of imports in the design puts `image` below this module, so what rendering needs of a base
is a protocol here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from toolkit.context import ContextFile, Tar, pack
from toolkit.dockerfile import instructions
from toolkit.errors import TemplateError
from toolkit.reference import ImageReference
from toolkit.spec import Check, ImageFile, ImageSpec

EPOCH: Final = "2"
"""Raised when the same inputs are meant to give another image."""

TEMPLATE: Final = "python.Dockerfile.j2"

_STEPS: Final = "steps/"
_FILTER: Final = "use one of the filters that templates/README.md lists, for what it takes"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")


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
    values = _values(spec, base)
    dockerfile, skeleton = _render(templates, values, _harmless(values))
    _hold_against_skeleton(dockerfile, skeleton)
    dependencies = spec.dependencies
    files = (
        *_steps(templates),
        *_under("indexes", [dependencies.index_file()]),
        *_under("install", dependencies.context_files()),
        *(ContextFile(source, file.content) for source, file in _sources(spec)),
    )
    inputs = _inputs(dockerfile, files, base, spec.checks)
    return Rendered(dockerfile, files, _digest(inputs), inputs)


class _Printable(str):
    """Text that a filter has made safe to print into a Dockerfile."""

    __slots__ = ()


def _values(spec: ImageSpec, base: BaseFacts) -> dict[str, object]:
    return {
        "base": base.reference,
        "build_packages": _build_packages(spec),
        "packages": list(spec.apt),
        "apt_key": base.system,
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


def _build_packages(spec: ImageSpec) -> list[str]:
    git = ("git",) if spec.dependencies.needs_git else ()
    return list(dict.fromkeys((*git, *spec.apt_build)))


def _key(base: BaseFacts) -> str:
    """Sets apart what is kept for different bases: bytecode is that of one Python."""
    return f"{base.digest.rpartition(':')[2][:16]}-{base.platform.replace('/', '-')}"


def _harmless(values: Mapping[str, object]) -> dict[str, object]:
    """Values of the same shape that can do nothing, for the skeleton."""
    pair = ("x", "x")
    return {
        "base": ImageReference.parse("x"),
        "build_packages": ["x"] if values["build_packages"] else [],
        "packages": ["x"] if values["packages"] else [],
        "apt_key": "x",
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


def _render(templates: Mapping[str, str], *all_values: Mapping[str, object]) -> Iterator[str]:
    """Yield the template's text for each set of values."""
    from jinja2 import DictLoader, StrictUndefined
    from jinja2 import TemplateError as JinjaError
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(
        loader=DictLoader(dict(templates)),
        undefined=StrictUndefined,
        autoescape=False,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        reference=_reference, exec_form=_exec_form, quoted=_quoted, identifier=_identifier
    )
    try:
        template = environment.get_template(TEMPLATE)
        yield from [template.render(values) for values in all_values]
    except JinjaError as error:
        line = getattr(error, "lineno", None)
        where = f"{getattr(error, 'name', None) or TEMPLATE}" + (f":{line}" if line else "")
        raise TemplateError(
            f"{where}: {error}", hint="correct the template at that line"
        ) from error


def _finalize(value: object) -> str:
    str(value)  # a name that is not defined says so itself
    if not isinstance(value, _Printable):
        raise TemplateError(
            f"a template prints a {type(value).__name__} that has passed no filter",
            hint=_FILTER,
        )
    return value


def _reference(value: object) -> _Printable:
    if not isinstance(value, ImageReference):
        raise TemplateError(f"{value!r} is not an image reference", hint=_FILTER)
    return _Printable(value)


def _exec_form(value: object) -> _Printable:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TemplateError(f"{value!r} is not a list of strings", hint=_FILTER)
    # ASCII only, so that every control character is an escape and the line stays one line.
    return _Printable(json.dumps(value))


def _quoted(value: object) -> _Printable:
    text = str(value)
    found = _CONTROL.search(text)
    if found:
        raise TemplateError(
            f"{text!r} holds a control character at position {found.start()}",
            hint="leave it out of the value",
        )
    escaped = re.sub(r'([\\"$])', r"\\\1", text)
    return _Printable(f'"{escaped}"')


def _identifier(value: object) -> _Printable:
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise TemplateError(f"{value!r} is not an identifier", hint=_FILTER)
    return _Printable(value)


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


def _steps(templates: Mapping[str, str]) -> Iterable[ContextFile]:
    return (
        ContextFile(path, text.encode())
        for path, text in templates.items()
        if path.startswith(_STEPS)
    )


def _under(folder: str, files: Iterable[ContextFile]) -> Iterable[ContextFile]:
    return (replace(file, path=f"{folder}/{file.path}") for file in files)


def _inputs(
    dockerfile: str, files: Iterable[ContextFile], base: BaseFacts, checks: Iterable[Check]
) -> Mapping[str, str]:
    parts = {
        "template epoch": EPOCH,
        "Dockerfile": _sha256(dockerfile.encode()),
        "base": base.digest,
        "platform": base.platform,
    }
    # What an image has been proven to do is a part of what it is.
    if proofs := [(*check.argv, _sha256(check.stdin)) for check in checks]:
        parts["verify"] = _sha256(json.dumps(proofs).encode())
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
