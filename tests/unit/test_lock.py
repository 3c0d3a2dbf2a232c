"""What is locked and what is installed are held against each other."""

from __future__ import annotations

import pytest

from toolkit import lock
from toolkit.errors import SpecError
from toolkit.lock import Lock

LOCKED = """
lock-version = "1.0"
created-by = "uv"

[[packages]]
name = "Typing_Extensions"
version = "4.15.0"

[[packages]]
name = "from-a-folder"
directory = { path = "local/0" }
"""


def test_names_are_canonical_and_a_version_may_be_missing() -> None:
    """PEP 751 has no version for what is built from a folder."""
    assert lock.read(LOCKED) == Lock({"typing-extensions": "4.15.0", "from-a-folder": None})


@pytest.mark.parametrize("text", ["", "packages = 1", "[[packages]]\nversion = '1'", "not toml ="])
def test_a_text_that_is_no_lock_is_refused(text: str) -> None:
    """An image without a record is not verified by accident."""
    with pytest.raises(SpecError) as caught:
        lock.read(text)
    assert str(caught.value).startswith("/opt/venv/pylock.toml is not a PEP 751 lock: ")


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ([("typing.extensions", "4.15"), ("from-a-folder", "7"), ("pip", "26")], []),
        ([("from-a-folder", "7")], ["typing-extensions: is locked and not installed"]),
        (
            [("typing-extensions", "4.14"), ("from_a_folder", "7")],
            ["typing-extensions: is locked at 4.15.0, installed at 4.14"],
        ),
        (
            [("typing-extensions", "4.15.0"), ("from-a-folder", "7"), ("setuptools", "80")],
            ["setuptools: is installed at 80 and not locked"],
        ),
        (
            [("typing-extensions", "not a version"), ("from-a-folder", "7")],
            ["typing-extensions: is locked at 4.15.0, installed at not a version"],
        ),
    ],
)
def test_every_difference_is_named(installed: list[tuple[str, str]], expected: list[str]) -> None:
    """Missing, other, too much; pip alone is beside the lock."""
    found = lock.differences(lock.read(LOCKED), installed)
    assert [str(problem) for problem in found] == expected
