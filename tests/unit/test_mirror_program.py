"""The helper's source: what is sent into a container must run on any Python from 3.8 on."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.mirror import program
from toolkit.mirror.records import Decoder, Record

MODULES = {
    name: Path(str(importlib.import_module(f"toolkit.mirror.{name}").__file__)).read_text("utf-8")
    for name in program._MODULES
}


@pytest.mark.parametrize("name", MODULES)
def test_the_source_is_python_3_8(name: str) -> None:
    ast.parse(MODULES[name], feature_version=(3, 8))
    assert "from __future__ import annotations" in MODULES[name]
    assert "removeprefix" not in MODULES[name]
    assert "removesuffix" not in MODULES[name]


@pytest.mark.parametrize("name", MODULES)
def test_the_source_imports_the_standard_library_and_earlier_modules_only(name: str) -> None:
    earlier = list(MODULES)[: list(MODULES).index(name)]
    allowed = {f"toolkit.mirror.{other}" for other in earlier}
    for node in ast.walk(ast.parse(MODULES[name])):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            assert module in allowed or module.partition(".")[0] in sys.stdlib_module_names
        elif isinstance(node, ast.Import):
            assert all(each.name in sys.stdlib_module_names for each in node.names)


def test_it_runs_and_says_what_is_in_a_folder(tmp_path: Path) -> None:
    """Compiled the first time, and from what was kept the second."""
    (tmp_path / "folder").mkdir(mode=0o750)
    (tmp_path / "folder").chmod(0o750)
    command = [sys.executable, "-I", "-S", "-c", program.source()[1], "give", str(tmp_path)]
    for _ in range(2):
        said = subprocess.run(
            command, input=Record(b".").encode(), capture_output=True, check=True
        ).stdout
        found = [(each.kind, each.path, each.body) for each in Decoder().feed(said)]
        assert found == [(b"=", b"folder", b"d 750"), (b".", b"", b""), (b".", b"", b"")]
