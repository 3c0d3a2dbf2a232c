"""Virtual environments for blocks that run on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol


class EnvironmentContext(Protocol):
    """What is asked of an environment: `venv`'s own contexts have it, and any other object may."""

    @property
    def bin_path(self) -> Any: ...  # noqa: ANN401 - text or a path

    @property
    def env_exe(self) -> Any: ...  # noqa: ANN401 - text or a path


def create_virtual_env(dir_path: str | Path, **env_args: Any) -> SimpleNamespace:  # noqa: ANN401
    """Make a virtual environment where there is none yet, and give its context.

    `env_args` are those of `venv.EnvBuilder`. It has pip, unless `with_pip=False` is given.
    """
    import venv

    builder = venv.EnvBuilder(**{"with_pip": True, **env_args})
    builder.create(dir_path)
    return builder.ensure_directories(dir_path)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python and the folder of its programs, by absolute paths."""

    program: str
    folder: str

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """The variables of a block: the folder stands first on PATH."""
        path = given.get("PATH", os.defpath)
        return {**given, "PATH": f"{self.folder}{os.pathsep}{path}"}


def interpreter(context: EnvironmentContext | None) -> Interpreter:
    """That of the environment; without one, that of this process."""
    if context is None:
        return Interpreter(sys.executable, str(Path(sys.executable).parent))
    program, folder = Path(context.env_exe), Path(context.bin_path)
    return Interpreter(str(program.absolute()), str(folder.absolute()))
