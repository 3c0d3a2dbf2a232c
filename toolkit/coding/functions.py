"""Functions of the application that blocks may import, and what they need.

Hidden here: nothing but values; `function_source` reads them. A function that is a text is parsed
here and runs where blocks run, never in the application.
"""

from __future__ import annotations

import ast
import functools
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, ParamSpec, TypeVar

from toolkit.coding.execution import ExecutorValueError

_Parameters = ParamSpec("_Parameters")
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Alias:
    """`import name as alias`, or within a module's imports `name as alias`."""

    name: str
    alias: str


@dataclass(frozen=True)
class ImportFromModule:
    """`from module import …`; each of the imports is a name or an `Alias`."""

    module: str
    imports: Sequence[str | Alias]


Import = str | Alias | ImportFromModule
"""What a function's module imports: the name of a module, or one of the two above."""


@dataclass
class FunctionWithRequirements(Generic[_Parameters, _Value]):
    """A function, the packages to be installed for it, and the imports that stand before it.

    It can be called as the function can.
    """

    func: Callable[_Parameters, _Value]
    python_packages: Sequence[str] = ()
    global_imports: Sequence[Import] = ()

    def __call__(self, *args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Value:
        return self.func(*args, **kwargs)

    @classmethod
    def from_callable(
        cls,
        func: Callable[_Parameters, _Value],
        python_packages: Sequence[str] = (),
        global_imports: Sequence[Import] = (),
    ) -> FunctionWithRequirements[_Parameters, _Value]:
        """Add requirements to a function that is defined elsewhere."""
        return cls(func, python_packages, global_imports)

    @staticmethod
    def from_str(
        func: str, python_packages: Sequence[str] = (), global_imports: Sequence[Import] = ()
    ) -> FunctionWithRequirementsStr:
        """Make one from source text, which defines one function. Raises ValueError otherwise."""
        return FunctionWithRequirementsStr(func, python_packages, global_imports)


@dataclass
class FunctionWithRequirementsStr:
    """The same for a function that is source text; here it cannot be called."""

    func: str
    python_packages: Sequence[str] = ()
    global_imports: Sequence[Import] = ()

    def __post_init__(self) -> None:
        definition(textwrap.dedent(self.func))

    def __call__(self, *_arguments: object, **_named: object) -> NoReturn:
        raise NotImplementedError(
            "String based function with requirement objects are not directly callable"
        )


def with_requirements(
    python_packages: Sequence[str] = (), global_imports: Sequence[Import] = ()
) -> Callable[[Callable[_Parameters, _Value]], FunctionWithRequirements[_Parameters, _Value]]:
    """Name what a function needs where it is defined: a decorator."""

    def wrapper(
        func: Callable[_Parameters, _Value],
    ) -> FunctionWithRequirements[_Parameters, _Value]:
        made = FunctionWithRequirements(func, python_packages, global_imports)
        functools.update_wrapper(made, func)
        return made

    return wrapper


Definition = ast.FunctionDef | ast.AsyncFunctionDef


def definition(source: str) -> Definition:
    """The one function that a text defines; it may import, and assign, beside it."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise ExecutorValueError(
            f"Could not compile function: {error}", hint="pass the text of a function in Python"
        ) from error
    found = [node for node in tree.body if isinstance(node, Definition)]
    if len(found) != 1:
        raise ExecutorValueError(
            "The string must contain exactly one function", hint="pass each function on its own"
        )
    return found[0]


AnyFunction = Callable[..., Any] | FunctionWithRequirements[..., Any] | FunctionWithRequirementsStr
"""What executors take; other frameworks' objects of that form, too."""
