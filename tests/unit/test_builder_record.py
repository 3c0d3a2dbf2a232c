"""What an image's labels say of how it was made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolkit import deps, labels, resources
from toolkit.builder.record import record
from toolkit.context import ContextFile
from toolkit.deps import Dependencies
from toolkit.renderer import Rendered

TEMPLATES = resources.templates()


def recorded(dependencies: Dependencies, dockerfile: str = "FROM x\n") -> dict[str, str]:
    files = (ContextFile("steps/uv.json", TEMPLATES["steps/uv.json"].encode()),)
    return dict(record(dependencies, Rendered(dockerfile, files, "", {})))


def test_what_was_asked_for_is_told_shortly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without hosts, logins, markers, hashes and folders of this machine."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "setup.py").write_bytes(b"")
    (tmp_path / "six-1.0-py3-none-any.whl").write_bytes(b"")
    (tmp_path / "requirements.txt").write_text(
        "numpy>=2,<3 ; python_version > '3'\nrequests[socks]\nnumpy>=2,<3\n"
        f"{tmp_path}/mine\n./six-1.0-py3-none-any.whl\n"
        "thing @ git+https://user:secret@h/thing@v1\nhttps://user:secret@h/x/y-1.zip?token=secret\n"
    )
    text = recorded(deps.read([Path("requirements.txt")], env={}))[labels.DEPENDENCIES]
    assert json.loads(text) == [
        "numpy<3,>=2",
        "requests",
        "./mine",
        "six",
        "thing",
        "y-1.zip",
    ]


def test_the_pinned_uv_is_told() -> None:
    pinned = json.loads(TEMPLATES["steps/uv.json"])["version"]
    assert recorded(Dependencies())[labels.UV] == pinned


def test_without_a_pin_nothing_is_told() -> None:
    assert record(Dependencies(), Rendered("FROM x\n", (), "", {}))[labels.UV] == ""


def test_the_instructions_are_those_of_the_last_stage() -> None:
    dockerfile = "FROM x AS build\nRUN a\nFROM x\nUSER 0\nCOPY --from=build \\\n  /a /\nCMD []\n"
    assert recorded(Dependencies(), dockerfile)[labels.INSTRUCTIONS] == "USER COPY CMD"
