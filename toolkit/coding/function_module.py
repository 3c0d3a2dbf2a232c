"""The module of functions in a work dir: written, its packages installed, proven by importing it.

Hidden here: that it happens once, before the first block, and what AutoGen says when it fails. An
executor supplies only `python`, which runs its Python, in the work dir, with these arguments.
"""

from __future__ import annotations

import string
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from toolkit.coding.execution import ExecutorValueError
from toolkit.coding.function_source import module_text, packages, to_stub
from toolkit.coding.functions import AnyFunction
from toolkit.worker.result import Result

Python = Callable[[Sequence[str]], Result]

PROMPT_TEMPLATE: Final = """\
Your code can import the module `$module_name`, which has the functions below; their bodies are left
out here. Import one by its name, as in `from $module_name import NAME`.

$functions"""

_INSTALLED: Final = "see what pip says, or build an image that has the packages"


class FunctionModule:
    """What one executor's blocks may import."""

    def __init__(self, functions: Sequence[AnyFunction], name: str) -> None:
        """Raises ValueError for a name that no import could have."""
        if not name.isidentifier():
            raise ExecutorValueError(
                "Module name must be a valid Python identifier",
                hint="choose a name of letters, digits and `_` for functions_module",
            )
        self.functions = list(functions)
        self.name = name
        self._lock = threading.Lock()
        self._is_loaded = not self.functions

    def prompt(self, template: str = PROMPT_TEMPLATE) -> str:
        """Describe the functions to a model; the template has $module_name and $functions."""
        stubs = "\n\n".join(map(to_stub, self.functions))
        return string.Template(template).substitute(module_name=self.name, functions=stubs)

    def load(self, work_dir: Path, python: Python) -> None:
        """Make it importable from the work dir. Once; raises ValueError when that fails."""
        with self._lock:
            if self._is_loaded:
                return
            self._write(work_dir)
            if wanted := packages(self.functions):
                _installed(python(["-m", "pip", "install", *wanted]))
            proof = python(["-B", "-c", f"import {self.name}"])
            if proof.exit_code:
                raise ExecutorValueError(
                    f"Functions failed to load: {_text(proof)}",
                    hint="name what they import in with_requirements, or mend what they say",
                )
            self._is_loaded = True

    def _write(self, work_dir: Path) -> None:
        path = work_dir / f"{self.name}.py"
        # Code of an earlier executor shared the folder: a link, or a pipe that nobody reads.
        if path.is_symlink() or (path.exists() and not path.is_file()):
            path.unlink()
        path.write_text(module_text(self.functions), encoding="utf-8")


def _installed(pip: Result) -> None:
    if pip.timed_out:
        raise ExecutorValueError("Pip install timed out", hint=_INSTALLED)
    if pip.cancelled:
        raise ExecutorValueError(
            "Pip install was cancelled", hint="run the blocks again, to go on where it ended"
        )
    if pip.exit_code:
        stdout, stderr = (data.decode("utf-8", "replace") for data in (pip.stdout, pip.stderr))
        raise ExecutorValueError(f"Pip install failed. {stdout}, {stderr}", hint=_INSTALLED)


def _text(result: Result) -> str:
    return (result.stdout + result.stderr).decode("utf-8", "replace")
