"""Packages made on the spot, so that a test decides what they do and needs no index for them.

Wheels are zip files and nothing else; a project has its build backend in its own folder, so that
building it downloads nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from toolkit import resources

PLAIN: Final = """
import pathlib, re, zipfile

def build_wheel(folder, settings=None, metadata=None):
    name = re.search('name = "(.*)"', pathlib.Path("pyproject.toml").read_text())[1]
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(f"{folder}/{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        about = f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n"
        wheel.writestr(f"{info}/METADATA", about)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return f"{name}-1.0-py3-none-any.whl"
"""
"""A backend that builds a wheel of one empty module, named as the project is."""

_TIME: Final = (2020, 1, 1, 0, 0, 0)


def write_wheel(
    folder: Path,
    name: str,
    files: Mapping[str, str | bytes] | None = None,
    *,
    version: str = "1.0",
    requires: Sequence[str] = (),
    extras: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Write a wheel of these files; without any it is a package that holds nothing.

    `requires` are requirements, `extras` more of them by the name of the extra.
    """
    info = f"{name}-{version}.dist-info"
    content: dict[str, bytes] = {
        path: text.encode() if isinstance(text, str) else text
        for path, text in (files or {f"{name}/__init__.py": ""}).items()
    }
    content[f"{info}/METADATA"] = _metadata(name, version, requires, extras or {}).encode()
    content[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    lines = [f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in content.items()]
    content[f"{info}/RECORD"] = "".join([*lines, f"{info}/RECORD,,\n"]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in content.items():
            archive.writestr(zipfile.ZipInfo(path, _TIME), data)
    return wheel


def write_project(folder: Path, backend: str) -> Path:
    """Write a source tree whose build downloads nothing: `backend` is the module that builds it.

    It defines `build_wheel(folder, settings=None, metadata=None)` (PEP 517).
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{folder.name}"\nversion = "1.0"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (folder / "backend.py").write_text(backend)
    return folder


def download(folder: Path) -> Path:
    """Put the wheels of uv, as pinned, and of pip into the folder, which a build cannot do without.

    They are for this machine's own platform, which is the engine's where tests run.
    """
    pinned = json.loads(resources.templates()["steps/uv.json"])["version"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    wanted = ["--only-binary=:all:", "--dest", str(folder), f"uv=={pinned}", "pip"]
    subprocess.run([*command, *wanted], check=True, stderr=subprocess.DEVNULL)
    return folder


def _metadata(
    name: str, version: str, requires: Sequence[str], extras: Mapping[str, Sequence[str]]
) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {each}" for each in requires]
    for extra, wanted in extras.items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {each} ; extra == "{extra}"' for each in wanted]
    return "\n".join(lines) + "\n"


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
