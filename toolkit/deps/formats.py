"""Telling dependency files apart: by their names, and where a name says nothing by what they hold.

Formats that cannot be read are known, too, so that a user of one of them is told what to do and
does not get a complaint about every line.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final, Literal

from toolkit.deps import script
from toolkit.errors import SpecError

Format = Literal[
    "requirements",
    "pyproject",
    "script",
    "apt",
    "apt-build",
    "python-version",
    "pylock",
    "pipfile",
    "pipfile-lock",
    "poetry-lock",
    "uv-lock",
    "conda",
]

_BY_NAME: Final[tuple[tuple[str, Format], ...]] = (
    ("pyproject.toml", "pyproject"),
    ("*.pyproject.toml", "pyproject"),
    ("apt.txt", "apt"),
    ("apt-build.txt", "apt-build"),
    (".python-version", "python-version"),
    ("pylock.toml", "pylock"),
    ("pylock.*.toml", "pylock"),
    ("Pipfile", "pipfile"),
    ("Pipfile.lock", "pipfile-lock"),
    ("poetry.lock", "poetry-lock"),
    ("uv.lock", "uv-lock"),
    ("*.yml", "conda"),
    ("*.yaml", "conda"),
)

_WHAT: Final[dict[Format, str]] = {
    "pyproject": "a project's metadata",
    "script": "a Python script",
    "apt": "a list of Debian packages",
    "apt-build": "a list of Debian packages",
    "python-version": "a Python version",
    "pylock": "a lock of PEP 751",
    "pipfile": "Pipenv's",
    "pipfile-lock": "Pipenv's lock",
    "poetry-lock": "Poetry's lock",
    "uv-lock": "uv's lock",
    "conda": "conda's",
}

_METADATA: Final = (
    "write `.` in a requirements.txt, so that the build runs it, or move it to a pyproject.toml"
)
_NOT_READ: Final = (
    ("setup.py", "a program that has to be run to know its dependencies", _METADATA),
    ("setup.cfg", "setuptools' old metadata", _METADATA),
    ("pdm.lock", "PDM's lock", "run `pdm export -f pylock -o pylock.toml` and use that file"),
    ("*.toml", "TOML", "list the packages in a requirements.txt"),
    ("*.json", "JSON", "list the packages in a requirements.txt"),
    ("*.lock", "a lock", "export it to a requirements.txt and use that file"),
    ("*.whl", "a wheel", "write its path on a line of a requirements.txt and use that file"),
    ("*.tar.gz", "an archive", "write its path on a line of a requirements.txt and use that file"),
    ("*.zip", "an archive", "write its path on a line of a requirements.txt and use that file"),
)


def refuse(name: str) -> None:
    """Raise SpecError (without the name) where the name alone says that a file cannot be read."""
    if not any(fnmatchcase(name, pattern) for pattern, _ in _BY_NAME):
        for pattern, what, hint in _NOT_READ:
            if fnmatchcase(name, pattern):
                raise SpecError(f"this format ({what}) is not read", hint=hint.format(name=name))


def detect(name: str, content: str) -> Format:
    """Give the format of a file, requirements where neither name nor content says another.

    Raises SpecError (without the file's name) for a format that cannot be read.
    """
    for pattern, kind in _BY_NAME:
        if fnmatchcase(name, pattern):
            return kind
    refuse(name)
    if script.has_block(content):
        return "script"
    if name.endswith(".py"):
        raise SpecError(
            "this Python script does not say what it needs",
            hint="write it into a block '# /// script' at its top (PEP 723)",
        )
    return "requirements"


def check_included(name: str, content: str) -> None:
    """Refuse what `-r` and `-c` cannot include. Raises SpecError, without the file's name."""
    kind = detect(name, content)
    if kind != "requirements":
        raise SpecError(
            f"this format ({_WHAT[kind]}) cannot be included",
            hint="remove the line, and give the file with a --deps of its own",
        )
