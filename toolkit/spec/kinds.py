"""The kinds of values that a field of a spec may have: how one is read, joined, shown, described.

Hidden here: what TOML and a command line give for the same thing, and where each problem was.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from toolkit import template
from toolkit.context import DiskFile
from toolkit.errors import Problem, SpecError
from toolkit.spec import grammar
from toolkit.spec.parts import Check, ImageFile
from toolkit.template import Template

Schema = dict[str, Any]


@dataclass(slots=True)
class Reading:
    """One table being read: where its relative paths begin, and what is wrong with it.

    `root` is the folder that no path may leave, if there is one.
    """

    folder: Path
    root: Path | None = None
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, where: str, text: str) -> None:
        self.problems.append(Problem(where, text))

    def parsed(self, value: object, where: str, parse: Callable[[str], Any]) -> Any | None:  # noqa: ANN401 - each grammar has a type of its own
        """What the grammar makes of it; None where that is nothing."""
        if not isinstance(value, str):
            self.refuse(where, f"expected a string, got {type(value).__name__}")
            return None
        try:
            return parse(value)
        except (ValueError, SpecError) as error:
            self.refuse(where, str(error))
            return None

    def listed(self, value: object, where: str) -> Sequence[object]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            self.refuse(where, f"expected a list, got {type(value).__name__}")
            return ()
        return value

    def place(self, given: object, where: str) -> Path | None:
        """A path beside the spec."""
        text = self.parsed(given, where, grammar.line)
        if not text:
            return None
        place: Path = self.folder / text
        if self.root is not None and not place.resolve().is_relative_to(self.root.resolve()):
            words = "leaves the project's folder, which only --allow-outside allows"
            self.refuse(where, f"{text!r} {words}")
            return None
        return place

    def content(self, given: object, where: str) -> tuple[Path, DiskFile] | None:
        """A file beside the spec, and what is in it."""
        place = self.place(given, where)
        if place is None:
            return None
        try:
            return place, DiskFile.read(place)
        except OSError as error:
            self.refuse(where, f"{given!r} cannot be read: {error.strerror}")
            return None


class Kind(Protocol):
    """What a field holds. A value that was not given, or was wrong, is None.

    `plain` is the value as TOML has it, in a file of that folder.
    """

    def read(self, value: object, where: str, reading: Reading) -> Any | None: ...  # noqa: ANN401 - each kind has its own
    def joined(self, below: Any, above: Any) -> Any: ...  # noqa: ANN401 - the same
    def plain(self, value: Any, folder: Path) -> object: ...  # noqa: ANN401 - the same
    def schema(self) -> Schema: ...


@dataclass(frozen=True, slots=True)
class Text:
    """One text with a grammar; the one above counts."""

    parse: Callable[[str], Any]
    pattern: re.Pattern[str] | None = None

    def read(self, value: object, where: str, reading: Reading) -> Any | None:  # noqa: ANN401 - see Kind
        return reading.parsed(value, where, self.parse)

    def joined(self, below: object, above: object) -> object:  # noqa: ARG002 - see Kind
        return above

    def plain(self, value: object, folder: Path) -> object:  # noqa: ARG002 - see Kind
        return str(value)

    def schema(self) -> Schema:
        found: Schema = {"type": "string"}
        return found | ({"pattern": f"^{self.pattern.pattern}$"} if self.pattern else {})


@dataclass(frozen=True, slots=True)
class Many:
    """A list of texts, each once; what is above is added."""

    item: Text
    order: Callable[[Any], Any] = tuple

    def read(self, value: object, where: str, reading: Reading) -> Any | None:  # noqa: ANN401 - see Kind
        found = [
            self.item.read(each, f"{where}[{index}]", reading)
            for index, each in enumerate(reading.listed(value, where))
        ]
        return self._once([each for each in found if each is not None])

    def joined(self, below: Sequence[Any], above: Sequence[Any]) -> object:
        return self._once([*below, *above])

    def plain(self, value: Sequence[object], folder: Path) -> object:
        return [self.item.plain(each, folder) for each in value]

    def schema(self) -> Schema:
        return {"type": "array", "items": self.item.schema(), "uniqueItems": True}

    def _once(self, values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(self.order(dict.fromkeys(values)))


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names with a text each: a table, or `NAME=VALUE`; for one name the pair above counts."""

    name: Text

    def read(self, value: object, where: str, reading: Reading) -> Any | None:  # noqa: ANN401 - see Kind
        found: dict[str, str] = {}
        for place, name, text in self._named(value, where, reading):
            parsed_name = self.name.read(name, place, reading)
            parsed_text = reading.parsed(text, place, grammar.line)
            if parsed_name is not None and parsed_text is not None:
                found[parsed_name] = parsed_text
        return tuple(found.items())

    def joined(self, below: Sequence[Any], above: Sequence[Any]) -> object:
        return tuple((dict(below) | dict(above)).items())

    def plain(self, value: Sequence[Any], folder: Path) -> object:  # noqa: ARG002 - see Kind
        return dict(value)

    def schema(self) -> Schema:
        return {
            "type": "object",
            "propertyNames": self.name.schema(),
            "additionalProperties": {"type": "string"},
        }

    def _named(
        self, value: object, where: str, reading: Reading
    ) -> Iterator[tuple[str, object, object]]:
        if isinstance(value, Mapping):
            yield from ((f"{where}.{name}", name, text) for name, text in value.items())
            return
        for index, item in enumerate(reading.listed(value, where)):
            name, equals, text = str(item).partition("=")
            place = f"{where}[{index}]"
            if equals:
                yield place, name, text
            else:
                reading.refuse(place, f"expected NAME=VALUE, got {item!r}")


