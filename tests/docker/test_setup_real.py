"""A base image made from the distribution's packages, in the real engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from toolkit import labels
from toolkit.engine import Engine, connect
from toolkit.image import local_bases
from toolkit.setup import make_base_image, start_engine

pytestmark = pytest.mark.docker


@pytest.fixture
def engine() -> Iterator[Engine]:
    with connect() as found:
        yield found


def refuse(_question: str) -> bool:
    return False


def agree(_question: str) -> bool:
    return True


def test_an_engine_that_answers_is_used_and_nothing_is_asked() -> None:
    said: list[str] = []
    endpoint = start_engine(consent=refuse, say=said.append)
    assert said == [f"an engine answers at {endpoint} ({endpoint.origin})"]


def test_the_command_prints_the_address_alone() -> None:
    script = "from toolkit.cli import main; main()"
    command = [sys.executable, "-c", script, "engine", "start"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, len(ended.stdout.splitlines())) == (0, 1)
    assert "://" in ended.stdout


def test_a_local_base_is_kept_and_known_by_what_it_was_made_from(engine: Engine) -> None:
    """Makes the base where there is none yet, which takes a minute; a second call takes none."""
    made = make_base_image(engine, consent=agree, say=lambda _line: None)
    said: list[str] = []
    assert make_base_image(engine, consent=refuse, say=said.append) == made
    assert said == [f"the base image {made} is here already (--force makes it anew)"]
    assert made in local_bases(engine)
    image = engine.inspect_image(str(made))
    assert image is not None
    assert image["Config"]["Labels"][labels.SOURCE_DIGEST].startswith("sha256:")
    assert image["Config"]["Cmd"] == ["python3"]
    assert len(image["RootFS"]["Layers"]) == 1
