"""Requirements files of others, held against pip: what a line means, and what a file wants.

The lines are those of the corpus of pip-requirements-parser, in which many tools' examples and a
hundred projects' files are gathered; the files are those of projects that everybody knows. They are
fetched by pip and kept nowhere else. Where we differ from pip, DIFFERENCES has the reason.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

import pytest
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.peers import environments
from toolkit.deps import Requirement, read, statements, text
from toolkit.errors import SpecError

CORPUS: Final = "pip-requirements-parser==32.0.1"
PIP: Final = "pip==26.1"
PROJECTS: Final = (
    ("celery==5.7.0", ("requirements/*.txt",)),
    ("aiohttp==3.14.5", ("requirements/*.txt", "requirements/*.in")),
)
ENV: Final = {"PATH": os.environ["PATH"]}

_IGNORED: Final = "pip ignores it without a word, and whoever wrote it meant something"
_AT_ONCE: Final = "it is looked for when the file is read, and by pip when it is installed"
# How a difference is known, and why there is one.
DIFFERENCES: Final = (
    ("only git can be|a checkout of it", "an image would need a tool that fetches it"),
    (
        "is of a kind|use an http or https URL",
        "git:// can be changed on its way, and is hardly served",
    ),
    ("git's short form", "it is a guess which of its colons are of a URL"),
    ("stands behind", _IGNORED),
    ("no file or folder", _AT_ONCE),
    ("neither a pyproject.toml nor a setup.py", _AT_ONCE),
    ("names another host", _AT_ONCE),
    ("out of a build's reach", "a build sees the context, and no other folder of the machine"),
    ("is not set", "pip takes the text of the variable as it stands"),
    ("taken, and .*InvalidEggFragment", "pip took extras in #egg= for years, and files have them"),
)


def asked(kind: str, files: Sequence[Path], folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What pip says of files, asked in a folder in which nothing is."""
    wheel = environments.wheel(PIP)
    command = [sys.executable, str(Path(__file__).parent / "pip_lines.py"), kind]
    done = subprocess.run(
        [*command, *map(str, files)],
        cwd=folder,
        env={**ENV, "PYTHONPATH": str(wheel)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert f"pip=={answer['pip']}" == PIP
    found: dict[str, list[dict[str, Any]]] = answer["files"]
    return found


def url(of: str | None) -> str | None:
    """A URL without login and without what only names the package."""
    if of is None:
        return None
    parts = urlsplit(of)
    fragment = "&".join(
        pair for pair in parts.fragment.split("&") if not pair.startswith(("egg=", "sha256="))
    )
    host = parts.netloc.rpartition("@")[2]
    return unquote(urlunsplit((parts.scheme, host, parts.path, parts.query, fragment)))


def theirs(of: dict[str, Any]) -> tuple[object, ...]:
    """A requirement of pip's, to be compared."""
    return (
        of["name"] and canonicalize_name(of["name"]),
        frozenset(map(canonicalize_name, of["extras"])),
        SpecifierSet("" if of["url"] else of["specifier"]),
        of["marker"],
        None if of["is_file"] else url(of["url"]),
        frozenset(of["hashes"]),
        of["editable"],
    )


def ours(of: Requirement) -> tuple[object, ...]:
    """A requirement of ours, to be compared."""
    return (
        of.name,
        frozenset(of.extras),
        SpecifierSet(of.specifier),
        str(Marker(of.marker)) if of.marker else "",
        url(of.url),
        frozenset(of.hashes),
        of.editable,
    )


def meant(line: text.LogicalLine, folder: Path) -> dict[str, Any]:
    """What we make of a line, in pip's terms. Raises SpecError."""
    found = statements.parse(line.text)
    settings: dict[str, Any] = {}
    for each in found:
        match each:
            case statements.Include():
                return {"include": each.path, "constraint": each.constraint}
            case statements.Setting():
                many = each.name in ("extra-index-url", "find-links", "trusted-host", "use-feature")
                settings[each.name] = (
                    [*settings.get(each.name, []), each.value] if many else each.value or True
                )
            case statements.Wanted():
                (folder / "requirements.txt").write_text(line.text, encoding="utf-8")
                dependencies = read([folder / "requirements.txt"], env={}, allow_outside=True)
                return {"requirement": ours(dependencies.requirements[0])}
    return {"options": settings}


def difference(
    they: dict[str, Any], line: text.LogicalLine | text.BadLine | None, folder: Path
) -> str | None:
    """How we differ from pip about a line; None where we do not."""
    if not isinstance(line, text.LogicalLine):
        return str(line)
    try:
        we = meant(line, folder)
    except SpecError as error:
        if "error" in they:
            return None
        return f"{error.message} ({error.hint})"
    if "error" in they:
        return f"taken, and pip says: {they['error']}"
    if "name" in they:
        they = {"requirement": theirs(they)}
    else:
        they = {key: value for key, value in they.items() if key not in ("line", "text")}
    return None if we == they else f"pip has {they}, and we have {we}"


def lines_of(path: Path) -> Iterator[text.LogicalLine | text.BadLine]:
    yield from text.logical_lines(text.decode(path.read_bytes()), {})


def test_a_line_means_what_it_means_to_pip(tmp_path: Path) -> None:
    folder = environments.source(CORPUS)
    files = [each for each in folder.glob("tests/**/*.txt") if "expected" not in each.name]
    assert len(files) >= 90
    compared = Counter[str]()  # by the reason of the difference, "" where there is none
    unknown = []
    for file, answers in asked("lines", files, tmp_path).items():
        try:
            found = {each.number: each for each in lines_of(Path(file))}
        except SpecError as error:
            unknown.append(f"{file}: {error.message}")
            continue
        for they in answers:
            line = found.pop(they["line"], None)
            where = f"{Path(file).relative_to(folder)}:{they['line']}: {they['text']}"
            why = difference(they, line, tmp_path) or ""
            reasons = (reason for pattern, reason in DIFFERENCES if re.search(pattern, why))
            reason = next(reasons, why)
            compared[reason] += 1
            if why and reason is why:
                unknown.append(f"{where}\n    {why}")
        unknown += [f"{file}:{number}: {each}" for number, each in found.items()]
    assert not unknown, "\n".join(unknown)
    assert compared.keys() == {"", *(reason for _, reason in DIFFERENCES)}
    assert compared[""] >= 900


@pytest.mark.parametrize(("project", "patterns"), PROJECTS, ids=[name for name, _ in PROJECTS])
def test_a_file_wants_what_pip_would_install(
    project: str, patterns: tuple[str, ...], tmp_path: Path
) -> None:
    """With all that it includes, what only limits told from what is installed."""
    folder = environments.source(project)
    files = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    assert len(files) >= 10
    for file, answers in asked("closure", files, tmp_path).items():
        expected = {(each["constraint"], theirs(each)) for each in answers}
        found = read([Path(file)], env={}, root=folder)
        got = {(False, ours(each)) for each in found.requirements}
        got |= {(True, ours(each)) for each in found.constraints}
        assert got == expected, file
