"""Where uv's own tables say that a dependency comes from: `[tool.uv.sources]`.

Hides uv's spelling. What only a whole workspace, or an index for one package, could answer is
refused: a list that pip and uv read alike cannot say it, and a lock can.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name

from toolkit.deps.requirement import Wish
from toolkit.errors import SpecError

_LOCK = "lock the project with `uv lock`, and give its uv.lock"


@dataclass(frozen=True, slots=True)
class UvSources:
    """The table, by the names of distributions; an empty one says nothing."""

    table: Mapping[str, Any] = field(default_factory=dict)

    def placed(self, wish: Wish) -> Iterator[Wish]:
        """Yield the wish as it is, or once for each place that the table gives. Raises SpecError.

        A place may hold for some environments only; where none holds, the wish is for an index.
        """
        found = self._of(wish.name or "")
        if not found:
            yield wish
            return
        for place in found:
            if not isinstance(place, Mapping):
                raise SpecError(
                    f"the source of {wish.name!r} in [tool.uv.sources] is no table",
                    hint='write it as in: { path = "../it" }',
                )
            yield _placed(wish, place)
        rest = [str(place.get("marker")) for place in found if place.get("marker")]
        if len(rest) == len(found):
            yield _marked(wish, _none_of(rest))

    def _of(self, name: str) -> list[Any]:
        for key, value in self.table.items():
            if canonicalize_name(key) == name:
                return value if isinstance(value, list) else [value]
        return []


def _placed(wish: Wish, place: Mapping[str, Any]) -> Wish:
    texts = {key: value for key, value in place.items() if isinstance(value, str)}
    if "extra" in place or "group" in place:
        raise SpecError(
            f"the source of {wish.name!r} in [tool.uv.sources] depends on an extra or a group",
            hint=_LOCK,
        )
    marked = _marked(wish, texts.get("marker", ""))
    fragment = f"subdirectory={quote(texts['subdirectory'])}" if "subdirectory" in texts else ""
    if "path" in texts:
        return replace(marked, specifier="", path=texts["path"], fragment=fragment)
    if "git" in texts:
        revision = texts.get("rev") or texts.get("tag") or texts.get("branch")
        url = f"git+{texts['git'].removeprefix('git+')}" + (f"@{revision}" if revision else "")
    elif "url" in texts:
        url = texts["url"]
    else:
        how = "a workspace" if "workspace" in place else "an index of its own"
        raise SpecError(
            f"{wish.name!r} comes from {how} by [tool.uv.sources], which no list can say",
            hint=_LOCK,
        )
    return replace(marked, specifier="", url=url + (f"#{fragment}" if fragment else ""))


def _marked(wish: Wish, marker: str) -> Wish:
    if not marker:
        return wish
    both = f"({wish.marker}) and ({marker})" if wish.marker else marker
    try:
        return replace(wish, marker=str(Marker(both)))
    except InvalidMarker as error:
        raise SpecError(
            f"the marker {marker!r} of {wish.name!r} in [tool.uv.sources] cannot be understood",
            hint="write it as in: sys_platform == 'linux'",
        ) from error


_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def _none_of(markers: list[str]) -> str:
    """The marker that holds where none of these does; of plain comparisons only."""
    opposites = []
    for marker in markers:
        words = marker.split()
        operators = [word for word in words if word in _OPPOSITE]
        if len(operators) != 1 or {"and", "or", "in"} & set(words):
            raise SpecError(
                f"the marker {marker!r} in [tool.uv.sources] cannot be turned round", hint=_LOCK
            )
        opposites.append(marker.replace(operators[0], _OPPOSITE[operators[0]]))
    return " and ".join(opposites)
