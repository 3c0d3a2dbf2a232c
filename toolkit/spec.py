"""What image is wanted, as one frozen, validated value.

Hides the grammars: whatever came from a command line or a file is text until it has been here, and
after that nobody has to ask whether a package name is one. All problems are found before the first
is reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from toolkit import labels
from toolkit.deps import Dependencies, preferred_python, unmet_python
from toolkit.deps.debian import PACKAGE
from toolkit.errors import ImageReferenceError, Problem, SpecError
from toolkit.reference import ImageReference

DEFAULT_BASE: Final = "python:3-slim"
DEFAULT_NAME: Final = "env"
LOCAL_BASES: Final = "toolkit/base"
"""The name of the bases that `toolkit base-image` makes."""

_NAME: Final = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_PYTHON: Final = re.compile(r"3\.[0-9]{1,2}(?:\.[0-9]{1,3})?")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?")
_MODULE: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_LONGEST_NAME: Final = 64
_CONTRACT: Final = frozenset({"PATH", "HOME", "VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH"})

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """The image that is wanted. Every field is valid; `from_mapping` is the only way in from text.

    `base` is None where the default applies; `python` is the version asked for, if any. `apt_build`
    are Debian packages that only the build has.
    `environment` and `labels` are pairs in the order given; `excused` are modules whose failing
    import the verifier overlooks.
    """

    dependencies: Dependencies
    name: str = DEFAULT_NAME
    base: ImageReference | None = None
    python: str | None = None
    apt: tuple[str, ...] = ()
    apt_build: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    tags: tuple[ImageReference, ...] = ()
    excused: tuple[str, ...] = ()

    @classmethod
    def from_mapping(cls, table: Mapping[str, object], dependencies: Dependencies) -> ImageSpec:
        """Validate `table`, whose keys are this class's fields but for `dependencies`.

        `environment` and `labels` take a mapping, or a list of `NAME=VALUE`. Raises SpecError with
        all problems, each with its place (`apt[2]`).
        """
        reading = _Reading(table)
        spec = cls(
            dependencies=dependencies,
            name=reading.one("name", _name) or DEFAULT_NAME,
            base=reading.one("base", ImageReference.parse),
            python=reading.one("python", _python),
            apt=tuple(dict.fromkeys((*dependencies.apt, *reading.many("apt", _package)))),
            apt_build=tuple(
                dict.fromkeys((*dependencies.apt_build, *reading.many("apt_build", _package)))
            ),
            environment=reading.pairs("environment", _variable, _text),
            labels=reading.pairs("labels", _label, _text),
            tags=tuple(dict.fromkeys(reading.many("tags", _tag))),
            excused=tuple(sorted(set(reading.many("excused", _module)))),
        )
        if spec.python and (wish := unmet_python(dependencies.pythons, spec.python)):
            reading.refuse(
                "python", f"{spec.python} is asked for, and {wish.where} asks for {wish.said}"
            )
        for index, tag in enumerate(spec.tags):
            if tag.normalized.name == spec.wanted_base.normalized.name:
                reading.refuse(f"tags[{index}]", f"{str(tag)!r} is a name of the base image")
            elif tag.name == LOCAL_BASES:
                reading.refuse(f"tags[{index}]", f"{str(tag)!r} is a name for base images")
        reading.finish(known=frozenset(cls.__dataclass_fields__) - {"dependencies"})
        return spec

    @property
    def wanted_base(self) -> ImageReference:
        """The base that was asked for, or the default one for the Python that was asked for."""
        if self.base is not None:
            return self.base
        python = self.python or preferred_python(self.dependencies.pythons)
        if python is not None:
            return ImageReference.parse(f"python:{python}-slim")
        return ImageReference.parse(DEFAULT_BASE)


def default_name(paths: Sequence[Path], catalogue: Path) -> str:
    """`env`, or the name of the catalogue's folder that the only dependency file lies in."""
    folders = {path.absolute() if path.is_dir() else path.absolute().parent for path in paths}
    if len(folders) == 1:
        folder = folders.pop()
        if folder.parent == catalogue and _NAME.fullmatch(folder.name):
            return folder.name
    return DEFAULT_NAME


