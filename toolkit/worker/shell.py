"""A shell that is started before anybody asks, and becomes the one that runs a file.

Runs inside the container, as part of the worker. Written for Python 3.8, standard library only: see
protocol.py.

Hidden here: that a fork of Python becomes another program slowly, since the kernel takes all of its
memory down first. A waiting `sh` is small. It is told what to become in its own words, and only
where they say just what `execve` would: of the shells only dash is known well enough for that. It
waits as dash under its own name, since the code may have made another shell of `sh`, and in `/`,
since the folder may be gone by then, of which a shell complains into the output of what it becomes;
and out of the code's reach, which else could write into that output, or tell it what to do.
"""

# ruff: noqa: PTH119 - pathlib takes longer to import than a program to start
from __future__ import annotations

import os
import re

from toolkit.worker.identity import find
from toolkit.worker.program import Program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from toolkit.worker.identity import Identity

NAME = "sh"
_BEGIN = 3
"""Where it is told; a shell can name the first nine descriptors only."""
_WAIT = ". /proc/self/fd/3"
_VARIABLE = re.compile(r"(?!(?:IFS|LINENO|OLDPWD|OPTIND|PPID|PWD)\Z)[A-Za-z_][A-Za-z0-9_]*\Z")
"""What it passes on as it got it."""


class WaitingShell:
    """What becomes of a spare: this dash, with these variables."""

    def __init__(self, path: str, env: Mapping[str, str]) -> None:
        self._path = path
        self._env = env

    def can_become(self, program: Program, extra: Mapping[str, str]) -> bool:
        """Whether it is this shell, with these variables beside those that it has."""
        return (
            program.argv[0] == NAME
            and not program.path
            and program.cwd.startswith("/")
            and all(map(_VARIABLE.match, extra))
        )

    def tell(self, program: Program, extra: Mapping[str, str]) -> bytes:
        """The words that make it the program. Raises ValueError for a NUL in a text."""
        streams = "" if program.feed else " </dev/null"
        streams += " 2>&1" if program.merged else ""
        variables = [f"export {key}={_quoted(text)}\n" for key, text in extra.items()]
        arguments = " ".join(map(_quoted, program.argv[1:]))
        enter = f"cd -P {_quoted(program.cwd)}"
        lines = [f"exec {_BEGIN}<&-{streams}\n{enter} 2>/dev/null || {enter} || exit 127\n"]
        lines += [*variables, f"unset PWD OLDPWD\nexec {NAME} {arguments}\n"]
        words = os.fsencode("".join(lines))
        if b"\0" in words:
            raise ValueError("an argument or a variable contains a NUL")
        return words

    def wait(self, begin: int) -> NoReturn:
        """Become it: for a child that is the right user already, and is told at `begin`."""
        try:
            if begin != _BEGIN:
                os.dup2(begin, _BEGIN)
                os.close(begin)
            else:
                os.set_inheritable(begin, True)  # noqa: FBT003 - it takes no keyword
            Program([self._path, "-c", _WAIT, NAME], "/", self._env).start()
        finally:
            os._exit(126)


def waiting_shell(who: Identity, env: Mapping[str, str]) -> WaitingShell | None:
    """The shell of this image, if it is one that passes on what it gets."""
    path = os.path.realpath(find(NAME, env, who) or os.devnull)
    is_fit = os.path.basename(path) == "dash" and who.can_be_unseen()
    return WaitingShell(path, env) if is_fit and all(map(_VARIABLE.match, env)) else None


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
