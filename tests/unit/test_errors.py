"""The error tree keeps its promises."""

from __future__ import annotations

import pickle
import traceback

import pytest

from toolkit import errors
from toolkit.engine.wire import WireError
from toolkit.errors import EngineRefusedError, Hint, Problem, SpecError, ToolkitError


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


EXPLAINED = Hint("Do.", check="image.present", flags=("--image", "my image"))


def test_a_hint_names_the_check_that_explains_the_error() -> None:
    """On a line of its own, so that a hint that ends in a command can be copied."""
    assert EXPLAINED.shown == (
        "hint: Do.\n      `toolkit doctor --check image.present --image 'my image'` explains it"
    )
    assert Hint("Do.").shown == "hint: Do."
    assert Hint("Do.").command == ""


def test_a_hint_is_handed_on_with_its_check() -> None:
    """What one error knows, the error that is made of it knows, too."""
    handed_on = SpecError("b", hint=SpecError("a", hint=EXPLAINED).hint)
    assert handed_on.hint == "Do."
    assert handed_on.hint.check == "image.present"
    other = EXPLAINED.saying("Do else.")
    assert (other, other.check, other.flags) == ("Do else.", EXPLAINED.check, EXPLAINED.flags)


def test_a_traceback_ends_in_the_hint() -> None:
    """Who uses the library sees it without asking, and `str()` stays the message."""
    error = SpecError("x", hint=EXPLAINED)
    assert str(error) == "x"
    assert "".join(traceback.format_exception_only(error)).endswith(f": x\n{EXPLAINED.shown}\n")


@pytest.mark.parametrize(
    "error",
    [
        EngineRefusedError("x", hint=EXPLAINED, status=500),
        SpecError.gathered([Problem("a", "b")], hint="Do."),
        WireError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_travels_between_processes_whole(error: ToolkitError) -> None:
    """A pool of processes hands it on by pickle, and waits for ever for one that it cannot read."""
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(arrived) is type(error)
    assert vars(arrived) == vars(error)
    assert (arrived.hint.check, arrived.hint.flags) == (error.hint.check, error.hint.flags)
    assert str(arrived) == str(error)
