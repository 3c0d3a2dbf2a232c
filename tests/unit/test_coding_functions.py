"""Functions that blocks may import (autogen.md, section 4.8)."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from toolkit.coding import functions as module
from toolkit.coding.function_module import FunctionModule
from toolkit.coding.function_source import module_text, packages, to_stub
from toolkit.coding.functions import (
    Alias,
    FunctionWithRequirements,
    FunctionWithRequirementsStr,
    ImportFromModule,
    with_requirements,
)
from toolkit.worker.result import Result

reqs = with_requirements


def plain(a: int, b: int = 2, *rest: int, key: str = "x") -> int:  # noqa: ARG001 - to be shown
    """Add.

    Two numbers, that is.
    """
    return a + b  # and so on


@with_requirements(
    python_packages=["pandas", "numpy"],
    global_imports=["pandas", Alias("numpy", "np")],
)
@functools.cache
def required(x: int) -> int:
    return x


@reqs(global_imports=[ImportFromModule("os", ["path", Alias("sep", "separator")])])
async def renamed() -> str:
    return separator  # type: ignore[name-defined,no-any-return]  # noqa: F821 - imported there


def with_text_at_the_margin() -> str:
    return """
left"""


TEXT = '''
import os
from os.path import join

LIMIT = 3

def joined(a: str) -> str:
    """Join."""
    return join(a, "b")
'''


def loaded(*functions: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever is a function
    names: dict[str, Any] = {}
    exec(module_text(functions), names)  # noqa: S102 - what a block's import does
    return names


def test_a_function_comes_as_it_is_written() -> None:
    text = module_text([plain])
    assert text.startswith("from __future__ import annotations\n\n\ndef plain(a: int")
    assert text.endswith("    return a + b  # and so on\n")
    assert loaded(plain)["plain"](1) == 3


def test_a_decorator_over_several_lines_goes_and_those_below_it_stay() -> None:
    text = module_text([required])
    assert "with_requirements" not in text
    assert "pandas\nimport numpy as np\n" in text
    assert "\n@functools.cache\ndef required(" in text


def test_a_decorator_that_was_imported_under_another_name_goes_too() -> None:
    text = module_text([renamed])
    assert "reqs" not in text
    assert "from os import path, sep as separator\n" in text
    assert "async def renamed" in text


def test_a_nested_function_is_moved_to_the_margin() -> None:
    def inner(x: int) -> int:
        if x:
            return 1
        return 2

    assert loaded(inner)["inner"](0) == 2

    def ragged() -> str:
        return """
