"""The error tree keeps its promises."""

from __future__ import annotations

from toolkit import errors
from toolkit.errors import Problem, SpecError, ToolkitError


def tree() -> list[type[ToolkitError]]:
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    return [each for each in found if issubclass(each, ToolkitError)]


def families() -> list[type[ToolkitError]]:
    """Those of the tree; the command line has an error of its own, with the root's code."""
    return [each for each in ToolkitError.__subclasses__() if each in tree()]


def test_each_family_has_an_exit_code_of_its_own() -> None:
    """Scripts tell families apart by the code; click has 2, an interruption 130."""
    codes = [family.exit_code for family in families()]
    assert len(set(codes)) == len(families())
    assert not set(codes) & {0, 1, 2, 124, 125, 126, 127, 130}


def test_a_member_has_the_code_of_its_family() -> None:
    """A finer class says more to a program and the same to a script."""
    for family in families():
        for member in tree():
            if issubclass(member, family):
                assert member.exit_code == family.exit_code


def test_the_module_docstring_draws_the_tree_as_it_is() -> None:
    """What people read is what there is."""
    drawn = errors.__doc__ or ""
    assert [each.__name__ for each in tree() if each.__name__ not in drawn] == []


def test_gathered_problems_are_lines_of_the_message() -> None:
    """A file's problems are reported together."""
    error = SpecError.gathered([Problem("requirements.txt:7", "a"), Problem("", "b")], hint="Do.")
    assert str(error) == "requirements.txt:7: a\nb"
    assert error.hint == "Do."
    assert [problem.where for problem in error.problems] == ["requirements.txt:7", ""]
