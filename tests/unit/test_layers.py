"""The design's order of modules, read from the imports themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import toolkit

PACKAGE = Path(toolkit.__file__).parent

# A module imports only what stands above it (design, "The house").
ORDER = (
    "errors",
    "reference",
    "labels",
    "profile",
    "prompt",
    "resources",
    "context",
    "dockerfile",
    "template",
    "deps",
    "spec",
    "renderer",
    "lock",
    "engine",
    "engine.buildkit",
    "image",
    "host_path",
    "worker",
    "container",
    "mirror",
    "lifecycle",
    "verifier",
    "builder",
    "images",
    "setup",
    "coding",
    "doctor",
    "integrations",
    "cli",
)

PURE = (
    "errors",
    "reference",
    "labels",
    "profile",
    "prompt",
    "template",
    "spec",
    "renderer",
    "context",
    "dockerfile",
)
IMPURE_MODULES = {
    "subprocess",
    "socket",
    "http",
    "threading",
    "asyncio",
    "click",
    "docker",
    "requests",
}

FILES = sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)


def room(module: str) -> str:
    """The room of the design that a module belongs to: the longest prefix that is one."""
    parts = module.split(".")[1:]
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in ORDER:
            return name
    return ""


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every absolute import of a file: `from a import b` as `a.b` too, for b may be a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import"
            assert node.module is not None
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def breaches(path: Path) -> list[str]:
    mine = room(name_of(path))
    found = []
    for imported, line in imports(path):
        if not imported.startswith("toolkit.") or not mine:
            continue
        other = room(imported)
        if other and ORDER.index(other) > ORDER.index(mine):
            found.append(f"{path.name}:{line} of {mine} imports {imported}")
    return found


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_module_imports_only_what_stands_above_it(path: Path) -> None:
    """No stage of the story reaches back."""
    assert breaches(path) == []


def test_a_planted_breach_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check above can fail."""
    package = tmp_path / "toolkit"
    package.mkdir()
    (package / "spec.py").write_text("from toolkit.builder import build\n")
    monkeypatch.setitem(globals(), "PACKAGE", package)
    assert breaches(package / "spec.py") == ["spec.py:1 of spec imports toolkit.builder.build"]


def test_every_module_has_its_place() -> None:
    """A new module is entered into the order, or this fails."""
    names = {name_of(path) for path in FILES} - {"toolkit", "toolkit.__main__"}
    assert [name for name in sorted(names) if not room(name)] == []


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_cannot_touch_the_world(name: str) -> None:
    """Everything left of the image in the story is values in, values out."""
    files = [path for path in FILES if room(name_of(path)) == name]
    found = {imported.partition(".")[0] for path in files for imported, _ in imports(path)}
    assert files
    assert found & IMPURE_MODULES == set()


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    """A second room hides in a long file."""
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in FILES}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}
