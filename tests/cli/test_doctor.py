"""`toolkit doctor` from the outside: exit codes, one JSON document, plain text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.cli import doctor as module
from toolkit.cli import main
from toolkit.doctor import CHECKS, Report


def doctor(*options: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")}
    script = "from toolkit.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, "doctor", *options],
        env={**kept, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_an_engine_that_is_not_there_is_exit_code_1_and_no_traceback(tmp_path: Path) -> None:
    ended = doctor(DOCKER_HOST=f"unix://{tmp_path}/none.sock", HOME=str(tmp_path))
    assert ended.returncode == 1
    assert f"[FAIL] endpoint.socket (socket): {tmp_path}/none.sock does not exist" in ended.stdout
    assert ended.stdout.isascii()
    assert ended.stderr == ""


def test_json_is_one_document_and_nothing_else(tmp_path: Path) -> None:
    ended = doctor("--json", DOCKER_HOST="tcp://ann:s3cret@127.0.0.1:1", HOME=str(tmp_path))
    document = json.loads(ended.stdout)
    assert (ended.returncode, document["status"], ended.stderr) == (1, "fail", "")
    assert "s3cret" not in ended.stdout


def test_no_password_of_the_environment_is_in_any_output(tmp_path: Path) -> None:
    """Proxies, indexes and logins alike, in the text with all data and in the document."""
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(
        '{"auths": {"r.example": {"auth": "YW5uOnMzY3JldA=="}}, '
        '"proxies": {"default": {"httpProxy": "http://ann:s3cret@127.0.0.1:1"}}}'
    )
    env = {
        "HOME": str(tmp_path),
        "HTTP_PROXY": "http://ann:s3cret@127.0.0.1:1",
        "HTTPS_PROXY": "ann:s3cret@127.0.0.1:1",
        "PIP_INDEX_URL": "https://ann:s3cret@index.example/simple",
        "DOCKER_HOST": "tcp://ann:s3cret@127.0.0.1:1",
    }
    for options in (("--verbose",), ("--json",)):
        ended = doctor(*options, **env)
        assert "127.0.0.1:1" in ended.stdout
        assert "s3cret" not in ended.stdout + ended.stderr
        assert "YW5uOnMzY3JldA" not in ended.stdout + ended.stderr
        assert "HTTP_PROXY=http://***@127.0.0.1:1" in ended.stdout


def test_offline_leaves_the_registry_alone_and_says_so(tmp_path: Path) -> None:
    ended = doctor("--offline", "--check", "net.registry", HOME=str(tmp_path))
    assert "net.registry (registry): left out: it asks others" in ended.stdout


def test_a_healthy_part_is_exit_code_0(tmp_path: Path) -> None:
    ended = doctor("--check", "client.python", HOME=str(tmp_path))
    assert (ended.returncode, ended.stderr) == (0, "")


def test_strict_makes_a_warning_a_failure(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "DOCKER_API_VERSION": "1.41"}
    assert doctor("--check", "client", **env).returncode == 0
    assert doctor("--check", "client", "--strict", **env).returncode == 1


def test_fix_makes_a_work_dir_and_says_so_beside_the_report(tmp_path: Path) -> None:
    options = ("--fix", "--json", "--check", "workdir.local", "--work-dir", f"{tmp_path}/work")
    ended = doctor(*options, "--dry-run", HOME=str(tmp_path))
    assert ended.stderr == "would do workdir.local: make it\n"
    assert doctor(*options, HOME=str(tmp_path)).stderr.startswith(
        "left as it is, "
    )  # nobody to ask
    assert not (tmp_path / "work").exists()
    ended = doctor(*options, "--yes", HOME=str(tmp_path))
    assert ended.stderr == "did workdir.local: make it\n"
    (entry,) = [each for each in json.loads(ended.stdout)["checks"] if each["group"] == "workdir"]
    assert (entry["data"]["kind"], (tmp_path / "work").is_dir()) == ("directory", True)


def test_what_is_about_fix_needs_it() -> None:
    ended = doctor("--yes")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--dry-run and --yes are about --fix" in ended.stderr


def test_an_unknown_check_is_a_usage_error() -> None:
    ended = doctor("--check", "nonsense")
    assert ended.returncode == 2
    assert "there is no check and no group 'nonsense'; list them with --list" in ended.stderr


def test_the_list_has_every_check_and_makes_none() -> None:
    ended = doctor("--list", DOCKER_HOST="nonsense")
    assert [line.split()[0] for line in ended.stdout.splitlines()] == [c.id for c in CHECKS]
    assert ended.returncode == 0


def test_doctors_own_crash_is_exit_code_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(*_arguments: object, **_options: object) -> Report:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(module, "diagnose", crash)
    with pytest.raises(SystemExit) as caught:
        main(["doctor", "--json"])
    assert caught.value.code == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "ZeroDivisionError: planted" in captured.err