@dataclass(frozen=True, slots=True)
class Files:
    """Files that are put into the image: a path in it, and a file beside the spec."""

    def read(self, value: object, where: str, reading: Reading) -> Any | None:  # noqa: ANN401 - see Kind
        if not isinstance(value, Mapping):
            reading.refuse(where, f"expected a table, got {type(value).__name__}")
            return None
        found = (self._file(f"{where}.{name}", name, each, reading) for name, each in value.items())
        return tuple(each for each in found if each is not None)

    def joined(self, below: Sequence[ImageFile], above: Sequence[ImageFile]) -> object:
        return tuple(({each.target: each for each in (*below, *above)}).values())

    def plain(self, value: Sequence[ImageFile], folder: Path) -> object:
        return {
            each.target: {"source": _seen(each.source, folder), "mode": f"{each.mode:04o}"}
            for each in value
        }

    def schema(self) -> Schema:
        table: Schema = {
            "type": "object",
            "properties": {
                "source": {"type": "string", "description": "The file, beside image.toml."},
                "mode": {
                    "type": "string",
                    "pattern": f"^{grammar.MODE.pattern}$",
                    "description": "Its mode in the image; 0644 where none is given.",
                },
            },
            "required": ["source"],
            "additionalProperties": False,
        }
        return {
            "type": "object",
            "propertyNames": {"type": "string", "pattern": f"^{grammar.PATH.pattern}$"},
            "additionalProperties": {"anyOf": [{"type": "string"}, table]},
        }

    def _file(self, where: str, name: str, value: object, reading: Reading) -> ImageFile | None:
        target = reading.parsed(name, where, grammar.path)
        table = value if isinstance(value, Mapping) else {"source": value}
        for key in sorted(set(table) - {"source", "mode"}):
            reading.refuse(f"{where}.{key}", "unknown key")
        mode = reading.parsed(table.get("mode", "0644"), f"{where}.mode", grammar.mode)
        if "source" not in table:
            reading.refuse(where, "has no source")
            return None
        within = f"{where}.source" if table is value else where
        found = reading.content(table["source"], within)
        if target is None or mode is None or found is None:
            return None
        return ImageFile(target, *found, mode)


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """A template beside the spec, with what it names in its own folder."""

    def read(self, value: object, where: str, reading: Reading) -> Template | None:
        place = reading.place(value, where)
        if place is None:
            return None
        try:
            return template.read(place)
        except OSError as error:
            reading.refuse(where, f"{value!r} cannot be read: {error.strerror}")
        except ValueError as error:
            reading.refuse(where, str(error))
        return None

    def joined(self, below: Template, above: Template) -> Template:  # noqa: ARG002 - see Kind
        return above

    def plain(self, value: Template, folder: Path) -> object:
        return _seen(value.source, folder)

    def schema(self) -> Schema:
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Paths:
    """Files and folders beside the spec, which others will read."""

    def read(self, value: object, where: str, reading: Reading) -> Any | None:  # noqa: ANN401 - see Kind
        found = (
            reading.place(each, f"{where}[{index}]")
            for index, each in enumerate(reading.listed(value, where))
        )
        return tuple(each for each in found if each is not None)

    def joined(self, below: Sequence[Path], above: Sequence[Path]) -> object:
        return tuple(dict.fromkeys((*below, *above)))

    def plain(self, value: Sequence[Path], folder: Path) -> object:
        return [_seen(each, folder) for each in value]

    def schema(self) -> Schema:
        return {"type": "array", "items": {"type": "string"}}


