"""From functions to the text of the module that blocks import.

Hidden here: how the source of a function is cut out of its file, and the forms in which it may
come: our values, other frameworks' of the same attributes, bare functions, and texts. Imports keep
their order, and text is never run.
"""

from __future__ import annotations
import __future__

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from toolkit.coding.execution import ExecutorValueError
from toolkit.coding.functions import AnyFunction, Definition, definition

_OURS: Final = "with_requirements"
_FUTURE: Final = "from __future__ import annotations"


@dataclass(frozen=True, slots=True)
class _Source:
    """A function's text and its definition therein."""

    text: str
    node: Definition
    delays_annotations: bool


def to_stub(func: AnyFunction) -> str:
    """The function's signature and documentation, without its body, for a prompt."""
    node = _source(func).node
    header = ast.unparse(_bare(node))
    doc = ast.get_docstring(node)
    quoted = textwrap.indent(f'"""{doc}"""', "    ") + "\n" if doc else ""
    return f"{header.removesuffix('    ...')}{quoted}    ..."


def module_text(functions: Sequence[AnyFunction]) -> str:
    """The module's text: the imports, each once, then the functions."""
    sources = [_source(function) for function in functions]
    imports = [_statement(one) for function in functions for one in _imports(function)]
    if any(source.delays_annotations for source in sources):
        imports.insert(0, _FUTURE)
    texts = (source.text.strip("\n") for source in sources)
    return "\n\n\n".join(["\n".join(dict.fromkeys(imports)), *texts]).lstrip("\n") + "\n"


def packages(functions: Sequence[AnyFunction]) -> list[str]:
    """What is to be installed, each once, in order."""
    named = (name for one in functions for name in getattr(one, "python_packages", None) or ())
    return list(dict.fromkeys(map(str, named)))


def _imports(function: AnyFunction) -> Sequence[object]:
    return getattr(function, "global_imports", None) or ()


def _source(function: AnyFunction) -> _Source:
    inner: Any = function
    if hasattr(function, "python_packages") and hasattr(function, "global_imports"):
        inner = getattr(function, "func", None)
    if isinstance(inner, str):
        return _of_text(inner)
    if not callable(inner):
        raise ExecutorValueError(
            f"function {function!r} is none",
            hint="pass a function, or FunctionWithRequirements",
        )
    return _of_callable(inner, function)


def _of_text(text: str) -> _Source:
    """A text as it is, but for a future import, which may only stand at the module's head."""
    text = textwrap.dedent(text)
    lines, delays = text.split("\n"), False
    node = definition(text)
    for other in ast.parse(text).body:
        if isinstance(other, ast.ImportFrom) and other.module == "__future__":
            delays = True
            for number in range(other.lineno - 1, other.end_lineno or other.lineno):
                lines[number] = ""
    return _Source("\n".join(lines), node, delays)


def _of_callable(function: Callable[..., Any], whole: object) -> _Source:
    """Cut a function out of its file. `whole` is what was passed: with requirements, or itself.

    A bare function comes without its decorators; those that stand below its requirements stay.
    """
    name = getattr(function, "__name__", repr(function))
    try:
        written = inspect.getsource(function)
    except (OSError, TypeError) as error:
        raise ExecutorValueError(
            f"function {name} has no source that could be read: {error}",
            hint="pass its text to FunctionWithRequirements.from_str",
        ) from error
    text, node = _parsed(written, name)
    kept = [] if whole is function else _kept_decorators(node, whole)
    first = min((decorator.lineno for decorator in kept), default=node.lineno)
    lines = text.split("\n")[first - 1 : node.end_lineno]
    flags = getattr(getattr(inspect.unwrap(function), "__code__", None), "co_flags", 0)
    delays = bool(flags & __future__.annotations.compiler_flag)
    return _Source("\n".join(lines), node, delays)


def _parsed(written: str, name: str) -> tuple[str, Definition]:
    """The text of a function, from the left margin, and its definition."""
    text = textwrap.dedent(written)
    try:
        return text, definition(text)
    except ExecutorValueError:
        pass
    try:  # a string in it reaches further to the left than the function does
        node = definition(ast.unparse(ast.parse(f"if True:\n{written}").body[0].body))  # type: ignore[attr-defined]
    except (SyntaxError, ExecutorValueError) as error:
        raise ExecutorValueError(
            f"function {name} is not written as one definition",
            hint="define it with def, or pass its text to FunctionWithRequirements.from_str",
        ) from error
    return ast.unparse(node), node


def _kept_decorators(node: Definition, whole: object) -> Sequence[ast.expr]:
    """Those below the one that names the requirements, which may have another name here."""
    for place, decorator in enumerate(node.decorator_list):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if getattr(called, "attr", getattr(called, "id", None)) == _OURS:
            return node.decorator_list[place + 1 :]
    return node.decorator_list[1 if hasattr(whole, "__wrapped__") else 0 :]


def _bare(node: Definition) -> Definition:
    """The definition with nothing in it."""
    empty = copy.deepcopy(node)
    empty.decorator_list = []
    empty.body = [ast.Expr(ast.Constant(...))]
    return empty


def _statement(one: object) -> str:
    """An import, ours or another framework's, as a line of Python."""
    if isinstance(one, str):
        return f"import {one}"
    if hasattr(one, "module") and hasattr(one, "imports"):
        return f"from {one.module} import {', '.join(_names(one.imports))}"
    return f"import {_name(one)}"


def _names(imports: Sequence[object]) -> Iterator[str]:
    return (one if isinstance(one, str) else _name(one) for one in imports)


def _name(one: object) -> str:
    name, alias = getattr(one, "name", None), getattr(one, "alias", None)
    if not isinstance(name, str) or not isinstance(alias, str):
        raise ExecutorValueError(
            f"import {one!r} is none", hint="write a module's name, Alias or ImportFromModule"
        )
    return f"{name} as {alias}"
