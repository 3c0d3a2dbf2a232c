"""The worker's source: what is sent into a container must run on any Python from 3.8 on."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

import pytest

from toolkit.worker import boot

MODULES = {
    name: Path(str(importlib.import_module(f"toolkit.worker.{name}").__file__)).read_text("utf-8")
    for name in boot._MODULES
}


@pytest.mark.parametrize("name", MODULES)
def test_the_source_is_python_3_8(name: str) -> None:
    ast.parse(MODULES[name], feature_version=(3, 8))


@pytest.mark.parametrize("name", MODULES)
def test_the_source_imports_the_standard_library_and_earlier_modules_only(name: str) -> None:
    earlier = list(MODULES)[: list(MODULES).index(name)]
    allowed = {f"toolkit.worker.{other}" for other in earlier} | {"toolkit.worker"}
    for module in _imports(ast.parse(MODULES[name])):
        assert module in allowed or module.partition(".")[0] in sys.stdlib_module_names


@pytest.mark.parametrize("name", MODULES)
def test_annotations_are_never_evaluated(name: str) -> None:
    """Python 3.8 has no `dict[str, int]`; the future import keeps annotations text."""
    assert "from __future__ import annotations" in MODULES[name]


def test_the_entrypoint_reads_exactly_the_source() -> None:
    assert f"len(s)<{len(boot.source())}" in boot.entrypoint()[3]


def test_a_python_that_is_found_first_is_not_one_that_code_can_write() -> None:
    """A restarted container must not run what its code left in the virtual environment as PID 1."""
    script = boot.entrypoint()[2]
    assert script.index("PATH=/usr/local/bin:/usr/bin:/bin;") < script.index("|| p=$(command -v")


def _imports(tree: ast.Module) -> set[str]:
    """The modules that are imported when it runs: not those under TYPE_CHECKING."""
    found = set()
    skipped = {
        id(inner) for node in tree.body if isinstance(node, ast.If) for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found - {"__future__"}
