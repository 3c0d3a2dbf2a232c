"""A registry that is busy or broke off is asked again, a few times; any other is not."""

from __future__ import annotations

import pytest

from toolkit.engine.retrying import retried
from toolkit.errors import PullError, Trouble


class Registry:
    """It answers so many times with a trouble, and then well."""

    def __init__(self, *troubles: Trouble) -> None:
        self._troubles = list(troubles)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self._troubles:
            raise PullError(
                f"no {self.asked}",
                hint="wait",
                reference="r.example/x:1",
                trouble=self._troubles.pop(0),
            )
        return "well"


def test_it_is_asked_again_and_each_failure_is_told() -> None:
    registry, said = Registry("broken", "limited"), list[str]()
    assert retried(registry, waits=(0, 0.001, 0), say=said.append) == "well"
    assert said == [
        "no 1; trying again in 0 s (1 of 3)",
        "no 2; trying again in 0.001 s (2 of 3)",
    ]


def test_the_last_failure_is_the_one_that_is_raised() -> None:
    registry, said = Registry("broken", "broken", "limited", "broken"), list[str]()
    with pytest.raises(PullError, match=r"(?m)^no 3$"):
        retried(registry, waits=(0, 0), say=said.append)
    assert (registry.asked, len(said)) == (3, 2)


@pytest.mark.parametrize(
    "trouble", ["absent", "denied", "unreachable", "untrusted", "corrupt", "full", "other"]
)
def test_what_will_not_pass_is_not_asked_again(trouble: Trouble) -> None:
    registry, said = Registry(trouble), list[str]()
    with pytest.raises(PullError, match=r"(?m)^no 1$"):
        retried(registry, waits=(0, 0), say=said.append)
    assert (registry.asked, said) == (1, [])


def test_without_waits_there_is_one_attempt() -> None:
    registry = Registry("broken")
    with pytest.raises(PullError):
        retried(registry, waits=(), say=lambda _: None)
    assert registry.asked == 1
