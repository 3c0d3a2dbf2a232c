"""What dependency files come to on one machine, as a lock of PEP 751: by `uv pip compile`.

Hides uv's names for machines, and the table by which a lock says what it was made for.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from toolkit.deps import Dependencies, Target, record
from toolkit.deps.pinning import TOOL
from toolkit.errors import SpecError
from toolkit.lock.addresses import tidied
from toolkit.lock.program import Uv, said

_FILE: Final = "pylock.toml"
_GLIBC: Final = (40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 28, 17)  # the minors that uv knows
_MACHINES: Final = ("x86_64", "aarch64")
_LINUX: Final = "implementation_name == 'cpython' and sys_platform == 'linux'"
_NEEDS_BUILD: Final = "Building source distributions"


@dataclass(frozen=True, slots=True)
class Manner:
    """How to resolve. `before` is the lock that there is, whose versions stay.

    `upgrade` names those that do not; `build` lets packages without wheels run their code here.
    `universal` makes a lock for all machines that there can be one for, and for every Python from
    the target's on.
    """

    before: str | None = None
    upgrade: tuple[str, ...] = ()
    build: bool = False
    universal: bool = False


def resolve(dependencies: Dependencies, target: Target, uv: Uv, manner: Manner) -> str:
    """The lock. Raises SpecError where the dependencies cannot be met, or not be locked."""
    if dependencies.locks:
        raise SpecError(
            f"{dependencies.locks[0].file} is a lock already",
            hint="give the file that it was made from",
        )
    if dependencies.local:
        raise SpecError(
            f"{dependencies.local[0].shown} is a file of this machine, which a lock cannot name",
            hint="leave it out, and install it from a requirements file of its own",
        )
    with TemporaryDirectory(prefix="toolkit-lock-") as name:
        folder = Path(name)
        environment = _written(dependencies, folder)
        if manner.universal:
            _write_project(folder)
        if manner.before is not None:
            (folder / _FILE).write_text(manner.before, encoding="utf-8")
        done = uv.run(_command(folder, target, manner), folder=folder, extra=environment)
        if done.returncode != 0:
            raise _refusal(done, dependencies)
        text = (folder / _FILE).read_text(encoding="utf-8")
    return tidied(text, dependencies.options, uv.environment) + _made_for(dependencies)


def _written(dependencies: Dependencies, folder: Path) -> dict[str, str]:
    """Write the lists; give the variables for what uv does not read in a list."""
    variables: dict[str, str] = {}
    for file in dependencies.context_files():
        text = file.read().decode()
        if file.path == "uv-environment.txt":
            variables = dict(line.split("=", 1) for line in text.splitlines())
        else:
            (folder / file.path).write_text(text, encoding="utf-8")
    logins = dependencies.netrc()
    if logins is not None:
        place = folder / "netrc"
        place.touch(mode=0o600)
        place.write_bytes(logins)
        variables["NETRC"] = str(place)
    return variables


def _write_project(folder: Path) -> None:
    """Say for which machines: uv reads that of a project only, and then no uv.toml beside it."""
    settings = folder / "uv.toml"
    environments = [f"{_LINUX} and platform_machine == '{machine}'" for machine in _MACHINES]
    lines = ["[tool.uv]", f"environments = {json.dumps(environments)}"]
    if settings.exists():
        lines.append(settings.read_text(encoding="utf-8"))
        settings.unlink()
    (folder / "pyproject.toml").write_text("\n".join(lines), encoding="utf-8")


def _made_for(dependencies: Dependencies) -> str:
    import tomli_w

    return f"\n{tomli_w.dumps({'tool': {TOOL: record(dependencies)}})}"


def _command(folder: Path, target: Target, manner: Manner) -> list[str]:
    command = ["pip", "compile", "--quiet", "--no-header", "--no-annotate"]
    command += ["--format", _FILE, "--output-file", _FILE, "--python", sys.executable]
    if manner.universal:
        oldest = ".".join(target.python.split(".")[:2])
        command += ["--universal", "--python-version", oldest]
    else:
        command += ["--python-version", target.python, "--python-platform", _platform(target)]
    command += [] if manner.build else ["--no-build"]
    command += [f"--upgrade-package={name}" for name in manner.upgrade]
    if (folder / "constraints.txt").exists():
        command += ["--constraint", "constraints.txt"]
    return [*command, "requirements.txt"]


def _platform(target: Target) -> str:
    """The machine as uv calls it. Raises SpecError for one that it does not know."""
    if target.machine not in _MACHINES:
        raise SpecError(
            f"no lock can be made for {target.platform}",
            hint="name linux/amd64 or linux/arm64 with --platform",
        )
    libc, _, version = target.libc.partition(" ")
    if libc == "musl":
        return f"{target.machine}-unknown-linux-musl"
    minor = int(version.split(".")[1])
    known: Sequence[int] = [each for each in _GLIBC if each <= minor] or [17]
    return f"{target.machine}-manylinux_2_{known[0]}"


def _refusal(done: subprocess.CompletedProcess[str], dependencies: Dependencies) -> SpecError:
    files = ", ".join(dependencies.files) or "--with"
    if _NEEDS_BUILD in done.stderr:
        hint = "allow its code to run here with --build, or ask for a version that has a wheel"
    else:
        hint = "change what is asked for, or the Python, with --python"
    return SpecError(f"{files}: {said(done)}", hint=hint)
