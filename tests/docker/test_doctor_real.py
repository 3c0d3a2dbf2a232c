"""Doctor against the real engine."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # as in test_doctor_report
import pytest

from tests.docker.conftest import RUN
from toolkit.doctor import CHECKS, schema
from toolkit.engine import Engine
from toolkit.image import DEFAULT_VARIABLE
from toolkit.reference import ImageReference

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
    assert skipped <= {"image.present", "image.stale", "engine.disk", "dood.bind"}
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


def checks(*options: str, **env: str) -> dict[str, dict[str, Any]]:
    """The checks of a report that are not well, by id."""
    command = [sys.executable, "-c", SCRIPT, "doctor", "--json", *options]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, **env}
    )
    found = {each["id"]: each for each in json.loads(ended.stdout)["checks"]}
    return {name: each for name, each in found.items() if each["status"] != "ok"}


def test_a_real_container_shows_the_work_dir_its_programs_and_its_end(
    base_image: str, tmp_path: Path
) -> None:
    chosen = ("dood.roundtrip", "dood.ownership", "image.contents", "gc.tether")
    options = [word for name in chosen for word in ("--check", name)]
    found = checks(*options, "--image", base_image, "--work-dir", str(tmp_path))
    assert set(found) & set(chosen) == set()
    assert list(tmp_path.iterdir()) == []


def test_what_is_told_is_tried_in_the_depth(base_image: str, tmp_path: Path) -> None:
    """Every half that takes its time, on an engine in order; nothing of it is left."""
    deep = {check.id for check in CHECKS if check.deeper is not None} - {"net.index"}
    where = ("--deep", "--json", "--image", base_image, "--work-dir", str(tmp_path))
    options = [word for name in sorted(deep) for word in ("--check", name)]
    document = json.loads(doctor(*options, *where).stdout)
    found = {each["id"]: each for each in document["checks"]}
    assert {name: found[name]["status"] for name in deep} == dict.fromkeys(deep, "ok") | {
        # cgroup v1 is told of by the first half, whatever the second has found.
        "engine.cgroup": found["engine.cgroup"]["status"],
        "engine.disk": found["engine.disk"]["status"],
    }
    assert found["engine.build"]["data"]["secret"]
    held = found["engine.cgroup"]["data"]["held"]  # of CPU time a busy machine may not tell
    assert {**held, "CPU time": True} == dict.fromkeys(("CPU time", "memory", "processes"), True)
    assert found["engine.security"]["data"]["status"]["Seccomp"] == "2"
    assert found["engine.runtimes"]["data"]["started"]
    assert found["engine.disk"]["data"]["freeable"]


def test_a_wrong_bind_dir_is_told_once(base_image: str, tmp_path: Path) -> None:
    where = ("--image", base_image, "--work-dir", str(tmp_path), "--bind-dir", "/usr")
    found = checks("--check", "dood.roundtrip", *where)
    assert {name: each["status"] for name, each in found.items()} == {
        "dood.bind": "fail",
        "dood.roundtrip": "skip",
    }
    assert found["dood.bind"]["fix"]["text"].endswith(f"found to be {tmp_path}")


def test_a_work_dir_with_files_of_others_is_told_and_mended(tmp_path: Path) -> None:
    (tmp_path / "theirs").touch()
    os.chown(tmp_path / "theirs", 12345, 12345)
    options = ("--check", "gc.files", "--work-dir", str(tmp_path))
    (command,) = checks(*options)["gc.files"]["fix"]["commands"]
    subprocess.run(["sh", "-c", command.removeprefix("sudo ")], check=True)
    assert checks(*options) == {}


@pytest.mark.parametrize(
    ("index", "problem"),
    [
        ("https://ann:s3cret@index.invalid/simple", "net.dns"),
        ("http://ann:s3cret@127.0.0.1:9/simple", "net.index"),
    ],
)
def test_an_index_that_containers_do_not_reach_is_told_where_the_way_ends(
    base_image: str, index: str, problem: str
) -> None:
    env = {"PIP_INDEX_URL": index, "UV_DEFAULT_INDEX": "", "UV_INDEX_URL": ""}
    found = checks("--check", "net.index", "--check", "net.dns", "--image", base_image, **env)
    assert found[problem]["status"] == "fail"
    assert {name for name, each in found.items() if each["status"] != "skip"} == {problem}
    assert "s3cret" not in json.dumps(found)


def test_an_image_without_anything_in_it_is_told(first_engine: Engine) -> None:
    name = f"toolkit-test-{RUN}-doctor:1"
    with io.BytesIO() as nothing:
        tarfile.open(fileobj=nothing, mode="w").close()
        nothing.seek(0)
        made = first_engine.import_image(nothing)
    first_engine.tag_image(made, ImageReference.parse(name))
    try:
        found = checks("--check", "image.contents", "--image", name)
        assert {key: each["status"] for key, each in found.items()} == {"image.contents": "fail"}
        assert found["image.contents"]["summary"].startswith(f"{name} does not start")
    finally:
        first_engine.remove_image(name)


def test_no_password_is_told_by_what_is_tried(base_image: str) -> None:
    """Neither of an index nor of a registry, in whatever is said of a container and a build."""
    login = "https://ann:s3cret@index.invalid/t0ken/simple"
    env = {"PIP_INDEX_URL": login, "UV_DEFAULT_INDEX": login, "UV_INDEX_X_PASSWORD": "s3cret"}
    command = [sys.executable, "-m", "toolkit", "doctor", "--deep", "--image", base_image]
    for more in (["--verbose"], ["--json"]):
        ended = subprocess.run(
            [*command, *more, "--check", "net.index", "--check", "engine.build"],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, **env},
        )
        assert "index.invalid" in ended.stdout
        assert "one step with a secret was built" in ended.stdout
        assert "s3cret" not in ended.stdout + ended.stderr
        assert "t0ken" not in ended.stdout + ended.stderr