class _Reading:
    """Reads one table; gathers what is wrong with it instead of stopping at the first."""

    def __init__(self, table: Mapping[str, object]) -> None:
        self._table = table
        self._problems: list[Problem] = []

    def one(self, key: str, parse: Callable[[str], _Value]) -> _Value | None:
        value = self._table.get(key)
        return None if value is None else self._parsed(key, value, parse)

    def many(self, key: str, parse: Callable[[str], _Value]) -> Iterator[_Value]:
        for index, value in enumerate(self._list(key)):
            parsed = self._parsed(f"{key}[{index}]", value, parse)
            if parsed is not None:
                yield parsed

    def pairs(
        self, key: str, parse_name: Callable[[str], str], parse_value: Callable[[str], str]
    ) -> tuple[tuple[str, str], ...]:
        found: dict[str, str] = {}
        for where, name, value in self._named(key):
            parsed_name = self._parsed(where, name, parse_name)
            parsed_value = self._parsed(where, value, parse_value)
            if parsed_name is not None and parsed_value is not None:
                found[parsed_name] = parsed_value
        return tuple(found.items())

    def refuse(self, where: str, text: str) -> None:
        self._problems.append(Problem(where, text))

    def finish(self, *, known: frozenset[str]) -> None:
        for key in sorted(set(self._table) - known):
            self._problems.append(Problem(key, "unknown key"))
        if self._problems:
            raise SpecError.gathered(self._problems, hint="correct it, and try again")

    def _list(self, key: str) -> Sequence[object]:
        value = self._table.get(key, ())
        if isinstance(value, str) or not isinstance(value, Sequence):
            self._problems.append(Problem(key, f"expected a list, got {type(value).__name__}"))
            return ()
        return value

    def _named(self, key: str) -> Iterator[tuple[str, object, object]]:
        value = self._table.get(key, ())
        if isinstance(value, Mapping):
            yield from ((f"{key}.{name}", name, text) for name, text in value.items())
            return
        for index, item in enumerate(self._list(key)):
            name, equals, text = str(item).partition("=")
            where = f"{key}[{index}]"
            if equals:
                yield where, name, text
            else:
                self._problems.append(Problem(where, f"expected NAME=VALUE, got {item!r}"))

    def _parsed(self, where: str, value: object, parse: Callable[[str], _Value]) -> _Value | None:
        if not isinstance(value, str):
            kind = type(value).__name__
            self._problems.append(Problem(where, f"expected a string, got {kind}"))
            return None
        try:
            return parse(value)
        except (ValueError, ImageReferenceError) as error:
            self._problems.append(Problem(where, str(error)))
            return None


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"{text!r} is not {what}")
        return text

    return parse


_package = _matching(PACKAGE, "the name of a Debian package")
_module = _matching(_MODULE, "the name of a module")
_python = _matching(_PYTHON, "a Python version such as 3.12")


def _name(text: str) -> str:
    if len(text) > _LONGEST_NAME or not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not a name of lower-case letters, digits, `.`, `_` and `-`")
    return text


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise ValueError(f"{text!r} is not the name of an environment variable")
    if text in _CONTRACT or text.startswith("LD_"):
        raise ValueError(f"{text!r} is set by the image itself: `python` must stay its own")
    return text


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise ValueError(f"{text!r} is not the name of a label")
    if text.startswith(f"{labels.NAMESPACE}."):
        raise ValueError(f"{text!r} is reserved: labels of {labels.NAMESPACE} are set by the build")
    return text


def _text(text: str) -> str:
    found = _CONTROL.search(text)
    if found:
        raise ValueError(f"{text!r} holds a control character at position {found.start()}")
    return text


def _tag(text: str) -> ImageReference:
    reference = ImageReference.parse(text)
    if reference.digest is not None:
        raise ValueError(f"{text!r} has a digest, and a digest cannot be given to an image")
    return reference.tagged
