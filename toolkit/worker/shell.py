"""A shell that is started before anybody asks, and becomes the one that runs a file.

Runs inside the container, as part of the worker. Written for Python 3.8, standard library only: see
protocol.py.

Hidden here: that a fork of Python costs more than a small program, and becomes one slowly, since
the kernel takes all of its memory down first. A waiting `sh` is small, and started without a fork
(posix_spawn(3)). It is told what to become in its own words, and only where they say just what
`execve` would: of the shells only dash is known well enough for that. It waits as dash under its
own name, since the code may have made another shell of `sh`, and in `/`, since the folder may be
gone by then, of which a shell complains into the output of what it becomes; and out of the code's
reach, which else could write into that output, or tell it what to do.
"""

# ruff: noqa: PTH119 - pathlib takes longer to import than a program to start
from __future__ import annotations

import os
import re

from toolkit.worker.identity import find
from toolkit.worker.spawn import FIRST_VICTIM, RESET, patience, yield_to_others

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.worker.identity import Identity
    from toolkit.worker.program import Program
    from toolkit.worker.spawn import Pipes

NAME = "sh"
_BEGIN = 3
"""Where it is told; a shell can name the first nine descriptors only."""
_WAIT = ". /proc/self/fd/3"
_VARIABLE = re.compile(r"(?!(?:IFS|LINENO|OLDPWD|OPTIND|PPID|PWD)\Z)[A-Za-z_][A-Za-z0-9_]*\Z")
"""What it passes on as it got it."""


class WaitingShell:
    """What becomes of a spare: this dash, with these variables, as this user."""

    def __init__(self, path: str, env: Mapping[str, str], who: Identity) -> None:
        self._path = path
        self._env = env
        self._who = who
        self._patience = b"0"

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

    def settle(self) -> None:
        """Become a process that can start it: in the folder where it waits, in its group."""
        os.chdir("/")
        self._who.assume_groups()
        self._patience = patience()

    def start(self, pipes: Pipes, defaults: list[int]) -> int:
        """Start it and give its pid: it has these pipes, and is told at `begin`.

        `defaults` are the signals that are as after a boot. Raises OSError when no process is left.
        """
        places = [(pipes.input, 0), (pipes.output, 1), (pipes.errors, 2), (pipes.begin, _BEGIN)]
        if pipes.begin == _BEGIN:  # some C libraries leave what is copied to itself to be closed
            os.set_inheritable(_BEGIN, True)  # noqa: FBT003 - it takes no keyword
        yield_to_others(FIRST_VICTIM)  # before the change of user: the file belongs to root
        try:
            with self._who.unseen():
                return os.posix_spawn(
                    self._path,
                    [self._path, "-c", _WAIT, NAME],
                    self._env,
                    file_actions=[(os.POSIX_SPAWN_DUP2, *each) for each in places],
                    setsid=True,
                    setsigmask=(),
                    setsigdef={*defaults, *RESET},
                )
        finally:
            yield_to_others(self._patience)


def _can_spawn() -> bool:
    """Whether this Python can give what it starts a session of its own."""
    try:
        os.posix_spawn("/dev/null/none", [NAME], {}, setsid=True)
    except NotImplementedError:
        return False
    except (OSError, AttributeError) as error:
        return isinstance(error, OSError)
    return True


def waiting_shell(who: Identity, env: Mapping[str, str]) -> WaitingShell | None:
    """The shell of this image, if it is one that passes on what it gets."""
    path = os.path.realpath(find(NAME, env, who) or os.devnull)
    is_fit = os.path.basename(path) == "dash" and who.can_be_unseen() and _can_spawn()
    return WaitingShell(path, env, who) if is_fit and all(map(_VARIABLE.match, env)) else None


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
