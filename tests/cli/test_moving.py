"""What `push-image` refuses before it asks an engine."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from toolkit.cli import main

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("image", "message", "hint"),
    [
        (
            "toolkit/env:1",
            "the image toolkit/env:1 has no registry in its name",
            (
                "give it such a name with `toolkit build-image --tag HOST/REPO/NAME:TAG`;"
                " Docker Hub is docker.io"
            ),
        ),
        (
            "env",
            "the image env:latest has no registry in its name",
            (
                "give it such a name with `toolkit build-image --tag HOST/REPO/NAME:TAG`;"
                " Docker Hub is docker.io"
            ),
        ),
        (
            f"r.example/x@{DIGEST}",
            f"the image r.example/x@{DIGEST} is named by a digest, which a push gives it",
            "name it by its tag",
        ),
    ],
)
def test_a_name_that_would_go_somewhere_else_is_not_pushed(
    image: str, message: str, hint: str
) -> None:
    """To Docker's mind what has no registry in its name is Docker Hub's."""
    result = CliRunner().invoke(main, ["push-image", image])
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == f"error: {message}\nhint: {hint}\n"


def test_a_name_that_is_none_is_refused() -> None:
    result = CliRunner().invoke(main, ["push-image", "r.example/Upper:1"])
    assert result.exit_code == 3
    assert "write it in lower case: upper" in result.stderr
