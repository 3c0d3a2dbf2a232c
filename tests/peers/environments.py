"""Environments of their own for the peers, made from the package index by its ordinary client.

Hidden here: where they are kept (`.venv-peers/`, outside of git), which Python a peer can have, and
that one which is complete is not made again: a marker file holds all that went into it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / ".venv-peers"
_MARKER: Final = ".complete"
_SECONDS: Final = 1800.0


class UnavailableError(Exception):
    """An environment cannot be had here; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Peer:
    """What goes into one environment. `pythons`: the versions that the peer runs on, best first."""

    name: str
    requirements: tuple[str, ...]
    ours: bool = True
    pythons: tuple[str, ...] = ("3.12", "3.11")


_TESTS: Final = ("pytest>=8,<9", "pytest-asyncio<1")

AUTOGEN_02: Final = Peer("autogen-0.2", ("autogen-agentchat==0.2.40", "pandas<3", *_TESTS))
CLASSIC: Final = Peer("classic", ("autogen[openai]==0.14.1", "docker", "pandas<3", *_TESTS))
EXT: Final = Peer(
    "autogen-ext",
    (
        "autogen-agentchat==0.7.5",
        "autogen-core==0.7.5",
        "autogen-ext[docker,openai]==0.7.5",
        "aiofiles",
        "polars",
        "uv",
        *_TESTS,
    ),
)


def interpreter(peer: Peer) -> Path:
    """The Python of the peer's environment, which is made where it is absent or out of date.

    Raises UnavailableError with the last words of what failed.
    """
    python = _python(peer)
    folder = FOLDER / peer.name
    marker = folder / _MARKER
    contents = _contents(peer, python)
    inside = folder / "bin" / "python"
    if marker.exists() and marker.read_text(encoding="utf-8") == contents and inside.exists():
        return inside
    shutil.rmtree(folder, ignore_errors=True)
    _run([python, "-m", "venv", str(folder)])
    wanted = [*peer.requirements, *(("--editable", str(ROOT)) if peer.ours else ())]
    _run([*_installer(inside), *wanted])
    marker.write_text(contents, encoding="utf-8")
    return inside


def environment(python: Path, **more: str) -> dict[str, str]:
    """What a program of the peer sees: our own world, with its environment first on PATH."""
    own = {
        key: value
        for key, value in os.environ.items()
        if key not in {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV", "PYTEST_ADDOPTS"}
        and not key.startswith("AUTOGEN_")
    }
    own["PATH"] = f"{python.parent}{os.pathsep}{own.get('PATH', os.defpath)}"
    return {**own, "VIRTUAL_ENV": str(python.parent.parent), **more}


def source(requirement: str) -> Path:
    """The folder of a distribution's source archive, which is downloaded once and unpacked."""
    folder = _downloaded("sources", requirement, "--no-binary")
    if not any(path.is_dir() for path in folder.iterdir()):
        shutil.unpack_archive(next(folder.glob("*.tar.gz")), folder, filter="data")
    return next(path for path in folder.iterdir() if path.is_dir())


def wheel(requirement: str) -> Path:
    """The wheel of a distribution, which is downloaded once."""
    return next(_downloaded("wheels", requirement, "--only-binary").glob("*.whl"))


def _downloaded(kind: str, requirement: str, only: str) -> Path:
    folder = FOLDER / kind / requirement
    if not (folder / _MARKER).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--no-deps", only, ":all:", "--dest", str(folder), requirement])
        (folder / _MARKER).touch()
    return folder


def _contents(peer: Peer, python: str) -> str:
    """All that an environment is made of: when it changes, it is made anew."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ours = project["dependencies"] if peer.ours else []
    return "\n".join((python, *peer.requirements, *ours, ""))


def _python(peer: Peer) -> str:
    """The first interpreter that the peer runs on and that is there: ours where it will do."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" in peer.pythons:
        return sys.executable
    for found in _on_path(peer.pythons):
        return found
    raise UnavailableError(f"{peer.name} needs Python {' or '.join(peer.pythons)}")


def _on_path(versions: tuple[str, ...]) -> Iterator[str]:
    for version in versions:
        found = shutil.which(f"python{version}")
        check = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
        if found is None:
            continue
        said = subprocess.run([found, "-c", check], capture_output=True, text=True, check=False)
        if said.stdout.strip() == version:
            yield found


def _installer(inside: Path) -> list[str]:
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", str(inside)]
    return [str(inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def _run(argv: list[str]) -> None:
    try:
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{argv[0]} took more than {_SECONDS:.0f} s") from error
    if ended.returncode != 0:
        lines = (ended.stderr or ended.stdout).strip().splitlines()
        reasons = [line for line in lines if "ERROR" in line or "error" in line]
        raise UnavailableError((reasons or lines or ["no reason given"])[-1])
