"""Wishes as the text of an image.toml, and what an editor may know of one: pure.

Hidden here: the comments that explain each key, and JSON Schema's words for our grammars.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from toolkit.spec.fields import ALL, Field
from toolkit.spec.wishes import Wishes

_HEAD: Final = """\
# What `toolkit build-image --spec image.toml` builds. Every key may be left out; paths are those
# seen from this file. `toolkit spec schema` prints a JSON Schema, by which editors complete it.
"""


def toml(wishes: Wishes, folder: Path = Path()) -> str:
    """The wishes as TOML, with nothing besides; for a file of that folder."""
    import tomli_w

    return tomli_w.dumps(wishes.plain(folder))


def commented(wishes: Wishes, folder: Path = Path()) -> str:
    """The same, each with a sentence about it, and what was not wished for as an example of it."""
    plain = wishes.plain(folder)
    return "\n".join([_HEAD, *(_part(field, plain) for field in ALL.values())])


def schema() -> str:
    """The JSON Schema of an image.toml."""
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "image.toml",
        "description": "The image that `toolkit build-image --spec image.toml` builds.",
        "type": "object",
        "properties": {
            key: {"description": field.about, **field.kind.schema(), "examples": [field.example]}
            for key, field in ALL.items()
        },
        "additionalProperties": False,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _part(field: Field, plain: Mapping[str, object]) -> str:
    return "".join(f"{line}\n" for line in _lines(field, plain))


def _lines(field: Field, plain: Mapping[str, object]) -> Iterator[str]:
    import tomli_w

    yield f"# {field.about}"
    value = plain.get(field.key, field.example)
    for line in tomli_w.dumps({field.key: value}).splitlines():
        if field.key in plain or not line:
            yield line
        else:
            yield f"# {line}"
