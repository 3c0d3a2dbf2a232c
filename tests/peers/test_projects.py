"""Projects that everybody knows: their pyproject.toml, read as their own build backends read it.

A source distribution has both: the pyproject.toml, and in PKG-INFO what its backend made of that.
Groups are held against packaging's resolver. Nothing of the projects is kept here.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterable
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from packaging.dependency_groups import resolve_dependency_groups
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from toolkit.deps import Selection, Target, read
from toolkit.errors import SpecError

PROJECTS = (
    "anyio",
    "flask",
    "httpx",
    "ipykernel",
    "pytest",
    "sqlalchemy",
    "starlette",
    "trio",
    "urllib3",
    "uvicorn",
    "werkzeug",
)
TARGET = Target("3.12.4", "linux/amd64")


def unpacked(project: str, folder: Path) -> tuple[Path, Message]:
    """The pyproject.toml of the newest source distribution, and what its backend says of it."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*command, "--no-binary", project, "--dest", str(folder), project], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        top = tar.getnames()[0].split("/")[0]
        for name in ("pyproject.toml", "PKG-INFO"):
            file = tar.extractfile(f"{top}/{name}")
            assert file is not None
            (folder / name).write_bytes(file.read())
    return folder / "pyproject.toml", message_from_bytes((folder / "PKG-INFO").read_bytes())


def wanted(requirements: Iterable[Requirement], extras: Iterable[str]) -> set[str]:
    """What of them is for our machine, with these extras."""
    variables = {key: str(value) for key, value in TARGET.environment().items()}
    found = set()
    for each in requirements:
        marker = each.marker
        if marker is None or any(marker.evaluate({**variables, "extra": one}) for one in extras):
            each.marker = None
            each.name = canonicalize_name(each.name)
            found.add(str(each))
    return found


def said(metadata: Message, extras: tuple[str, ...]) -> set[str]:
    """What the backend says is wanted; an extra of the project itself is what that extra wants."""
    lines = metadata.get_all("Requires-Dist") or []
    return followed(wanted(map(Requirement, lines), extras), metadata)


def followed(texts: set[str], metadata: Message) -> set[str]:
    """The same, with what the project's own extras want in place of them."""
    name = canonicalize_name(str(metadata["Name"]))
    own = [one for one in map(Requirement, texts) if one.name == name and one.extras]
    others = texts - {str(one) for one in own}
    for each in own:
        others |= said(metadata, tuple(sorted(each.extras)))
    return others


def sources_of(table: dict[str, Any]) -> Iterable[str]:
    """The packages that uv's own table places elsewhere, which no other resolver reads."""
    found: Iterable[str] = table.get("tool", {}).get("uv", {}).get("sources", {})
    return found


def without(names: set[str], texts: set[str]) -> set[str]:
    """What is of other names."""
    return {text for text in texts if canonicalize_name(Requirement(text).name) not in names}


def ours(path: Path, *, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> set[str]:
    """What we read, for our machine."""
    try:
        found = read([path], env={}, selection=Selection(extras, groups))
    except SpecError as error:
        assert str(error) == f"{path}: the file asks for no package"  # noqa: PT017 - of some it is so
        return set()
    return wanted((Requirement(each.text) for each in found.requirements), ("",))


@pytest.mark.parametrize("project", PROJECTS)
def test_a_project_is_read_as_its_own_backend_reads_it(project: str, tmp_path: Path) -> None:
    """Without extras, and with each of them."""
    path, metadata = unpacked(project, tmp_path)
    table = tomllib.loads(path.read_text())
    if "dependencies" in table["project"].get("dynamic", ()):
        pytest.fail("its dependencies are dynamic by now: name another project")
    assert ours(path) == said(metadata, ("",))
    for extra in table["project"].get("optional-dependencies", {}):
        one = canonicalize_name(extra)
        assert ours(path, extras=(extra,)) == said(metadata, ("", one)) | said(metadata, ("",))
    groups = table.get("dependency-groups", {})
    placed = {str(canonicalize_name(name)) for name in sources_of(table)}
    for group in groups:
        texts = wanted(map(Requirement, resolve_dependency_groups(groups, group)), ("",))
        expected = followed(texts, metadata) | said(metadata, ("",))
        assert without(placed, ours(path, groups=(group,))) == without(placed, expected)
