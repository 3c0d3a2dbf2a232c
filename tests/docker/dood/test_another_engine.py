"""Docker-in-docker: the engine that an application is given is another than its container's own.

It has another disk, so a work dir is copied into its containers, and whatever lies there under the
same path is not taken for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker.conftest import RUN
from tests.docker.dood.conftest import KEY, SOCKET, Run
from tests.docker.dood.test_doctor_inside import entry, statuses
from tests.docker.dood.test_dood import MADE, TOP, check, content, mounted
from tests.docker.outer import ran
from tests.docker.second_engine import copy_disk, second_engine
from toolkit.engine import connect

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, virgin_disk: Path) -> Iterator[Path]:
    """The socket of another engine, which has no container in the end."""
    folder = tmp_path_factory.mktemp("other")
    (folder / "engine").mkdir()
    disk = copy_disk(virgin_disk, folder / "disk")
    with second_engine(folder / "engine", disk, folder) as second:
        yield Path(second.address.removeprefix("unix://"))
        with connect(second.address) as engine:
            assert engine.list_containers() == []
    disk.unlink()


def test_a_work_dir_is_copied_and_never_shared_by_mistake(
    application: Run, other: Path, tmp_path: Path
) -> None:
    """On a mount, on the application's own disk, and where the other engine has such a folder."""
    (bind := tmp_path / "bind").mkdir()
    asked = [{"work_dir": place} for place in (TOP, f"{TOP}/new", "/work", "/srv")]
    answers, warnings = application(mounted(str(bind)), *asked, socket=other)
    for answer in answers:
        check(answer, "")
    assert content(tmp_path) == {"bind", "bind/new"} | {
        f"{folder}/{name}" for folder in ("bind", "bind/new") for name in MADE
    }
    assert {path.stat().st_uid for path in tmp_path.rglob("*")} == {0}
    assert warnings == ""


def test_a_work_dir_that_must_be_shared_is_an_error(
    application: Run, other: Path, base_image: str, tmp_path: Path
) -> None:
    asked = {"work_dir": TOP, "transfer": "bind"}
    (answer,), _ = application(mounted(str(tmp_path)), asked, socket=other)
    assert answer == {
        "error": f"Failed to start container from image {base_image}. Logs: folder {TOP} cannot be "
        "found: this process is in a container, but in none of this engine's",
        "hint": "pass bind_dir: the path that the work_dir has on the engine's host",
    }
    assert content(tmp_path) == set()


def test_an_engine_that_does_not_run_this_container_is_told_and_the_hosts_socket_mends_it(
    application_image: str, other: Path
) -> None:
    def doctor(socket: Path) -> dict[str, Any]:
        said, _ = ran(
            application_image,
            ["sh", "-c", "toolkit doctor --json --skip net --skip gc || true"],
            labels={KEY: RUN},
            volumes=[f"{socket}:{SOCKET}"],
        )
        return dict(json.loads(said))

    report = doctor(other)
    assert statuses(report) == {"dood.identity": "warn", "dood.bind": "skip"}
    told = entry(report, "dood.identity")
    assert "docker-in-docker" in told["why"]
    assert told["fix"]["commands"] == [f"docker run -v {SOCKET}:{SOCKET} IMAGE"]
    assert statuses(doctor(SOCKET)) == {"dood.bind": "skip"}
