"""What fuzzing kept, replayed: every input that once reached something new, or found a fault."""

from __future__ import annotations

import pytest

from tests.fuzz.targets import FUZZED


@pytest.mark.parametrize("name", sorted(FUZZED))
def test_what_is_kept_is_read_or_refused(name: str) -> None:
    """And the seeds as well, which are whole files."""
    fuzzed = FUZZED[name]
    kept = fuzzed.kept()
    assert len(kept) >= 30
    for path in kept:
        try:
            fuzzed.play(path.read_bytes())
        except BaseException as error:
            error.add_note(f"the input is {path}")
            raise
    for data in fuzzed.seeds():
        fuzzed.play(data)
