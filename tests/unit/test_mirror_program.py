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

END = (b".", b"", b"")


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
    command = [sys.executable, "-I", "-S", "-c", program.source()[1], str(tmp_path)]
    asked = b"".join(Record(kind).encode() for kind in (b"w", b".", b"g", b"g"))
    for _ in range(2):
        said = subprocess.run(command, input=asked, capture_output=True, check=True).stdout
        found = [(each.kind, each.path, each.body) for each in Decoder().feed(said)]
        whole = [(b"h", b"", b""), (b"=", b"folder", b"d 750"), END, END]
        assert found == [*whole, *[(b"h", b"", b""), END] * 2]


def test_a_helper_that_nobody_asks_ends() -> None:
    """Its input stays open, as in a container that is kept and whose owner was killed."""
    impatient = program.source()[1].replace("_SECONDS = 60", "_SECONDS = 0.1")
    command = [sys.executable, "-I", "-S", "-c", impatient, "/"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as helper:
        assert helper.wait(20) == 0
