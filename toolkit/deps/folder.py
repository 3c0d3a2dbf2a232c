"""A folder in place of a file: which of its files say what is wanted.

Hides which files belong together: a lock stands for the project beside it, an `apt.txt` and a
`.python-version` go with anything. Where several package managers have left files nothing is
guessed: whoever wrote them knows which one counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from toolkit.deps import pyproject, sources, text
from toolkit.deps.sources import Source
from toolkit.errors import SpecError

_LOCKS: Final = {
    "uv.lock": "uv",
    "poetry.lock": "Poetry",
    "pdm.lock": "PDM",
    "pylock.toml": "PEP 751",
}
_PROJECT: Final = "pyproject.toml"
# Of each line the first that is there: the second is what it was made from, or another name.
_OTHERS: Final = (
    ("pip", "requirements.txt", "requirements.in"),
    ("Pipenv", "Pipfile.lock", "Pipfile"),
    ("conda", "environment.yml", "environment.yaml"),
)
_OLD: Final = ("setup.py", "setup.cfg")
_WITH_ANY: Final = ("apt.txt", "apt-build.txt", ".python-version")


def files(source: Source) -> list[Path]:
    """The files of a folder that count. Raises SpecError, without the folder's name."""
    found = dict(_managers(source))
    if len(found) > 1:
        names = ", ".join(f"{file} ({manager})" for file, manager in found.items())
        options = " or ".join(f"--deps {Path(source.shown) / file}" for file in found)
        raise SpecError(
            f"the folder has files of several package managers: {names}",
            hint=f"name the one that counts: {options}",
        )
    there = [name for name in _WITH_ANY if (source.path / name).is_file()]
    wanted = [*found, *there] or [name for name in _OLD if (source.path / name).is_file()][:1]
    if not wanted:
        raise SpecError(
            "the folder has no dependency file",
            hint="name a file: requirements.txt, pyproject.toml, a lock, environment.yml, a script",
        )
    return [source.path / name for name in wanted]


def _managers(source: Source) -> Iterator[tuple[str, str]]:
    def is_there(name: str) -> bool:
        return (source.path / name).is_file()

    locks = [(name, manager) for name, manager in _LOCKS.items() if is_there(name)]
    yield from locks
    if not locks and is_there(_PROJECT) and _is_project(source):
        yield _PROJECT, "a project"
    for manager, *names in _OTHERS:
        yield from [(name, manager) for name in names if is_there(name)][:1]


def _is_project(source: Source) -> bool:
    file = Source(source.path / _PROJECT, _PROJECT, source.project)
    return pyproject.is_project(text.decode(sources.content(file)))
