"""Errors that really happened: the command in the hint is typed, and doctor reports the cause."""

from __future__ import annotations

import os
import shlex
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.docker.conftest import Cli

pytestmark = pytest.mark.docker

EXPLAINS = "      `toolkit doctor --check "


@dataclass(frozen=True, slots=True)
class Wrong:
    """A command that fails, what is wrong, and the check that explains it."""

    check: str
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    make: Callable[[Path], object] | None = None
    arguments: tuple[str, ...] = ("images",)


def _abandoned(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))


WRONG = {
    "no-socket": Wrong("endpoint.socket", {"DOCKER_HOST": "unix://{folder}/s"}),
    "directory": Wrong(
        "endpoint.socket",
        {"DOCKER_HOST": "unix://{folder}/s"},
        make=lambda folder: os.mkdir(folder / "s"),  # noqa: PTH102 - a function of one path
    ),
    "stopped": Wrong("endpoint.reach", {"DOCKER_HOST": "unix://{folder}/s"}, make=_abandoned),
    "refused": Wrong("endpoint.reach", {"DOCKER_HOST": "tcp://127.0.0.1:9"}),
    "no-name": Wrong("endpoint.reach", {"DOCKER_HOST": "tcp://nowhere.invalid:2375"}),
    "no-address": Wrong("endpoint.resolve", {"DOCKER_HOST": "nonsense"}),
    "no-context": Wrong("endpoint.resolve", {"DOCKER_CONTEXT": "gone", "DOCKER_HOST": ""}),
    "bad-login": Wrong(
        "client.config",
        {"DOCKER_CONFIG": "{folder}/docker"},
        {"docker/config.json": '{"auths": {"registry.example": {"auth": "c2VjcmV0"}}}'},
        arguments=("build-image", "--deps", "requirements.txt"),
    ),
    "bind-dir": Wrong(
        "dood.bind",
        {"TOOLKIT_DEFAULT_IMAGE": "{base}"},
        arguments=("run", "--work-dir", ".", "--bind-dir", "/usr", "-c", "1"),
    ),
    "no-image": Wrong("image.present", arguments=("images", "inspect", "not/here:1")),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_check_that_a_hint_names_reports_a_problem(cli: Cli, name: str) -> None:
    """Whoever types it is told why, and not that all is well."""
    wrong = WRONG[name]
    cli.write("six")
    for file, text in wrong.files.items():
        cli.write(text, file=file)
    if wrong.make is not None:
        wrong.make(cli.folder)
    names = {"folder": cli.folder, "base": cli.environment["TOOLKIT_BASE_IMAGE"]}
    env = {key: value.format_map(names) for key, value in wrong.env.items()}
    refused = cli(*wrong.arguments, env=env)
    assert refused.code, refused.stdout
    last = refused.stderr.splitlines()[-1]
    assert last.startswith(f"{EXPLAINS}{wrong.check}"), refused.stderr
    command = shlex.split(last.strip().removesuffix(" explains it").strip("`"))
    explained = cli(*command[1:], env=env)
    assert explained.code == 1, explained.stdout
