"""What one source says of an image, a file or a command line: parsed, and joined with another's.

Hidden here: that a wish which is not there is no wish, which is not the same as an empty one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from toolkit.deps import Selection
from toolkit.errors import Hint, Problem, SpecError
from toolkit.spec.fields import ALL, Field
from toolkit.spec.kinds import Reading

_LARGEST: Final = 1 << 20
_HINT: Final = Hint("correct it, and try again")
_KEYS: Final = Hint("correct it; `toolkit spec schema` prints all that can stand there")


@dataclass(frozen=True, slots=True)
class Wishes:
    """Values by the keys of the fields; only those that were given."""

    values: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        table: Mapping[str, object],
        *,
        fields: Iterable[Field] = ALL.values(),
        folder: Path = Path(),
    ) -> Wishes:
        """Validate a table; what is None in it was not given. Relative paths begin at `folder`.

        Raises SpecError with all problems, each with its place (`apt[2]`).
        """
        wishes, problems = _read(table, fields, Reading(folder))
        if problems:
            raise SpecError.gathered(problems, hint=_HINT)
        return wishes

    def over(self, below: Wishes) -> Wishes:
        """These, and what is below where they say nothing: lists are added, of the rest one counts.

        For a name with a value that both have, such as a variable, this one counts as well.
        """
        both = {
            key: ALL[key].kind.joined(below.values[key], value)
            for key, value in self.values.items()
            if key in below.values
        }
        return Wishes({**below.values, **self.values, **both})

    def without(self, key: str) -> Wishes:
        """These but for one, which is as if it had not been given."""
        return Wishes({each: value for each, value in self.values.items() if each != key})

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that the dependencies are read from."""
        return tuple(self.values.get("deps", ()))

    @property
    def lock(self) -> Path | None:
        """The lock that was made for them."""
        found: Path | None = self.values.get("lock")
        return found

    @property
    def selection(self) -> Selection:
        """What is wanted of them, and besides."""
        values = self.values
        return Selection(
            extras=values.get("extras", ()),
            groups=values.get("groups", ()),
            packages=values.get("packages", ()),
            newest=values.get("exclude-newer"),
            index=values.get("index"),
        )

    def plain(self, folder: Path = Path()) -> dict[str, object]:
        """As TOML has them, in a file of that folder."""
        return {
            key: field.kind.plain(self.values[key], folder)
            for key, field in ALL.items()
            if key in self.values
        }


def load(path: Path, *, root: Path | None = None, allow_outside: bool = False) -> Wishes:
    """The wishes of an image.toml.

    `root` is the project's folder, by default that of the file: unless `allow_outside`, nothing
    that the file names may lie elsewhere, for what it names may go into the image.

    Raises SpecError with all problems, each with its place.
    """
    reading = Reading(path.parent, None if allow_outside else root or path.parent)
    wishes, problems = _read(_table(path), ALL.values(), reading)
    if problems:
        placed = [Problem(f"{path}: {each.where}", each.text) for each in problems]
        raise SpecError.gathered(placed, hint=_KEYS)
    return wishes


def _table(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise SpecError(
                f"{path}: the file is larger than {_LARGEST >> 20} MiB",
                hint="name an image.toml; this is hardly one",
            )
        return tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise SpecError(
            f"{path}: {(error.strerror or str(error)).lower()}",
            hint="name an image.toml, or make one by `toolkit init`",
        ) from error
    # ValueError: TOML's, UTF-8's, and that of a number with too many digits.
    except (ValueError, RecursionError) as error:
        words = str(error) if not isinstance(error, RecursionError) else "it is nested too deeply"
        raise SpecError(
            f"{path}: the file is not TOML: {words}", hint="correct it at that place"
        ) from error


def _read(
    table: Mapping[str, object], fields: Iterable[Field], reading: Reading
) -> tuple[Wishes, tuple[Problem, ...]]:
    known = {each.key: each for each in fields}
    values = {}
    for key, each in known.items():
        if table.get(key) is not None:
            value = each.kind.read(table[key], key, reading)
            if value is not None:
                values[key] = value
    for key in sorted(set(table) - known.keys()):
        near = get_close_matches(key, known, n=1)
        reading.refuse(key, "unknown key" + (f", did you mean {near[0]!r}?" if near else ""))
    return Wishes(values), tuple(reading.problems)
