"""`toolkit init`, `spec` and `catalog` without an engine: what is written, shown and refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from toolkit.cli import main
from toolkit.spec import writing


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOOLKIT_BASE_IMAGE", "mine/base:1")
    (tmp_path / "requirements.txt").write_text("six\n")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="toolkit")


def refused(result: Result) -> list[str]:
    """The error and the hint."""
    assert (result.exit_code, result.stdout) == (3, "")
    error, hint = result.stderr.splitlines()
    return [error.removeprefix("error: "), hint.removeprefix("hint: ")]


def written(folder: Path, name: str = "image.toml") -> dict[str, object]:
    return tomllib.loads((folder / name).read_text())


def test_init_writes_what_the_options_say(folder: Path) -> None:
    result = run("init", "--with", "six", "--apt", "jq", "--env", "A=b", "--python", "3.12")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "image.toml\n", "")
    assert written(folder) == {
        "packages": ["six"],
        "apt": ["jq"],
        "environment": {"A": "b"},
        "python": "3.12",
    }


def test_init_without_options_takes_the_dependency_file_that_is_there(folder: Path) -> None:
    """And not this machine's base, which is nobody else's."""
    run("init")
    assert written(folder) == {"deps": ["requirements.txt"]}


def test_init_writes_paths_as_they_are_seen_from_the_file(folder: Path) -> None:
    (folder / "below").mkdir()
    run("init", "-o", "below/image.toml", "--deps", "requirements.txt")
    assert written(folder, "below/image.toml") == {"deps": ["../requirements.txt"]}


def test_init_asks_on_a_terminal(folder: Path) -> None:
    """Each answer may be nothing."""
    mine, theirs = os.openpty()
    script = "from toolkit.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", script, "init"], stdin=theirs, stdout=subprocess.PIPE, cwd=folder
    ) as asked:
        os.write(mine, b"\nsix attrs\n\n3.12\njq git\n")
        said, _ = asked.communicate(timeout=60)
    os.close(theirs)
    os.close(mine)
    assert said == b"image.toml\n"
    assert written(folder) == {
        "deps": ["requirements.txt"],
        "packages": ["six", "attrs"],
        "name": "env",
        "python": "3.12",
        "apt": ["jq", "git"],
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            (),
            ["image.toml exists already", "name another with --output, or add --force"],
        ),
        (
            ("-o", "none/image.toml"),
            [
                "none/image.toml cannot be written: No such file or directory",
                "name another with --output",
            ],
        ),
        (
            ("--force", "--apt", "a b"),
            ["apt[0]: 'a b' is not the name of a Debian package", "correct it, and try again"],
        ),
    ],
)
def test_init_says_what_it_cannot_write(
    folder: Path, arguments: Sequence[str], words: list[str]
) -> None:
    (folder / "image.toml").write_text("")
    assert refused(run("init", *arguments)) == words
    assert (folder / "image.toml").read_text() == ""


def test_show_prints_what_a_file_and_options_come_to() -> None:
    run("init", "--deps", "requirements.txt", "--apt", "jq", "--python", "3.11", "--env", "A=b")
    shown = run("spec", "show", "--spec", "image.toml", "--python", "3.12", "--apt", "git")
    assert tomllib.loads(shown.stdout) == {
        "deps": ["requirements.txt"],
        "name": "env",
        "base": "mine/base:1",
        "python": "3.12",
        "apt": ["jq", "git"],
        "environment": {"A": "b"},
    }


def test_what_lies_outside_the_project_must_be_allowed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project is the current folder, where the file lies below it."""
    (folder / "below").mkdir()
    run("init", "-o", "below/image.toml", "--deps", "requirements.txt")
    assert run("spec", "show", "--spec", "below/image.toml").exit_code == 0
    monkeypatch.chdir(folder / "below")
    assert refused(run("spec", "show", "--spec", "image.toml"))[0] == (
        "image.toml: deps[0]: '../requirements.txt' leaves the project's folder, "
        "which only --allow-outside allows"
    )
    assert run("spec", "show", "--spec", "image.toml", "--allow-outside").exit_code == 0


def test_show_has_it_for_programs_too() -> None:
    shown = json.loads(run("spec", "show", "--with", "six", "--base", "a:1", "--json").stdout)
    assert shown == {"version": 1, "spec": {"packages": ["six"], "name": "env", "base": "a:1"}}


def test_show_reads_the_dependency_files_too(folder: Path) -> None:
    """What it prints can be built."""
    (folder / "requirements.txt").write_text("six ==\n")
    shown = run("spec", "show", "--deps", "requirements.txt")
    assert (shown.exit_code, shown.stdout) == (3, "")
    assert shown.stderr.startswith("error: requirements.txt:1: ")


def test_an_image_of_the_catalogue_is_called_by_its_name() -> None:
    shown = run("spec", "show", "demo")
    assert tomllib.loads(shown.stdout)["name"] == "demo"
    assert refused(run("spec", "show", "dmeo")) == [
        "the catalogue has no image 'dmeo', did you mean 'demo'?",
        "list them by `toolkit catalog`, or name a file with --deps or --spec",
    ]
    assert run("spec", "show", "demo", "--spec", "image.toml").exit_code == 2


def test_the_schema_is_printed() -> None:
    assert run("spec", "schema").stdout == writing.schema()


def test_the_catalogue_is_listed_with_what_is_in_its_images() -> None:
    lines = run("catalog").stdout.splitlines()
    document = json.loads(run("catalog", "--json").stdout)
    assert lines[0].split() == ["NAME", "WHAT", "IS", "IN", "IT"]
    assert [line.split(maxsplit=1) for line in lines[1:]] == [
        [image["name"], image["description"]] for image in document["images"]
    ]
    assert "demo" in {image["name"] for image in document["images"]}
