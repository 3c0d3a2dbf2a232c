"""The README's tour, executed: what a reader types does what the reader is told."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolkit import labels
from toolkit.engine import connect

pytestmark = pytest.mark.docker

README = Path(__file__).parents[2] / "README.md"
NAME = "analysis"
OWN_NAME = f"{NAME}-{uuid.uuid4().hex[:8]}"
"""Stands for the tour's name: the reader's machine may have an image of that name."""

FENCE = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
DIGEST = re.compile(r"(?<=:)[0-9a-f]{12}\b")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: what it says, the comment above it, the line where it begins."""

    line: int
    mark: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """A block that is run, and what it prints, where the README shows it."""

    block: Block
    prints: str | None


def blocks(text: str) -> list[Block]:
    return [
        Block(
            line=text.count("\n", 0, found.start("language")) + 1,
            mark=found["mark"] or "",
            language=found["language"],
            text=found["text"],
        )
        for found in FENCE.finditer(text)
    ]


def steps(text: str) -> list[Step]:
    found = blocks(text)
    following = [*found[1:], Block(0, "", "", "")]
    return [
        Step(block, after.text if after.mark == "prints" else None)
        for block, after in zip(found, following, strict=True)
        if block.mark == "run"
    ]


TEXT = README.read_text(encoding="utf-8")
STEPS = steps(TEXT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One folder for the whole tour, and no image of it afterwards."""
    yield tmp_path_factory.mktemp("tour")
    with connect() as engine:
        for image in engine.list_images(f"{labels.NAME}={OWN_NAME}"):
            for tag in image.get("RepoTags") or ():
                engine.remove_image(tag)
        assert engine.list_images(f"{labels.NAME}={OWN_NAME}") == []


def command(block: Block) -> list[str]:
    text = re.sub(rf"\b{NAME}\b", OWN_NAME, block.text)
    return [sys.executable, "-c", text] if block.language == "python" else ["sh", "-euc", text]


def without_digests(text: str) -> str:
    """They depend on the base image that the machine has."""
    return DIGEST.sub("DIGEST", text.replace(OWN_NAME, NAME))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"line-{step.block.line}")
def test_a_step_of_the_tour_prints_what_is_shown(step: Step, folder: Path) -> None:
    """In the order of the README: a step uses what those before it have made."""
    programs = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("TOOLKIT_BASE_IMAGE", None)
    ended = subprocess.run(
        command(step.block),
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stderr
    if step.prints is not None:
        assert without_digests(ended.stdout) == without_digests(step.prints), ended.stderr


def test_the_tour_has_commands_and_programs_and_shows_what_they_print() -> None:
    """The marks have not lost their meaning."""
    assert {step.block.language for step in STEPS} == {"sh", "python"}
    shown = [step for step in STEPS if step.prints is not None]
    assert len(shown) == TEXT.count("<!-- prints -->") > 3


def test_every_block_of_code_is_run_or_says_why_not() -> None:
    unmarked = [
        block.line
        for block in blocks(TEXT)
        if block.language in {"sh", "python"}
        and block.mark != "run"
        and not block.mark.startswith("not run: ")
    ]
    assert unmarked == []
