"""Every format, as people have it: tests/cases/formats/NAME/ and what becomes of it.

`args` are what is typed behind `toolkit build-image`; `expected.txt` is what the build is given, or
`error.txt` the refusal, word for word. Those with a `verify` are built by tests/docker, too.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Unpack

import click
import pytest
from click.testing import CliRunner

from toolkit.cli._spec_options import SpecOptions, read_spec, spec_options
from toolkit.deps import Target, select
from toolkit.errors import SpecError
from toolkit.spec import ImageSpec

CASES = Path(__file__).parents[1] / "cases" / "formats"
NAMES = sorted(path.parent.name for path in CASES.glob("*/args"))

TARGET = Target("3.11.2", "linux/amd64", "glibc 2.36")
Golden = Callable[[str, str], None]


def asked(arguments: list[str]) -> ImageSpec:
    """The spec that the options come to, as the commands read it."""
    found: list[ImageSpec] = []

    @click.command
    @spec_options
    def command(**options: Unpack[SpecOptions]) -> None:
        found.append(read_spec(options))

    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return found[0]


def told(spec: ImageSpec) -> Iterator[str]:
    dependencies = select(spec.dependencies, TARGET)
    for each in dependencies.requirements + dependencies.constraints:
        line = f" (line {each.line})" if each.entry and each.line else ""
        yield f"{each.where}{line}: {each.text}"
    yield f"base: {spec.wanted_base}"
    yield from (f"login for: {each.host}" for each in dependencies.credentials)
    yield from ("locked" for _ in range(dependencies.is_locked))
    yield from (f"python: {each.said} ({each.where})" for each in dependencies.pythons)
    yield from (f"apt: {each}" for each in spec.apt)
    yield from (f"apt for the build: {each}" for each in spec.apt_build)
    for file in dependencies.context_files():
        yield f"== {file.path}"
        yield file.read().decode().rstrip("\n")


@pytest.mark.parametrize("name", NAMES)
def test_a_case_comes_to_this(name: str, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES / name)
    monkeypatch.delenv("TOOLKIT_BASE_IMAGE", raising=False)
    arguments = shlex.split(Path("args").read_text())
    try:
        text, file = "".join(f"{line}\n" for line in told(asked(arguments))), "expected.txt"
    except SpecError as error:
        text, file = f"{error}\nhint: {error.hint}\n", "error.txt"
    golden(f"formats/{name}/{file}", text)
    assert not {"expected.txt", "error.txt"} <= {path.name for path in Path().iterdir()}


def test_there_are_cases_of_each_kind() -> None:
    """An empty glob would make the test above vanish in silence."""
    assert len(NAMES) >= 60
    assert len(list(CASES.glob("*/error.txt"))) >= 35
    assert len(list(CASES.glob("*/verify"))) >= 20


@pytest.mark.parametrize("name", sorted(path.parent.name for path in CASES.glob("*/expected.txt")))
def test_what_can_be_built_is_built_and_verified(name: str) -> None:
    """By tests/docker/test_formats.py; what names a host that is not there cannot be."""
    verify = CASES / name / "verify"
    elsewhere = "example.org" in (CASES / name / "expected.txt").read_text(encoding="utf-8")
    assert elsewhere or os.access(verify, os.X_OK)
