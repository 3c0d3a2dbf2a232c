"""Who the code is: the user, group, home and environment of a block.

Runs inside the container, as part of the worker. Written for Python 3.8, standard library only: see
protocol.py.
"""

# ruff: noqa: PTH113, PTH116, PTH123 - pathlib takes longer to import than a program to start
from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

_FALLBACK_NAME = "executor"
_FALLBACK_HOME = "/tmp"  # noqa: S108 - writable for every uid in every image, or nothing is
_OF_THE_SHELL = ("PWD", "OLDPWD", "SHLVL", "_")
"""What the `sh` that started the worker may have added to the environment."""
_SHAPING = ("PYTHON", "LC_", "LANG", "LD_", "TZ", "HOME", "MALLOC_", "GLIBC_", "PATH")


class Identity:
    """A uid and gid, and the name that programs will ask for."""

    __slots__ = ("gid", "home", "name", "uid")

    def __init__(self, uid: int, gid: int, name: str = "", home: str = "") -> None:
        self.uid = uid
        self.gid = gid
        self.name = name or _FALLBACK_NAME
        self.home = home

    def is_own(self) -> bool:
        """Whether the worker itself already is this user, so that nothing has to be changed."""
        return self.uid == os.geteuid() and self.gid == os.getegid()

    def assume(self) -> None:
        """Become this user for good, with no other group. For a child only."""
        if self.is_own():
            return
        self.assume_groups()
        os.setresuid(self.uid, self.uid, self.uid)

    def assume_groups(self) -> None:
        """Have this user's group and no other from now on, as `lending` needs it."""
        if not self.is_own():
            os.setgroups([])
            os.setresgid(self.gid, self.gid, self.gid)

    def lending(self) -> AbstractContextManager[None]:
        """A stretch in which what is opened and executed is so as this user.

        What is executed is this user for good; this process stays who it was. In that stretch the
        code can send it a signal, but neither trace it nor read it: it is hidden.
        """
        return _Lending(self.uid)

    def owning(self) -> AbstractContextManager[None]:
        """A stretch in which what is made belongs to this user.

        A pipe is made so: a program under another uid may then open /dev/stderr by name.
        """
        return _Owning(self.uid)


class _Owning:
    def __init__(self, uid: int) -> None:
        self._uid = uid
        self._own = os.geteuid()

    def __enter__(self) -> None:
        if self._uid != self._own:
            os.seteuid(self._uid)

    def __exit__(self, *_error: object) -> None:
        if self._uid != self._own:
            os.seteuid(self._own)


class _Lending:
    def __init__(self, uid: int) -> None:
        self._uid = uid
        self._own = os.geteuid()

    def __enter__(self) -> None:
        if self._uid != self._own:
            os.setresuid(self._uid, self._uid, self._own)  # the last is as the others from the exec

    def __exit__(self, *_error: object) -> None:
        if self._uid != self._own:
            os.setresuid(self._own, self._own, self._own)


def identify(user: str | None) -> Identity:
    """The identity for `uid`, `uid:gid`, `name` or `name:group`; nothing means the worker's own.

    Raises ValueError for a name that the image does not know.
    """
    if not user:
        return _known(os.geteuid(), os.getegid())
    name, _, group = user.partition(":")
    found = _known(int(name), None) if name.isdigit() else _named(name)
    if group:
        found.gid = int(group) if group.isdigit() else _group(group)
    return found


def _known(uid: int, gid: int | None) -> Identity:
    try:
        import pwd

        entry = pwd.getpwuid(uid)
    except (ImportError, KeyError):
        return Identity(uid, gid if gid is not None else uid)
    return Identity(uid, gid if gid is not None else entry.pw_gid, entry.pw_name, entry.pw_dir)


def _named(name: str) -> Identity:
    try:
        import pwd

        entry = pwd.getpwnam(name)
    except (ImportError, KeyError):
        raise ValueError(f"the image knows no user {name!r}") from None
    return Identity(entry.pw_uid, entry.pw_gid, entry.pw_name, entry.pw_dir)


def _group(name: str) -> int:
    try:
        import grp

        return grp.getgrnam(name).gr_gid
    except (ImportError, KeyError):
        raise ValueError(f"the image knows no group {name!r}") from None


def inherited() -> dict[str, str]:
    """The container's environment, as the engine gave it.

    Not os.environ: there Python's own locale coercion has left LC_CTYPE.
    """
    try:
        with open("/proc/self/environ", "rb") as stream:
            pairs = [item.partition(b"=") for item in stream.read().split(b"\0") if item]
    except OSError:
        return dict(os.environ)
    return {
        os.fsdecode(key): os.fsdecode(value)
        for key, _, value in pairs
        if os.fsdecode(key) not in _OF_THE_SHELL
    }


def environment(who: Identity, given: Mapping[str, str]) -> dict[str, str]:
    """`given`, with a HOME that this user can write to and with its names."""
    home = next(
        path
        for path in _homes(who, given)
        if path == _FALLBACK_HOME or _writable(path, who.uid, who.gid)
    )
    return {**given, "HOME": home, "USER": who.name, "LOGNAME": who.name}


def shapes_python(variable: str) -> bool:
    """Whether a Python, or its C library, reads it when it starts and not again."""
    return variable.startswith(_SHAPING)


def _homes(who: Identity, given: Mapping[str, str]) -> Iterator[str]:
    for path in (given.get("HOME"), who.home, "/home/" + who.name, _FALLBACK_HOME):
        if path and path != "/":
            yield path


def _writable(path: str, uid: int, gid: int) -> bool:
    """Whether the mode bits and the file system let this user write there.

    By arithmetic: access(2) would answer for the worker.
    """
    try:
        stat = os.stat(path)
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            return False
    except OSError:
        return False
    shift = 6 if stat.st_uid == uid else 3 if stat.st_gid == gid else 0
    return uid == 0 or stat.st_mode >> shift & 0o3 == 0o3


def find(program: str, env: Mapping[str, str], who: Identity) -> str | None:
    """Where a program is on the PATH of the code, or None."""
    for folder in env.get("PATH", os.defpath).split(":"):
        path = folder + "/" + program
        if os.path.isfile(path) and _executable(path, who):
            return path
    return None


def _executable(path: str, who: Identity) -> bool:
    try:
        stat = os.stat(path)
    except OSError:
        return False
    shift = 6 if stat.st_uid == who.uid else 3 if stat.st_gid == who.gid else 0
    return bool(stat.st_mode & 0o111 if who.uid == 0 else stat.st_mode >> shift & 0o1)
