"""An image of this project's own wheel, built by itself, and applications that run in it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import docker
import pytest

from tests.docker.conftest import RUN, Cli, Started, images_of, remove_named
from tests.docker.outer import ran
from toolkit.engine import Engine

KEY: Final = "toolkit-test-dood"
SOCKET: Final = Path("/var/run/docker.sock")

_ROOT: Final = Path(__file__).parents[3]
_APPLICATION: Final = Path(__file__).parent / "application.py"

Run = Callable[..., tuple[list[dict[str, Any]], str]]


@pytest.fixture(scope="session")
def application_image(
    tmp_path_factory: pytest.TempPathFactory,
    environment: Mapping[str, str],
    started: Started,
    first_engine: Engine,
) -> Iterator[str]:
    """What `toolkit build-image` makes of our wheel: Python and what we depend on, no docker."""
    cli = Cli(tmp_path_factory.mktemp("application"), environment, started.pids)
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir"]
    subprocess.run([*command, str(cli.folder), str(_ROOT)], check=True, capture_output=True)
    (wheel,) = cli.folder.glob("*.whl")
    cli.write(f"./{wheel.name}")
    name = f"dood-{RUN}"
    answer = cli("build-image", "--deps", "requirements.txt", "--name", name)
    assert answer.code == 0, answer.stderr
    yield answer.stdout.strip()
    remove_named(first_engine, name)
    assert images_of(first_engine, name) == []


@pytest.fixture(scope="session")
def application(application_image: str, base_image: str, first_engine: Engine) -> Iterator[Run]:
    """Run the application in a container with the engine's socket, and what else is given to it.

    `options` are docker-py's, each of `asked` the options of an executor, and `env`. Gives what
    became of each, and what was said on stderr.
    """
    usual = {"image": base_image, "labels": {KEY: RUN}, "network": "none"}

    def run(
        options: Mapping[str, Any], *asked: Mapping[str, object], socket: Path = SOCKET
    ) -> tuple[list[dict[str, Any]], str]:
        words = json.dumps([{**usual, **each} for each in asked])
        said, errors = ran(
            application_image,
            ["python", "-c", _APPLICATION.read_text(), words],
            labels={KEY: RUN},
            volumes=[f"{socket}:{SOCKET}"],
            **options,
        )
        return json.loads(said), errors

    yield run
    assert first_engine.list_containers(f"{KEY}={RUN}") == []


@pytest.fixture(scope="session")
def volume(first_engine: Engine) -> Iterator[str]:
    """A named volume."""
    name = f"toolkit-test-{RUN}"
    client = docker.from_env()
    client.volumes.create(name, labels={KEY: RUN})
    client.close()
    yield name
    first_engine.remove_volume(name)
