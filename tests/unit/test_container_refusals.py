"""What the engine's refusal of a container becomes; the known ones are tested on a real engine."""

from __future__ import annotations

import pytest

from toolkit.container import ContainerOptions
from toolkit.container.refusals import explained
from toolkit.engine import failures
from toolkit.errors import StartError

OPTIONS = ContainerOptions(image="analysis:1")


def refusal(words: str, status: int = 500) -> StartError:
    with pytest.raises(StartError) as caught, explained(OPTIONS):
        raise failures.refused("starting a container", status=status, words=words)
    return caught.value


def test_words_that_nobody_knows_are_the_engines_own_with_a_hint() -> None:
    """These were an engine's that was being stopped."""
    error = refusal("failed to update store for object type *libnetwork.endpoint: open : no such")
    assert str(error) == (
        "no container of analysis:1: "
        "failed to update store for object type *libnetwork.endpoint: open : no such"
    )
    assert error.hint == (
        "run `toolkit doctor`, and look into the engine's own log if all is well there"
    )


def test_a_hint_that_the_words_have_brought_stays() -> None:
    assert refusal("").hint == "look whether the engine still runs"
    assert refusal("no space left on device").hint == (
        "free disk space where the engine keeps its data, e.g. by `docker builder prune`"
    )


def test_a_start_error_of_our_own_is_left_as_it_is() -> None:
    ours = StartError("x", hint="y")
    with pytest.raises(StartError) as caught, explained(OPTIONS):
        raise ours
    assert caught.value is ours
