"""Telling dependency files apart by their names.

One format is read so far. The others are known by name, so that a user of one of them is told what
to do and does not get a complaint about every line.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final, Literal

from toolkit.errors import SpecError

Format = Literal["requirements"]

_UV = "run `uv pip compile {name} -o requirements.txt` and use that file"
_NOT_READ: Final = (
    ("pyproject.toml", "a project's metadata", _UV),
    ("setup.py", "a project's build script", _UV),
    ("setup.cfg", "a project's metadata", _UV),
    ("pylock*.toml", "a lock of PEP 751", "export it to a requirements.txt and use that file"),
    ("uv.lock", "uv's lock", "run `uv export --frozen -o requirements.txt` and use that file"),
    ("poetry.lock", "Poetry's lock", "run `poetry export -o requirements.txt` and use that file"),
    ("pdm.lock", "PDM's lock", "run `pdm export -o requirements.txt` and use that file"),
    ("Pipfile*", "Pipenv's", "run `pipenv requirements > requirements.txt` and use that file"),
    ("*.yml", "conda's format", "list the packages of its pip section in a requirements.txt"),
    ("*.yaml", "conda's format", "list the packages of its pip section in a requirements.txt"),
    ("*.py", "a Python script", "run `uv export --script {name} -o requirements.txt`"),
    ("*.toml", "TOML", "list the packages in a requirements.txt"),
    ("*.json", "JSON", "list the packages in a requirements.txt"),
    ("*.lock", "a lock", "export it to a requirements.txt and use that file"),
    ("*.whl", "a wheel", "write its path on a line of a requirements.txt and use that file"),
    ("*.tar.gz", "an archive", "write its path on a line of a requirements.txt and use that file"),
    ("*.zip", "an archive", "write its path on a line of a requirements.txt and use that file"),
)


def detect(name: str) -> Format:
    """Give the format of a file by its name, the requirements format where the name says nothing.

    Raises SpecError (without the file's name) for a format that is known and not read yet.
    """
    for pattern, what, hint in _NOT_READ:
        if fnmatchcase(name, pattern):
            raise SpecError(f"this format ({what}) is not read yet", hint=hint.format(name=name))
    return "requirements"
