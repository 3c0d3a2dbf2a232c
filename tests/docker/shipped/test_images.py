"""Every image that is shipped is built, and proves by its own script what it is for.

It takes minutes, so `make test` leaves this folder out (pyproject, norecursedirs) and
`make test-images` names it.
"""

from __future__ import annotations

import pytest

from tests.docker.conftest import Cli
from toolkit import resources
from toolkit.spec import catalogue

pytestmark = pytest.mark.docker

IMAGES = dict(catalogue.entries(resources.tree("images")))


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_of_the_catalogue_is_built_and_proven(cli: Cli, name: str, image: str) -> None:
    built = cli.ended(cli.start("build-image", image, "--name", name), seconds=1800)
    assert built.code == 0, built.stderr
    assert "Verifying" in built.stderr
    shown = cli("run", "--image", built.stdout.strip(), "-c", "print(6 * 7)")
    assert (shown.code, shown.stdout) == (0, "42\n")
