"""Doctor on every engine: nothing fails, what is tried is well, and what it is called is right."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.docker.conftest import Cli
from tests.docker.doctoring import examined
from tests.engines.kinds import REMAPPED, ROOTLESS, Kind
from tests.engines.machines import ROOTLESS as NEEDED
from tests.engines.nested import Nested
from tests.engines.test_users import running
from toolkit.doctor import CHECKS
from toolkit.engine import Engine
from toolkit.image import local_bases

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


@pytest.mark.parametrize("kind", [REMAPPED, ROOTLESS[0]], ids=lambda kind: kind.name)
def test_doctor_says_whose_users_those_of_containers_are(
    kind: Kind, first_engine: Engine, tmp_path: Path
) -> None:
    more = NEEDED if kind in ROOTLESS else ()
    (tmp_path / "engine").mkdir()
    with running(first_engine, kind, tmp_path / "engine", more) as found:
        env = {**os.environ, "DOCKER_HOST": found.address}
        image = str(local_bases(found.engine)[0])
        work_dir = found.folder / "work"
        work_dir.mkdir()
        if kind.uid:
            os.chown(work_dir, kind.uid, kind.uid)
        options = ("--deep", "--offline", "--image", image, "--work-dir", str(work_dir))
        checks = examined(env, *options)
    failed = {name: each for name, each in checks.items() if each["status"] in {"fail", "crash"}}
    assert failed == {}
    told = checks["engine.rootless"]
    if kind is REMAPPED:
        assert (told["status"], "copies the work_dir" in told["why"]) == ("warn", True)
        assert checks["dood.roundtrip"]["status"] == "skip"
    else:
        assert (told["status"], told["data"]["rootless"]) == ("ok", True)
    assert checks["image.contents"]["status"] == "ok"
    if kind.uid and Path("/sys/fs/cgroup/memory").is_dir():  # cgroup v1 is root's alone
        held = checks["engine.cgroup"]["data"]["held"]
        assert (held["memory"], held["processes"]) == (False, False)
