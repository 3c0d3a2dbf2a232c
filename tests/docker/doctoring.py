"""Doctor as a command, and what it finds: for set-ups that are broken on purpose."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

Problems = Mapping[str, Mapping[str, Any]]


def examined(
    env: Mapping[str, str], *options: str, before: Sequence[str] = ()
) -> dict[str, Mapping[str, Any]]:
    """Every check that was made, by its id; `before` is put before the command."""
    command = [*before, sys.executable, "-m", "toolkit", "doctor", "--json", *options]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert ended.stdout, ended.stderr
    return {each["id"]: each for each in json.loads(ended.stdout)["checks"]}


def doctor(env: Mapping[str, str], *options: str, before: Sequence[str] = ()) -> Problems:
    """Everything that is neither well nor skipped."""
    found = examined(env, *options, before=before)
    return {name: each for name, each in found.items() if each["status"] not in {"ok", "skip"}}


def pasted(commands: Sequence[str], env: Mapping[str, str]) -> dict[str, str]:
    """What a shell's environment is after these; root needs no sudo."""
    script = "\n".join(['sudo() { "$@"; }', *commands, "env -0"])
    said = subprocess.run(["sh", "-ec", script], env=env, capture_output=True, check=True)
    pairs = (line.partition("=") for line in said.stdout.decode().split("\0") if line)
    return {name: value for name, _, value in pairs if not name.startswith("BASH_FUNC")}


def unsteered(environ: Mapping[str, str], home: str) -> dict[str, str]:
    """An environment in which nothing steers docker or installers."""
    steering = ("DOCKER_", "PIP_", "UV_", "TOOLKIT_", "SSL_", "REQUESTS_", "CURL_")
    env = {
        name: value
        for name, value in environ.items()
        if not name.startswith(steering) and "proxy" not in name.lower()
    }
    return {**env, "HOME": home, "PATH": f"{home}/bin:{env['PATH']}"}