left"""

    assert loaded(ragged)["ragged"]() == "\nleft"
    assert loaded(with_text_at_the_margin)["with_text_at_the_margin"]() == "\nleft"


def test_a_decorator_of_a_bare_function_is_left_out() -> None:
    @functools.lru_cache(
        maxsize=3,
    )
    def cached() -> int:
        return 1

    assert loaded(cached)["cached"]() == 1


def test_imports_keep_their_order_and_come_once() -> None:
    made: list[Any] = [
        FunctionWithRequirements.from_callable(plain, global_imports=["zlib", "abc", "zlib"]),
        FunctionWithRequirements.from_callable(with_text_at_the_margin, ["b", "a", "b"], ["abc"]),
    ]
    assert module_text(made).startswith(
        "from __future__ import annotations\nimport zlib\nimport abc\n\n\ndef"
    )
    assert packages([*made, required, plain]) == ["b", "a", "pandas", "numpy"]


def test_a_text_is_parsed_and_never_executed(capsys: pytest.CaptureFixture[str]) -> None:
    made = FunctionWithRequirements.from_str(f"print('run')\n{TEXT}", ["x"], ["abc"])
    assert isinstance(made, FunctionWithRequirementsStr)
    assert (made.python_packages, made.global_imports) == (["x"], ["abc"])
    assert to_stub(made) == 'def joined(a: str) -> str:\n    """Join."""\n    ...'
    assert capsys.readouterr().out == ""
    with pytest.raises(NotImplementedError, match=r"are not directly callable$"):
        made()
    assert loaded(made)["joined"]("a") == "a/b"


def test_a_future_import_of_a_text_goes_to_the_head_of_the_module() -> None:
    made = FunctionWithRequirements.from_str(
        "from __future__ import annotations\ndef f(a: Nothing) -> int:\n    return 1\n"
    )
    assert loaded(plain, made)["f"](0) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(:\n    pass", "Could not compile function: "),
        ("def f(): pass\ndef g(): pass", "The string must contain exactly one function"),
        ("x = 1", "The string must contain exactly one function"),
        ("def f(): '\0'", "Could not compile function: "),
    ],
)
def test_a_text_that_is_no_function_is_a_value_error(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        FunctionWithRequirements.from_str(text)


def test_what_has_no_source_is_refused_with_a_way_out() -> None:
    for function in (len, eval("lambda: 1"), functools.partial(plain, 1)):  # noqa: S307
        with pytest.raises(ValueError, match=r"^function ") as caught:
            module_text([function])
        assert "from_str" in str(getattr(caught.value, "hint", ""))
    with pytest.raises(ValueError, match=r"(?m)^function 3 is none$"):
        module_text([3])  # type: ignore[list-item]


def test_a_lambda_is_refused() -> None:
    function = lambda: 1  # noqa: E731 - that is the case
    with pytest.raises(ValueError, match=r"(?m)is not written as one definition$"):
        module_text([function])


def test_a_stub_has_signature_and_documentation() -> None:
    assert to_stub(plain) == (
        "def plain(a: int, b: int=2, *rest: int, key: str='x') -> int:\n"
        '    """Add.\n\n    Two numbers, that is."""\n    ...'
    )
    assert to_stub(required) == "def required(x: int) -> int:\n    ..."


def test_what_was_decorated_can_be_called_and_keeps_its_name() -> None:
    assert required(4) == 4
    assert vars(required)["__name__"] == "required"
    assert FunctionWithRequirements.from_callable(plain)(1, 2) == 3


@dataclass
class ForeignAlias:
    """As other frameworks have it."""

    name: str
    alias: str


@dataclass
class ForeignFrom:
    """As other frameworks have it."""

    module: str
    imports: tuple[object, ...]


@dataclass
class Foreign:
    """A function with requirements of another framework."""

    func: str | Callable[..., object]
    python_packages: Sequence[str] = ()
    global_imports: Sequence[object] = ()
    _compiled_func: object = field(default=None)


@pytest.mark.parametrize("function", [plain, TEXT])
def test_other_frameworks_objects_are_taken_by_their_attributes(function: Any) -> None:  # noqa: ANN401
    imports = ["abc", ForeignAlias("zlib", "z"), ForeignFrom("os", ("sep", ForeignAlias("a", "b")))]
    made: Any = Foreign(function, ["one"], imports)
    text = module_text([made])
    assert "import abc\nimport zlib as z\nfrom os import sep, a as b\n" in text
    assert packages([made]) == ["one"]
    assert to_stub(made).startswith("def ")


class Here:
    """Runs Python in a folder, as an executor would; knows what it ran."""

    def __init__(self, folder: Path, pip: Result | None = None) -> None:
        self.folder = folder
        self.ran: list[list[str]] = []
        self._pip = pip

    def __call__(self, arguments: Sequence[str]) -> Result:
        self.ran.append(list(arguments))
        if self._pip is not None and "pip" in arguments:
            return self._pip
        argv = [sys.executable, *arguments]
        ended = subprocess.run(argv, cwd=self.folder, capture_output=True)
        return result(ended.returncode, ended.stdout, ended.stderr)


def result(code: int, stdout: bytes = b"", stderr: bytes = b"", *, late: bool = False) -> Result:
    return Result(("python",), code, stdout, stderr, 0.1, timed_out=late)


def test_a_module_is_written_proven_once_and_leaves_no_other_file(tmp_path: Path) -> None:
    python = Here(tmp_path)
    made = FunctionModule([plain], "tools")
    made.load(tmp_path, python)
    made.load(tmp_path, python)
    assert python.ran == [["-B", "-c", "import tools"]]
    assert [path.name for path in tmp_path.iterdir()] == ["tools.py"]


def test_packages_are_installed_before_the_module_is_imported(tmp_path: Path) -> None:
    python = Here(tmp_path, result(0))
    function = FunctionWithRequirements.from_callable(plain, ["a", "b>=2"])
    FunctionModule([function], "functions").load(tmp_path, python)
    assert python.ran[0] == ["-m", "pip", "install", "a", "b>=2"]


@pytest.mark.parametrize(
    ("pip", "message"),
    [
        (result(124, late=True), r"^Pip install timed out"),
        (result(1, b"out", b"err"), r"^Pip install failed\. out, err"),
    ],
)
def test_packages_that_cannot_be_installed_are_a_value_error(
    tmp_path: Path, pip: Result, message: str
) -> None:
    function = FunctionWithRequirements.from_callable(plain, ["a"])
    with pytest.raises(ValueError, match=message):
        FunctionModule([function], "functions").load(tmp_path, Here(tmp_path, pip))


def test_a_module_that_cannot_be_imported_is_a_value_error_each_time(tmp_path: Path) -> None:
    function = FunctionWithRequirements.from_callable(plain, global_imports=["no_such_module"])
    made = FunctionModule([function], "functions")
    for _ in range(2):
        with pytest.raises(ValueError, match=r"(?s)^Functions failed to load: .*no_such_module"):
            made.load(tmp_path, Here(tmp_path))


def test_a_link_in_the_place_of_the_module_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "functions.py").symlink_to(victim)
    FunctionModule([plain], "functions").load(tmp_path, Here(tmp_path))
    assert victim.read_text() == "precious"


def test_a_name_that_cannot_be_imported_is_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"(?m)^Module name must be a valid Python identifier$"):
        FunctionModule([], "a-b")


def test_a_prompt_has_the_module_and_the_stubs() -> None:
    made = FunctionModule([plain, required], "tools")
    assert "`tools`" in made.prompt()
    assert (
        made.prompt("$module_name|$functions") == f"tools|{to_stub(plain)}\n\n{to_stub(required)}"
    )


def test_the_values_are_those_of_autogen() -> None:
    """Positional or by keyword, as its users write them."""
    assert Alias("a", "b") == module.Alias(name="a", alias="b")
    assert ImportFromModule("a", ["b"]) == ImportFromModule(module="a", imports=["b"])
    assert FunctionWithRequirements(plain).python_packages == ()
