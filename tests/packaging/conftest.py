"""What is shipped, built and installed as a user would, without a network.

The build uses the hatchling that the development environment has. An installation is a virtual
environment of its own, into which only this package is installed; what it depends on is seen
through a .pth file, which takes no seconds and asks no package index.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Built:
    """The two archives: the source distribution, and the wheel that was made from it."""

    sdist: Path
    wheel: Path


@dataclass(frozen=True, slots=True)
class Installed:
    """A virtual environment that has the package; `elsewhere` is a folder without its sources."""

    folder: Path
    elsewhere: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        return next(self.folder.glob("lib/python3.*/site-packages"))

    def run(self, *arguments: str) -> str:
        """What a program of this environment prints; nothing of the caller's Python reaches it."""
        return run([str(self.python), "-I", *arguments], cwd=self.elsewhere)


def run(command: list[str], *, cwd: Path, umask: int = -1) -> str:
    """What a command prints; it must succeed."""
    environment = {key: text for key, text in os.environ.items() if not key.startswith("PYTHON")}
    ended = subprocess.run(
        command, cwd=cwd, env=environment, umask=umask, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def install(what: list[str], folder: Path, *, umask: int = -1) -> Installed:
    """Install `what` (the arguments of pip) into a new environment."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir(parents=True)
    made = Installed(folder / "venv", elsewhere)
    run([sys.executable, "-m", "venv", "--without-pip", str(made.folder)], cwd=elsewhere)
    dependencies = made.packages / "dependencies.pth"
    dependencies.write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(made.python), "install", "--quiet"]
    run([*pip, "--no-deps", "--no-index", *what], cwd=elsewhere, umask=umask)
    return made


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    run(command, cwd=folder)
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, installed."""
    return install([str(built.wheel)], tmp_path_factory.mktemp("installed"))
