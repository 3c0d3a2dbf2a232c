"""Other programs, run to their end, and the road to root's rights.

Hidden here: that an interrupted package manager or mmdebstrap must be left to clean up (a kill
leaves mounts and locks behind, which is what `subprocess.run` does a quarter of a second after
^C), that a started daemon may keep a pipe open for ever, and how `sudo` drops the environment.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Final

from toolkit.errors import EngineError

Say = Callable[[str], None]
"""Is told each thing that was done, as one line."""
Consent = Callable[[str], bool]
"""Is asked one question before a change to the machine; False where nobody can answer."""

Command = tuple[str, ...]

_SBIN: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_KEPT: Final = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
_TAIL: Final = 12
_GRACE: Final = 30.0
_POLL: Final = 0.05


@dataclass(frozen=True, slots=True)
class Rights:
    """How a command becomes root's: `prefix` is put before it, or there is no way (None)."""

    prefix: Command | None

    def grant(self, command: Command) -> Command:
        """Put the prefix before the command; `EngineError` where root's rights cannot be had."""
        if self.prefix is None:
            raise EngineError(
                f"`{command[0]}` needs root's rights and there is no `sudo` that would give them",
                hint=f"as root, type: {shlex.join(command)}",
            )
        return (*self.prefix, *command)


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that came to its end: its exit code and the last lines of all that it wrote."""

    code: int
    lines: tuple[str, ...]

    @property
    def reason(self) -> str:
        """The last thing it said, in one line."""
        spoken = [line.strip() for line in self.lines if line.strip()]
        return spoken[-1] if spoken else f"it said nothing and ended with code {self.code}"


def rights(*, env: Mapping[str, str]) -> Rights:
    """Find the road to root's rights: being root, sudo without a password, sudo on a terminal."""
    if os.geteuid() == 0:
        return Rights(())
    if find("sudo", env) is None:
        return Rights(None)
    if run(("sudo", "-n", "true"), env=env).code == 0:
        return Rights(("sudo", "-n"))
    return Rights(("sudo",) if _has_terminal() else None)


def _has_terminal() -> bool:
    """Whether sudo could ask for a password; it asks on the terminal, whatever stdin is."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def find(program: str, env: Mapping[str, str]) -> str | None:
    """Find a program, also where administrators' programs lie."""
    return shutil.which(program, path=search_path(env))


def search_path(env: Mapping[str, str]) -> str:
    """PATH and behind it the folders of administrators' programs, which a user's PATH may lack."""
    given = [folder for folder in env.get("PATH", os.defpath).split(os.pathsep) if folder]
    return os.pathsep.join([*given, *(folder for folder in _SBIN if folder not in given)])


def with_proxies(command: Command, env: Mapping[str, str], **more: str) -> Command:
    """Run the command with the caller's proxies and `more`, which sudo would drop otherwise."""
    kept = {name: value for name, value in env.items() if name.lower() in _KEPT}
    return (
        "env",
        *(f"{name}={value}" for name, value in sorted({**kept, **more}.items())),
        *command,
    )


def run(command: Sequence[str], *, env: Mapping[str, str]) -> Ended:
    """Run a program to its end, however long that takes; a missing one ends with code 127.

    An interruption is passed on to it and to all that it started, and their end is waited for.
    """
    # A file, not a pipe: a daemon that inherits a pipe keeps its reader waiting for ever.
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**env, "PATH": search_path(env), "LC_ALL": "C.UTF-8"},
                # A group of its own can be interrupted, and waited for, as a whole; but a sudo
                # that asks for a password may do so only from the terminal's own group.
                process_group=None if _may_ask(command) else 0,
            )
        except OSError as error:
            return Ended(127, (f"{command[0]}: {error.strerror}",))
        _wait(process, grouped=not _may_ask(command))
        return Ended(process.returncode, tail(output))


def _may_ask(command: Sequence[str]) -> bool:
    return command[0] == "sudo" and "-n" not in command[1:2]


def _wait(process: subprocess.Popen[bytes], *, grouped: bool) -> None:
    try:
        process.wait()
    except BaseException:
        with contextlib.suppress(OSError):
            if grouped:
                os.killpg(process.pid, signal.SIGINT)
            else:
                process.send_signal(signal.SIGINT)
        _wait_for_the_end(process, grouped=grouped)
        raise


def _wait_for_the_end(process: subprocess.Popen[bytes], *, grouped: bool) -> None:
    end = time.monotonic() + _GRACE
    while time.monotonic() < end:
        if process.poll() is not None and not (grouped and _has_members(process.pid)):
            return
        time.sleep(_POLL)
    with contextlib.suppress(OSError):
        if grouped:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _has_members(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of sudo's: they are root's
        return True
    return True


def tail(file: IO[bytes], *, start: int = 0) -> tuple[str, ...]:
    """Read the last lines of what was written to a file after byte `start`."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(start, end - 16384))
    return tuple(file.read().decode(errors="replace").splitlines()[-_TAIL:])
