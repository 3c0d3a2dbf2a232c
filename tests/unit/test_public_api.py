"""The package's table of contents: sorted, complete, documented, and loaded name by name."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import toolkit
from toolkit import errors

EXPORTED = [name for name in toolkit.__all__ if name != "__version__"]


def promised() -> dict[str, str]:
    """What the imports for type checkers say: each public name and where it lives."""
    tree = ast.parse(Path(toolkit.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.asname or alias.name: f"{node.module}:{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_the_names_are_these() -> None:
    """A name that is added or taken away is a decision, and changes this list."""
    assert [name for name in EXPORTED if not name.endswith("Error")] == [
        "SYSTEM_PROMPT",
        "Alias",
        "BlockResult",
        "BuildOptions",
        "Cancellation",
        "CodeBlock",
        "CommandLineCodeResult",
        "Container",
        "ContainerManager",
        "ContainerOptions",
        "Dependencies",
        "DockerCommandLineCodeExecutor",
        "Engine",
        "ExecutorPool",
        "FileChange",
        "FunctionWithRequirements",
        "FunctionWithRequirementsStr",
        "Image",
        "ImageReference",
        "ImageSpec",
        "ImportFromModule",
        "Limits",
        "LocalCommandLineCodeExecutor",
        "MarkdownCodeExtractor",
        "Mount",
        "Output",
        "Plan",
        "Problem",
        "Profile",
        "Result",
        "build",
        "connect",
        "create_virtual_env",
        "install_signal_handlers",
        "plan",
        "read_dependencies",
        "with_requirements",
    ]


def test_every_error_is_public() -> None:
    """Whatever is raised can be caught by a name of the package."""
    assert {name for name in EXPORTED if name.endswith("Error")} == {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.ToolkitError)
    }


def test_the_names_are_sorted() -> None:
    """Constants first, as linters want them."""
    assert toolkit.__all__ == sorted(toolkit.__all__, key=lambda name: (not name.isupper(), name))


def test_type_checkers_see_what_is_there() -> None:
    """They read imports that never run; what runs must give the same objects."""
    seen = promised()
    assert sorted(seen) == sorted(EXPORTED)
    for name, home in seen.items():
        module, _, original = home.partition(":")
        assert getattr(toolkit, name) is getattr(sys.modules[module], original), name


def test_the_directory_agrees() -> None:
    """Completion in a shell offers the public names before one of them was used."""
    assert set(toolkit.__all__) <= set(dir(toolkit))


@pytest.mark.parametrize("name", EXPORTED)
def test_every_name_is_documented(name: str) -> None:
    """In its own words: a dataclass without a docstring gives itself its signature."""
    said = inspect.getdoc(getattr(toolkit, name)) or ""
    assert said
    assert not said.startswith(f"{name}(")


def test_no_name_hides_a_module() -> None:
    """`from toolkit import NAME` must never mean two things."""
    modules = {found.name for found in pkgutil.iter_modules(toolkit.__path__)}
    assert modules & set(EXPORTED) == set()


def test_a_name_that_is_none_is_an_error_for_readers_and_type_checkers() -> None:
    """A type checker that let it pass would complain of the ignored error."""
    with pytest.raises(AttributeError, match=r"^module 'toolkit' has no attribute 'Nonsense'$"):
        _ = toolkit.Nonsense  # type: ignore[attr-defined]


def test_a_name_loads_its_own_module_only() -> None:
    """The package itself loads none; a value of a pure module brings no engine along."""
    script = (
        "import sys, toolkit\n"
        "loaded = lambda: sorted(name for name in sys.modules if name.startswith('toolkit.'))\n"
        "assert loaded() == [], loaded()\n"
        "toolkit.SpecError, toolkit.ImageReference\n"
        "assert loaded() == ['toolkit.errors', 'toolkit.reference'], loaded()\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_every_name_can_be_imported_from_the_package() -> None:
    """Each in the order of the list, in a fresh interpreter: no circle of imports."""
    script = f"from toolkit import {', '.join(EXPORTED)}\nfrom toolkit import *\n"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
