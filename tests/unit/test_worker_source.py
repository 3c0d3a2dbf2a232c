"""The worker's source: what is sent into a container must run on any Python from 3.8 on."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import marshal
import sys
import zlib
from pathlib import Path
from types import CodeType

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


@pytest.mark.parametrize("magic", [importlib.util.MAGIC_NUMBER, b"\0\0\r\n"])
def test_what_is_sent_has_its_length_before_it_and_fits_the_python(magic: bytes) -> None:
    sent = boot.source(magic)
    assert int(sent[:8]) == len(sent) - 8
    warm, program = marshal.loads(zlib.decompress(sent[8:]))  # noqa: S302 - our own
    _, parts = marshal.loads(program)  # noqa: S302 - as above
    assert [name for name, _ in parts] == list(MODULES)
    kinds = {type(body) for _, body in parts}
    assert kinds == {CodeType if magic == importlib.util.MAGIC_NUMBER else str}
    assert len(warm) < 150_000  # one message to the warm interpreter


def test_nothing_that_is_sent_names_a_path_of_this_machine() -> None:
    program = zlib.decompress(boot.source(importlib.util.MAGIC_NUMBER)[8:])
    assert str(Path(boot.__file__).parent).encode() not in program


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
