"""The distribution's own packages: which command installs what, and only with consent."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from toolkit.errors import EngineError
from toolkit.setup.programs import Command, Consent, Rights, Say, find, run, with_proxies

Tool = Literal["engine", "mmdebstrap"]

_FAMILIES: Final[Mapping[str, str]] = {
    "debian": "debian",
    "ubuntu": "debian",
    "alpine": "alpine",
    "arch": "arch",
    "suse": "suse",
    "opensuse": "suse",
}
# Another installation may be going on; it is waited for, for so many seconds.
_PATIENT: Final = ("-o", "DPkg::Lock::Timeout=120")


@dataclass(frozen=True, slots=True)
class Distribution:
    """What os-release says: `id` and those it is like, the suite's name, a name for people."""

    id: str
    like: tuple[str, ...] = ()
    codename: str | None = None
    name: str = ""

    @property
    def family(self) -> str | None:
        """`debian`, `fedora`, `alpine`, `arch` or `suse`: whose package commands work here."""
        if self.id == "fedora":  # what is like Fedora has no package of that name
            return "fedora"
        return next((_FAMILIES[name] for name in (self.id, *self.like) if name in _FAMILIES), None)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A package and the commands that install it."""

    package: str
    commands: tuple[Command, ...]


def read_os_release(text: str) -> Distribution:
    """Read os-release(5): shell assignments, of which ours are plain words."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.startswith("#"):
            fields[key.strip()] = _unquote(value.strip())
    identity = fields.get("ID", "linux")
    return Distribution(
        id=identity,
        like=tuple(fields.get("ID_LIKE", "").split()),
        codename=fields.get("VERSION_CODENAME") or None,
        name=fields.get("PRETTY_NAME", identity),
    )


def _unquote(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value


def this_distribution(root: Path = Path("/")) -> Distribution:
    """Tell the distribution of this machine; an unknown one where it does not say."""
    for name in ("etc/os-release", "usr/lib/os-release"):
        try:
            return read_os_release((root / name).read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
    return Distribution(id="linux", name="an unknown distribution")


def recipe(tool: Tool, distribution: Distribution) -> Recipe | None:
    """How this distribution's package manager installs the tool; None where we do not know."""
    return _RECIPES.get((distribution.family, tool))


def _by_apt(package: str) -> Recipe:
    install = ("apt-get", "install", "-y", "--no-install-recommends", package)
    return Recipe(package, (("apt-get", "update"), install))


_RECIPES: Final[Mapping[tuple[str | None, Tool], Recipe]] = {
    ("debian", "engine"): _by_apt("docker.io"),
    ("debian", "mmdebstrap"): _by_apt("mmdebstrap"),
    ("fedora", "engine"): Recipe("moby-engine", (("dnf", "install", "-y", "moby-engine"),)),
    ("alpine", "engine"): Recipe("docker", (("apk", "add", "docker"),)),
    ("arch", "engine"): Recipe("docker", (("pacman", "-Sy", "--noconfirm", "docker"),)),
    ("suse", "engine"): Recipe("docker", (("zypper", "--non-interactive", "install", "docker"),)),
}


def by_hand(commands: tuple[Command, ...], *, root: bool = False) -> str:
    """Write the commands as one line that can be pasted into a shell."""
    prefix: Command = () if root else ("sudo",)
    return " && ".join(shlex.join((*prefix, *command)) for command in commands)


def install(
    wanted: Recipe,
    *,
    env: Mapping[str, str],
    access: Rights,
    consent: Consent,
    say: Say,
) -> None:
    """Install a package with consent; `EngineError` with the commands to type where it fails."""
    line = by_hand(wanted.commands, root=access.prefix == ())
    if access.prefix is None:
        raise EngineError(
            f"`{wanted.package}` is not installed, and installing it needs root's rights",
            hint=f"as an administrator, type: {line}",
        )
    if not consent(f"Install the package `{wanted.package}` ({line})?"):
        raise EngineError(
            f"`{wanted.package}` is not installed, and there is no consent to install it",
            hint=f"repeat the command with --yes, or type: {line}",
        )
    say(f"installing {wanted.package}: {line}")
    for command in wanted.commands:
        _run_as_root(command, wanted, env=env, access=access, say=say)
    say(f"installed {wanted.package}")


def _run_as_root(
    command: Command, wanted: Recipe, *, env: Mapping[str, str], access: Rights, say: Say
) -> None:
    patient = (*command, *_PATIENT) if command[0] == "apt-get" else command
    quiet = with_proxies(patient, env, DEBIAN_FRONTEND="noninteractive")
    ended = run(access.grant(quiet), env=env)
    if ended.code == 0:
        return
    if "update" in command:
        # One dead source among many must not stop what the others can give.
        say(f"the package lists could not be brought up to date: {ended.reason}")
        return
    raise EngineError(
        f"`{wanted.package}` could not be installed: {ended.reason}",
        hint=f"mend that and type: {by_hand(wanted.commands)}",
    )


def require(
    tool: Tool,
    program: str,
    *,
    env: Mapping[str, str],
    access: Rights,
    consent: Consent,
    say: Say,
) -> None:
    """Make sure that a program is there, by installing the distribution's package of it."""
    if find(program, env):
        return
    here = this_distribution()
    wanted = recipe(tool, here)
    if wanted is None:
        raise EngineError(
            f"`{program}` is not installed, and how {here.name} installs it is not known here",
            hint=f"install `{program}` with the package manager of {here.name}, and try again",
        )
    install(wanted, env=env, access=access, consent=consent, say=say)
    if not find(program, env):
        raise EngineError(
            f"`{wanted.package}` was installed and brought no program `{program}`",
            hint=f"look at what the package `{wanted.package}` contains",
        )
