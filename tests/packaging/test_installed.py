"""The installed package does what the checkout does, with no source in reach."""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.conftest import ROOT, Built, Installed, install, run
from toolkit import __version__

# Renders every image that is shipped, with what its lock has, on a base that no engine need have.
RENDER = """
import json
from dataclasses import replace
import toolkit
from toolkit import deps, resources
from toolkit.deps import Target
from toolkit.image import Base
from toolkit.reference import ImageReference
from toolkit.renderer import render
from toolkit.spec import catalogue, load, reading

name = ImageReference.parse("python:3-slim")
base = Base(name, name, "sha256:" + "1" * 64, "linux/amd64", "3.14.0", "debian-trixie")

def read(path):
    spec = reading.read(load(path), env={})
    locked = deps.select(spec.dependencies, Target(base.python, base.platform))
    return replace(spec, dependencies=locked)

rendered = {
    image: render(read(path), base, resources.templates())
    for image, path in catalogue.entries(resources.tree("images"))
}
print(json.dumps({
    "package": toolkit.__path__[0],
    "templates": str(resources.tree("templates")),
    "images": {
        name: {"digest": one.digest, "dockerfile": one.dockerfile, "inputs": dict(one.inputs)}
        for name, one in rendered.items()
    },
}))
"""


def rendered(environment: Installed) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(environment.run("-c", RENDER))
    return answer


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the checkout renders."""
    answer: dict[str, Any] = json.loads(
        run([sys.executable, "-I", "-c", RENDER], cwd=tmp_path_factory.mktemp("checkout"))
    )
    assert answer["images"].keys() == {
        path.parent.name for path in ROOT.glob("images/*/image.toml")
    }
    return answer


def test_the_sources_are_out_of_reach(installed: Installed) -> None:
    """Or the tests below would prove nothing."""
    answer = rendered(installed)
    assert answer["package"] == str(installed.packages / "toolkit")
    assert answer["templates"] == str(installed.packages / "toolkit" / "_data" / "templates")


def test_the_wheel_gives_the_digests_of_the_checkout(
    installed: Installed, checkout: dict[str, Any]
) -> None:
    """Two machines agree on an image, though pip compiled the scripts of the templates."""
    data = installed.packages / "toolkit" / "_data"
    assert list(data.glob("templates/steps/__pycache__/*.pyc")), "pip compiles nothing any more"
    assert rendered(installed)["images"] == checkout["images"]


def test_another_umask_and_other_times_change_nothing(
    built: Built, checkout: dict[str, Any], tmp_path: Path
) -> None:
    """Neither is in the digest."""
    closed = install([str(built.wheel)], tmp_path, umask=0o077)
    for path in (closed.packages / "toolkit" / "_data").rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    template = closed.packages / "toolkit" / "_data" / "templates" / "python.Dockerfile.j2"
    assert template.stat().st_mode & 0o777 == 0o600
    assert rendered(closed)["images"] == checkout["images"]


def test_an_editable_installation_uses_the_checkout(checkout: dict[str, Any]) -> None:
    """Not the copy of the trees that hatchling leaves in site-packages, which grows old.

    The environment that runs the tests is such an installation (Makefile).
    """
    stale = Path(sysconfig.get_path("purelib")) / "toolkit" / "_data" / "templates"
    assert stale.is_dir(), "these tests want the package installed with `pip install --editable`"
    assert checkout["package"] == str(ROOT / "toolkit")
    assert checkout["templates"] == str(ROOT / "templates")


def test_the_module_starts(installed: Installed) -> None:
    assert installed.run("-m", "toolkit", "--version") == f"toolkit, version {__version__}\n"


def test_the_command_starts(installed: Installed) -> None:
    """The script that pip writes, from a folder that has no sources."""
    script = [str(installed.folder / "bin" / "toolkit")]
    assert run([*script, "--version"], cwd=installed.elsewhere).endswith(f"{__version__}\n")
    assert "build-image" in run([*script, "--help"], cwd=installed.elsewhere)


@pytest.mark.docker
def test_the_command_renders_what_the_checkout_renders(installed: Installed) -> None:
    """The whole way, with the base that the engine has."""
    file = installed.elsewhere / "requirements.txt"
    file.write_text("numpy\n", encoding="utf-8")
    words = ["-m", "toolkit", "render", "--deps", str(file)]
    ours = run([sys.executable, "-I", *words], cwd=installed.elsewhere)
    assert ours.startswith("FROM ")
    assert installed.run(*words) == ours