@dataclass(frozen=True, slots=True)
class Place:
    """One file beside the spec, which others will read; the one above counts."""

    def read(self, value: object, where: str, reading: Reading) -> Any | None:  # noqa: ANN401 - see Kind
        return reading.place(value, where)

    def joined(self, below: Path, above: Path) -> object:  # noqa: ARG002 - see Kind
        return above

    def plain(self, value: Path, folder: Path) -> object:
        return _seen(value, folder)

    def schema(self) -> Schema:
        return {"type": "string"}


_PROGRAMS: Final = {".py": ("python", "-"), ".sh": ("sh", "-s")}


@dataclass(frozen=True, slots=True)
class Checks:
    """What is run in the image before it gets its name: commands, and scripts beside the spec."""

    def read(self, value: object, where: str, reading: Reading) -> Any | None:  # noqa: ANN401 - see Kind
        found = (
            self._check(f"{where}[{index}]", each, reading)
            for index, each in enumerate(reading.listed(value, where))
        )
        return tuple(each for each in found if each is not None)

    def joined(self, below: Sequence[Check], above: Sequence[Check]) -> object:
        return (*below, *above)

    def plain(self, value: Sequence[Check], folder: Path) -> object:
        return [
            {"file": _seen(each.source, folder)} if each.source else each.said for each in value
        ]

    def schema(self) -> Schema:
        script: Schema = {
            "type": "object",
            "properties": {"file": {"type": "string", "pattern": r"\.(?:py|sh)$"}},
            "required": ["file"],
            "additionalProperties": False,
        }
        return {"type": "array", "items": {"anyOf": [{"type": "string"}, script]}}

    def _check(self, where: str, value: object, reading: Reading) -> Check | None:
        if not isinstance(value, Mapping):
            command = reading.parsed(value, where, grammar.command)
            return None if command is None else Check(command, ("sh", "-c", command))
        for key in sorted(set(value) - {"file"}):
            reading.refuse(f"{where}.{key}", "unknown key")
        found = reading.content(value.get("file"), f"{where}.file")
        if found is None:
            return None
        place, content = found
        program = _PROGRAMS.get(place.suffix)
        if program is None:
            reading.refuse(f"{where}.file", f"{place.name!r} ends neither in .py nor in .sh")
            return None
        return Check(str(value["file"]), program, b"".join(content.chunks()), place)


def _seen(path: Path, folder: Path) -> str:
    """The path as it is written in a file of that folder; an absolute one stays."""
    return str(path) if path.is_absolute() else os.path.relpath(path, folder)
