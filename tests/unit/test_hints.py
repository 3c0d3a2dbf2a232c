"""Every error says what to do, and names a check of doctor that there is: read from the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import toolkit
from toolkit.doctor import CHECKS
from toolkit.errors import CheckId

PACKAGE = Path(toolkit.__file__).parent
TREES = {
    path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
    if "_data" not in path.parts
}


def nodes(trees: dict[str, ast.Module]) -> Iterator[tuple[str, ast.AST]]:
    for place, tree in trees.items():
        for node in ast.walk(tree):
            yield place, node


def errors(trees: dict[str, ast.Module]) -> set[str]:
    """The names of the classes that come from ToolkitError, but for those with one hint for all."""
    bases: dict[str, set[str]] = {}
    own: set[str] = set()
    for _, node in nodes(trees):
        if isinstance(node, ast.ClassDef):
            bases[node.name] = {base.id for base in node.bases if isinstance(base, ast.Name)}
            made = [each for each in node.body if getattr(each, "name", "") == "__init__"]
            if made and "hint" not in {
                each.arg for each in ast.walk(made[0]) if isinstance(each, ast.arg)
            }:
                own.add(node.name)
    found = {"ToolkitError"}
    while added := {name for name in bases if bases[name] & found} - found:
        found |= added
    return found - own


def unhinted(trees: dict[str, ast.Module]) -> list[str]:
    """Where one is made without a hint, or with an empty one."""
    names, found = errors(trees), []
    for place, node in nodes(trees):
        if not isinstance(node, ast.Call):
            continue
        parts = ast.unparse(node.func).split(".")
        if not {parts[-1], parts[-2] if parts[-1] == "gathered" and parts[1:] else ""} & names:
            continue
        hints = [each.value for each in node.keywords if each.arg == "hint"]
        if not hints or (isinstance(hints[0], ast.Constant) and not hints[0].value):
            found.append(f"{place}:{node.lineno}")
    return found


def named() -> set[str]:
    """The checks that are named where an error is made."""
    return {
        each.value.value
        for _, node in nodes(TREES)
        if isinstance(node, ast.Call)
        for each in node.keywords
        if each.arg == "check" and isinstance(each.value, ast.Constant)
        if isinstance(each.value.value, str)
    }


def test_every_error_is_made_with_a_hint() -> None:
    """Whoever reads it learns what to do, not only what went wrong."""
    assert unhinted(TREES) == []


def test_the_walk_finds_errors_of_every_family() -> None:
    """It would find nothing wrong in a list that is empty."""
    assert {"SpecError", "EngineRefusedError", "ExecutorValueError", "DiedError"} <= errors(TREES)
    assert "WireError" not in errors(TREES)


@pytest.mark.parametrize(
    "call", ["SpecError.gathered([])", "errors.SpecError('x', hint='')", "Own('x')"]
)
def test_an_error_without_a_hint_is_found(call: str) -> None:
    """The walk above can fail."""
    planted = ast.parse(f"class Own(SpecError): pass\n\nraise {call}\n")
    assert unhinted({**TREES, "planted.py": planted}) == ["planted.py:3"]


def test_the_checks_that_errors_name_are_checks_of_doctor() -> None:
    """The command in a hint can be typed."""
    assert set(get_args(CheckId)) - {check.id for check in CHECKS} == set()


def test_the_checks_that_errors_may_name_are_those_that_they_do() -> None:
    """No name stays in the list that nothing uses, and none is used that is not in it."""
    assert named() == set(get_args(CheckId))
