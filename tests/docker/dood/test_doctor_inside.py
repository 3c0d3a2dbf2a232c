"""Doctor as an application in a container runs it: where the work dir is, and what is wrong then.

Each broken work dir is reported by its own check, and the checks beside that one are content.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.docker.conftest import RUN
from tests.docker.dood.conftest import KEY, SOCKET
from tests.docker.outer import mount, ran

pytestmark = pytest.mark.docker

TOP: Final = "/toolkit-doctor"
_SCRIPT: Final = (
    "mkdir -p {top}/own; "
    "for options in '{top}/bind' '{top}/bind/sub' '{top}/own' '{top}/locked' '{top}/tmpfs' "
    "'{top}/bind --bind-dir /usr'; do "
    "toolkit doctor --json --check dood --work-dir $options || true; echo ';'; done"
)

Statuses = Mapping[str, str]


@pytest.fixture(scope="module")
def reports(
    application_image: str, tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    host = tmp_path_factory.mktemp("doctor")
    (host / "sub").mkdir()
    mounts = [
        mount(f"type=bind,source={host},target={TOP}/bind"),
        mount(f"type=bind,source={host},target={TOP}/locked,readonly"),
        mount(f"type=tmpfs,target={TOP}/tmpfs"),
    ]
    said, _ = ran(
        application_image,
        ["sh", "-c", _SCRIPT.format(top=TOP)],
        labels={KEY: RUN},
        mounts=mounts,
        volumes=[f"{SOCKET}:{SOCKET}"],
    )
    found = [json.loads(text) for text in said.split(";\n") if text.strip()]
    for report in found:
        report["host"] = str(host)
    return found


def statuses(report: Mapping[str, Any]) -> dict[str, str]:
    return {
        entry["id"]: entry["status"]
        for entry in report["checks"]
        if entry["id"].startswith("dood.") and entry["status"] != "ok"
    }


def entry(report: Mapping[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in report["checks"] if each["id"] == name]
    return dict(found)


def test_a_work_dir_on_a_mount_is_well_and_its_path_on_the_host_is_told(
    reports: list[dict[str, Any]],
) -> None:
    for report, folder in zip(reports[:2], ("", "/sub"), strict=True):
        assert statuses(report) == {}
        assert entry(report, "dood.bind")["data"]["source"] == report["host"] + folder
        assert entry(report, "dood.identity")["data"]["id"]


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(2, "warn", "own disk (overlay)"), (3, "warn", "read-only"), (4, "warn", "memory (tmpfs")],
)
def test_a_work_dir_that_cannot_be_shared_is_told_by_the_check_of_its_mount(
    reports: list[dict[str, Any]], number: int, status: str, word: str
) -> None:
    found = entry(reports[number], "dood.workdir")
    assert (found["status"], word in found["why"]) == (status, True)
    assert set(statuses(reports[number])) <= {"dood.workdir", "dood.bind"}
    assert entry(reports[number], "dood.bind")["status"] != "ok"


@pytest.mark.parametrize(("number", "name"), [(2, "own"), (3, "locked"), (4, "tmpfs")])
def test_a_work_dir_that_cannot_be_shared_is_well_as_the_fix_says(
    reports: list[dict[str, Any]],
    application_image: str,
    tmp_path: Path,
    number: int,
    name: str,
) -> None:
    """The mount that the fix names is given to the application's container."""
    (command,) = entry(reports[number], "dood.workdir")["fix"]["commands"]
    words = shlex.split(command.replace("$PWD", str(tmp_path)))
    source, _, target = words[words.index("-v") + 1].partition(":")
    report, _ = ran(
        application_image,
        ["toolkit", "doctor", "--json", "--check", "dood", "--work-dir", target],
        labels={KEY: RUN},
        volumes=[f"{SOCKET}:{SOCKET}", f"{source}:{target}"],
    )
    assert target == f"{TOP}/{name}"
    assert statuses(json.loads(report)) == {}


def test_a_wrong_bind_dir_is_told_with_the_right_one(reports: list[dict[str, Any]]) -> None:
    report = reports[5]
    assert (report["status"], statuses(report)) == ("fail", {"dood.bind": "fail"})
    assert entry(report, "dood.bind")["fix"]["text"].endswith(f"found to be {report['host']}")


def test_an_application_in_a_container_tries_what_it_was_told(
    application_image: str, base_image: str, tmp_path: Path
) -> None:
    """A container beside its own reads and writes the work dir; a build has its secret."""
    options = f"--deep --offline --image {base_image} --work-dir {TOP}/bind"
    said, _ = ran(
        application_image,
        ["sh", "-c", f"toolkit doctor --json {options} || true"],
        labels={KEY: RUN},
        mounts=[mount(f"type=bind,source={tmp_path},target={TOP}/bind")],
        volumes=[f"{SOCKET}:{SOCKET}"],
    )
    report = json.loads(said)
    assert report["summary"]["fail"] == report["summary"]["crash"] == 0
    assert statuses(report) == {}
    for name in ("dood.roundtrip", "dood.ownership", "engine.build", "gc.tether", "net.bridge"):
        assert entry(report, name)["status"] == "ok", entry(report, name)
    assert list(tmp_path.iterdir()) == []
