"""`toolkit images` without an engine: what it refuses, and how it shows an image."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from toolkit import labels
from toolkit.cli import _image_report, main
from toolkit.image import Stored
from toolkit.images import Contents, Distribution, Layer, Seen
from toolkit.images.system import System, SystemPackage

DIGEST = "1a2b3c4d5e6f" + "0" * 52


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["images", *arguments], prog_name="toolkit")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prune"], "Say which may go, with --older or --keep."),
        (["prune", "--older", "30"], "'30' is not a duration such as 30d, 12h or 90min"),
        (["prune", "--keep", "-1"], "-1 is not in the range x>=0"),
        (["--json", "prune", "--keep", "1"], "Put --json after prune."),
        (["inspect"], "Missing argument 'IMAGE'"),
        (["show"], "No such command 'show'"),
    ],
)
def test_wrong_use_is_told_before_anything_is_asked(arguments: list[str], words: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in " ".join(result.stderr.split())


def test_a_bill_that_could_not_be_written_is_told_first(tmp_path: Path) -> None:
    result = run("inspect", "toolkit/none:1", "--sbom", str(tmp_path / "none" / "bill.json"))
    assert (result.exit_code, result.stdout) == (3, "")
    assert "cannot be written: there is no folder" in result.stderr


def seen(*distributions: Distribution, **more: Any) -> Seen:  # noqa: ANN401 - any field of Stored
    stored = Stored(
        id="sha256:" + "a" * 64,
        labels={
            labels.DIGEST: DIGEST,
            labels.NAME: "env",
            labels.UV: "0.13.9",
            labels.VERSION: "0.1.0",
            labels.BASE_NAME: "python:3-slim",
            labels.DEPENDENCIES: '["numpy>=2"]',
            labels.INPUTS: json.dumps({"base": "sha256:" + "b" * 64, "platform": "linux/amd64"}),
            **more,
        },
        layers=("1", "2"),
        repo_digests=(),
        platform="linux/amd64",
        user="",
        size=258_000_000,
        created=datetime.fromtimestamp(time.time() - 7300, UTC).isoformat(),
        tags=("toolkit/env:1a2b3c4d5e6f",),
    )
    made = (Layer("1", 124_000_000, ""), Layer("2", 134_000_000, "COPY /opt/venv /opt/venv"))
    system = System("debian", "12", (SystemPackage("libc6", "2.36", "amd64"),))
    return Seen("env", stored, made, Contents("3.11.2", "uv", distributions, 3000, system))


NUMPY = Distribution("numpy", "2.4.6", 60_000_000, ("BSD-3-Clause",), "c" * 64)
PIP = Distribution("pip", "23.0.1", 15_000_000)


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")


def test_an_image_is_shown_as_text_that_any_terminal_can_show() -> None:
    assert list(_image_report.lines(seen(NUMPY, PIP), everything=False)) == [
        "toolkit/env:1a2b3c4d5e6f, 258 MB, 2 h old",
        "",
        "Packages: 2 in 75.0 MB",
        "  numpy        2.4.6   60.0 MB  80 %  ######################",
        "  pip          23.0.1  15.0 MB  20 %  ######",
        "  other files          3.00 kB  <1 %  #",
        "",
        "Layers",
        "  124 MB  not recorded",
        "  134 MB  COPY /opt/venv /opt/venv",
        "",
        "Made from",
        f"  digest          {DIGEST}",
        "  dependencies    numpy>=2",
        "  base            python:3-slim",
        "  base digest     not recorded",
        "  platform        linux/amd64",
        "  python          3.11.2",
        "  pip             23.0.1",
        "  installer       uv 0.13.9",
        "  toolkit         0.1.0",
        "  verified        yes",
        "  excused         none",
        "  input base      sha256:bbbbbbbbbbbb",
        "  input platform  linux/amd64",
    ]


def test_only_the_largest_are_shown_unless_all_are_asked_for() -> None:
    many = [Distribution(f"p{number}", "1", 1000) for number in range(30)]
    few = "\n".join(_image_report.lines(seen(*many), everything=False))
    assert ("p19 " in few, "p20 " in few, "10 more" in few) == (True, False, True)
    every = "\n".join(_image_report.lines(seen(*many), everything=True))
    assert ("p29 " in every, " more" in every) == (True, False)


def test_what_a_package_calls_itself_cannot_move_the_cursor() -> None:
    evil = Distribution("a\x1b[2Jb", "1\r0", 5)
    text = "\n".join(
        _image_report.lines(seen(evil, **{labels.DEPENDENCIES: '["x\\u001b[A"]'}), everything=True)
    )
    assert "\x1b" not in text
    assert "\r" not in text


def test_json_has_all_that_is_known() -> None:
    document = _image_report.document(seen(NUMPY, PIP))
    assert document["packages"][0] == {
        "name": "numpy",
        "version": "2.4.6",
        "size": 60_000_000,
        "licences": ["BSD-3-Clause"],
        "sha256": "c" * 64,
        "source": None,
    }
    assert document["system"]["packages"] == [
        {"name": "libc6", "version": "2.36", "architecture": "amd64"}
    ]
    assert document["provenance"]["installer"] == "uv 0.13.9"
    assert document["provenance"]["inputs"]["platform"] == "linux/amd64"
    assert json.loads(json.dumps(document)) == document


def test_an_image_that_says_nothing_of_itself_claims_nothing() -> None:
    empty = seen(**dict.fromkeys((labels.DIGEST, labels.UV, labels.VERSION), ""))
    assert empty.provenance["verified"] is None
    assert empty.provenance["toolkit"] is None
