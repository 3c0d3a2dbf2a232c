"""What an image's labels say of how it was made, besides its identity: nothing of it is digested.

Hides what is short enough for a list, and how a build's own history is known again later.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from toolkit import labels
from toolkit.deps import Dependencies
from toolkit.dockerfile import instructions
from toolkit.renderer import Rendered
from toolkit.spec import ImageSpec

_DESCRIPTION: Final = "A Python environment in which code is run, made by executor-toolkit"
_UV: Final = "steps/uv.json"


def titles(spec: ImageSpec, repository: str) -> dict[str, str]:
    """What the image is called, as any tool reads it; a label that the user has set stays."""
    given = {name for name, _ in spec.labels}
    said = {
        labels.TITLE: f"{repository}/{spec.name}",
        labels.DESCRIPTION: spec.description or _DESCRIPTION,
    }
    return {name: text for name, text in said.items() if name not in given}


def record(dependencies: Dependencies, rendered: Rendered) -> Mapping[str, str]:
    """Labels for the list of images, for their provenance, and to tell ours from derived ones."""
    return {
        labels.DEPENDENCIES: json.dumps(list(dict.fromkeys(_wanted(dependencies)))),
        labels.UV: _uv(rendered),
        labels.INSTRUCTIONS: " ".join(_last_stage(rendered.dockerfile)),
    }


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """What differs between the parts of two digests, a line each."""
    return tuple(
        f"{part} was {verb}"
        for part in sorted(before.keys() | now.keys())
        if (verb := _verb(before.get(part), now.get(part)))
    )


def _verb(before: str | None, now: str | None) -> str:
    if before == now:
        return ""
    if before is None:
        return "added"
    return "removed" if now is None else "changed"


def _wanted(dependencies: Dependencies) -> Iterator[str]:
    """What was asked for, shortly: no URLs, no markers, no folder of this machine."""
    names = {local.at: PurePosixPath(local.shown).name for local in dependencies.local}
    for each in dependencies.requirements:
        if each.name is not None:
            yield f"{each.name}{each.specifier}"
        elif each.local is not None:
            yield f"./{names.get(each.local, '')}"
        else:
            yield PurePosixPath((each.url or "").partition("?")[0]).name


def _uv(rendered: Rendered) -> str:
    """The version of uv that the build takes where it can, as the templates pin it."""
    for file in rendered.files:
        if file.path == _UV:
            return str(json.loads(file.read())["version"])
    return ""


def _last_stage(dockerfile: str) -> list[str]:
    """The keywords of the instructions that an image's own history ends with."""
    keywords = [each.keyword for each in instructions(dockerfile)]
    last = len(keywords) - keywords[::-1].index("FROM")
    return keywords[last:]
