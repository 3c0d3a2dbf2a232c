"""Doctor against the real engine."""

from __future__ import annotations

import json
import subprocess
import sys

import jsonschema  # type: ignore[import-untyped]  # as in test_doctor_report
import pytest

from toolkit.doctor import schema
from toolkit.image import DEFAULT_VARIABLE

pytestmark = pytest.mark.docker

SCRIPT = "from toolkit.cli import main; main()"


def doctor(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT, "doctor", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_working_engine_has_no_failure_and_every_check_is_made() -> None:
    ended = doctor("--json")
    document = json.loads(ended.stdout)
    jsonschema.validate(document, schema())
    assert (ended.returncode, ended.stderr) == (0, "")
    assert document["summary"]["fail"] == document["summary"]["crash"] == 0
    skipped = {entry["id"] for entry in document["checks"] if entry["status"] == "skip"}
    assert skipped <= {"image.present", "engine.disk", "dood.bind"}
    assert document["environment"]["engine"]
    assert document["environment"]["storage_driver"]


def test_an_image_that_is_not_there_is_a_failure_only_when_asked_by_name() -> None:
    name = "toolkit-doctor-test.invalid/none:1"
    assert doctor("--image", name).returncode == 0
    ended = doctor("--image", name, "--check", "image.present")
    assert ended.returncode == 1
    assert f"docker pull {name}" in ended.stdout


def test_the_image_that_the_environment_names_is_the_one_that_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, base_image: str
) -> None:
    monkeypatch.setenv(DEFAULT_VARIABLE, base_image)
    document = json.loads(doctor("--json", "--check", "image.present").stdout)
    (entry,) = [entry for entry in document["checks"] if entry["id"] == "image.present"]
    assert (entry["status"], entry["data"]["name"]) == ("ok", base_image)


def test_the_road_to_buildkit_is_really_opened() -> None:
    document = json.loads(doctor("--json", "--check", "engine.build").stdout)
    (entry,) = [entry for entry in document["checks"] if entry["id"] == "engine.build"]
    assert (entry["status"], entry["data"]) == (
        "ok",
        {"road": "grpc", "loses": []},
    )
