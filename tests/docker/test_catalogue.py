"""Images that are shipped are built, and prove by their own scripts what they are for.

Here those that cost little; `make test-images` has them all.
"""

from __future__ import annotations

import pytest

from tests.docker.conftest import Cli

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("image", ["python", "web"])
def test_an_image_of_the_catalogue_is_built_and_proven(cli: Cli, name: str, image: str) -> None:
    built = cli("build-image", image, "--name", name)
    assert built.code == 0, built.stderr
    assert "Verifying" in built.stderr
    shown = cli("run", "--image", built.stdout.strip(), "-c", "print(6 * 7)")
    assert (shown.code, shown.stdout) == (0, "42\n")
