"""Why no base image could be made, told from what mmdebstrap wrote."""

from __future__ import annotations

import pytest

from toolkit.setup.base_image import _reason
from toolkit.setup.programs import Ended

# Of mmdebstrap 1.3.5, for a suite that the mirror has not.
NO_SUITE = """\
I: running --setup-hook directly: /usr/share/mmdebstrap/hooks/maybe-merged-usr/setup00.sh
Err:2 http://deb.debian.org/debian nonsense Release
E: The repository 'http://deb.debian.org/debian nonsense Release' does not have a Release file.
E: command failed: /usr/share/mmdebstrap/hooks/maybe-merged-usr/setup00.sh
E: mmdebstrap failed to run
"""
NO_LIBRARY = "mmdebstrap: error while loading shared libraries\n"


@pytest.mark.parametrize(
    ("wrote", "reason"),
    [
        (NO_SUITE, NO_SUITE.splitlines()[2].removeprefix("E: ").removesuffix(".")),
        (NO_LIBRARY, NO_LIBRARY.strip()),
        ("", "it said nothing and ended with code 25"),
    ],
    ids=["error", "last", "silent"],
)
def test_the_first_error_is_the_reason_and_else_the_last_word(wrote: str, reason: str) -> None:
    """A message of ours is one sentence without a full stop."""
    assert _reason(Ended(25, tuple(wrote.splitlines()))) == reason
