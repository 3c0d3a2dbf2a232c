"""Doctor on every engine: nothing fails, what is tried is well, and what it is called is right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.docker.conftest import Cli
from tests.engines.nested import Nested
from toolkit.doctor import CHECKS

pytestmark = pytest.mark.docker

Checks = Mapping[str, Mapping[str, Any]]


@pytest.fixture
def checks(cli: Cli, base: str, work_dir: Path) -> Checks:
    """Every check that asks nobody but the engine, by its id."""
    where = ("--image", base, "--work-dir", str(work_dir))
    answer = cli("doctor", "--json", "--deep", "--offline", *where)
    document = json.loads(answer.stdout)
    assert document["summary"]["crash"] == 0, answer.stdout
    return {each["id"]: each for each in document["checks"]}


def test_doctor_finds_no_failure_and_tries_what_it_was_told(checks: Checks, nest: Nested) -> None:
    assert {name: each for name, each in checks.items() if each["status"] == "fail"} == {}
    podman = nest.kind.program == "podman"
    assert checks["engine.version"]["data"]["flavour"] == ("podman" if podman else "docker")
    assert checks["endpoint.kind"]["data"]["provider"] == ("Podman" if podman else "Docker")
    for name in ("dood.roundtrip", "dood.ownership", "image.contents", "gc.tether"):
        assert checks[name]["status"] == "ok", checks[name]
    deep = {check.id for check in CHECKS if check.deeper is not None}
    told = {name: checks[name] for name in deep if checks[name]["status"] == "warn"}
    # Of the machine, not of the engine: cgroup v1 is old, and its disk may be nearly full.
    known = {"engine.cgroup", "engine.disk"}
    if podman:  # whose init is a package of its own, which the machines do not have
        known |= {"engine.init"}
        assert "catatonit" in told["engine.init"]["why"]
    assert set(told) <= known, told
    assert checks["engine.build"]["data"]["secret"]
    assert set(checks["engine.cgroup"]["data"]["held"].values()) == {True}
    assert checks["engine.security"]["data"]["status"]["Seccomp"] == "2"
