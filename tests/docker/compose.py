"""Compose as pytest-docker wants it: the command, with the variables that a compose file is given.

Hidden here: Docker's own plugin, or the program by its side, which is installed if it is missing.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping

import pytest

from toolkit.setup import programs


def compose(variables: Mapping[str, str]) -> str:
    """The command for a shell. Where it cannot be had the test is skipped, or fails if it must."""
    given = [shlex.quote(f"{name}={value}") for name, value in variables.items()]
    return " ".join(("env", *given, _program()))


def _program() -> str:
    plugin = ["docker", "compose", "version"]
    if shutil.which("docker") and subprocess.run(plugin, capture_output=True).returncode == 0:
        return "docker compose"
    if not shutil.which("docker-compose"):
        _install()
    return "docker-compose"


def _install() -> None:
    if not shutil.which("apt-get"):
        _do_without("there is no apt-get that would install docker-compose")
    root = programs.rights(env=os.environ)
    if root.prefix is None:
        _do_without("docker-compose is missing, and only root may install it")
    install = ("apt-get", "install", "-y", "--no-install-recommends", "docker-compose")
    for command in (("apt-get", "update"), install):
        ended = programs.run(root.grant(command), env=os.environ)
        if ended.code != 0:
            _do_without(f"`{shlex.join(command)}` failed: {' / '.join(ended.lines)}")


def _do_without(reason: str) -> None:
    if os.environ.get("TOOLKIT_REQUIRE_DOCKER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
