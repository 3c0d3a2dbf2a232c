"""One container in which a script is run in several ways, each time in the same fresh folder.

Hidden here: that the folder is the same for each way (a path is in every traceback), how what a
script wrote is fetched, and what is taken out of an output because no two processes agree on it.
"""

from __future__ import annotations

import functools
import io
import re
import stat
import tarfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from tests.docker.fidelity.cases import CASES, Case
from toolkit.container import Container

ROOT: Final = "/tmp/fidelity"
_TIMEOUT: Final = 60.0
_ADDRESS: Final = re.compile(rb"0x[0-9a-f]{6,}")
_PID: Final = re.compile(rb"\(pid=\d+\)")


@dataclass(frozen=True, slots=True)
class Written:
    """A file as a script left it."""

    mode: str
    uid: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that can be seen of one run."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """All that can be seen of a case."""

    outcomes: tuple[Outcome, ...]
    files: Mapping[str, Written]


class Laboratory:
    """A container with every script in it."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._sh(f"mkdir {ROOT} && tar -xpf - -C {ROOT}", stdin=_packed())

    def see(self, names: Sequence[str], *, warm: bool, at_once: int) -> Mapping[str, Seen]:
        """Run these cases, several at once, each in a fresh folder."""
        self._sh(f"rm -rf {ROOT}/run && cp -a {ROOT}/scripts {ROOT}/run")
        with ThreadPoolExecutor(at_once) as pool:
            run = functools.partial(self._run, warm=warm)
            outcomes = dict(zip(names, pool.map(run, names), strict=True))
        # What cannot be read is left out, and tar then complains.
        files = _unpacked(self._sh(f"tar -cf - -C {ROOT}/run . 2>/dev/null || true"))
        return {name: Seen(outcomes[name], files.get(name, {})) for name in names}

    def _sh(self, script: str, *, stdin: bytes | None = None) -> bytes:
        result = self._container.run(
            ["sh", "-c", script], stdin=stdin, cwd="/", timeout=_TIMEOUT, output_limit=1 << 28
        )
        assert result.exit_code == 0, result
        return result.stdout

    def _run(self, name: str, *, warm: bool) -> tuple[Outcome, ...]:
        case, work = CASES[name], f"{ROOT}/run/{name}"
        if case.prepare:
            made = self._container.run(["python", "-c", case.prepare], cwd=work, timeout=_TIMEOUT)
            assert made.exit_code == 0, made
        return tuple(self._call(case, call, work, warm=warm) for call in case.calls())

    def _call(self, case: Case, call: tuple[str, ...], work: str, *, warm: bool) -> Outcome:
        result = self._container.run(
            [case.program, *(argument.replace("{work}", work) for argument in call)],
            stdin=case.stdin,
            environment={
                name: value.replace("{work}", work) for name, value in case.environment.items()
            },
            cwd=case.cwd if case.cwd.startswith("/") else f"{work}/{case.cwd}".removesuffix("/."),
            merged=case.merged,
            timeout=_TIMEOUT,
            warm=warm,
        )
        out, err = neutral(result.stdout), neutral(result.stderr)
        return Outcome(result.exit_code, out, err, result.timed_out)


def neutral(output: bytes) -> bytes:
    """An output without addresses and process ids, where Python itself prints them."""
    return _PID.sub(b"(pid=N)", _ADDRESS.sub(b"0xN", output))


def differences(one: Seen, other: Seen) -> list[str]:
    """Say in what two differ, a line each."""
    found = []
    for number, (left, right) in enumerate(zip(one.outcomes, other.outcomes, strict=True), 1):
        for name in ("exit_code", "timed_out", "stdout", "stderr"):
            before, after = getattr(left, name), getattr(right, name)
            if before != after:
                found.append(f"run {number}: {name}: {_contrast(before, after)}")
    for name in sorted({*one.files, *other.files}):
        if one.files.get(name) != other.files.get(name):
            contrast = _contrast(one.files.get(name), other.files.get(name))
            found.append(f"file {name}: {contrast}")
    return found


def _contrast(before: object, after: object) -> str:
    if not (isinstance(before, bytes) and isinstance(after, bytes)):
        return f"{before!r} became {after!r}"
    left, right = before.splitlines(keepends=True), after.splitlines(keepends=True)
    same = next(
        (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b),
        min(len(left), len(right)),
    )
    shown = (b"".join(lines[same : same + 6])[:900] for lines in (left, right))
    return "from line {}: {!r} became {!r}".format(same + 1, *shown)


def _packed() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, case in CASES.items():
            for path, content in case.files():
                info = tarfile.TarInfo(f"scripts/{name}/{path}")
                info.size, info.mode, info.mtime = len(content), 0o644, 1_000_000_000
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _unpacked(packed: bytes) -> Mapping[str, Mapping[str, Written]]:
    """What each case has left, by its path in the case's folder."""
    found: dict[str, dict[str, Written]] = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        for member in tar:
            name, _, path = member.name.removeprefix("./").partition("/")
            found.setdefault(name, {})[path] = _written(tar, member)
    return found


def _written(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Written:
    file = tar.extractfile(member) if member.isreg() else None
    content = file.read() if file else member.linkname.encode(errors="surrogateescape")
    if member.name.endswith(".pyc"):  # the time of its source, which a script may have just written
        content = content[:8] + content[12:]
    kind = member.type.decode()
    return Written(f"{kind} {stat.filemode(member.mode)}", member.uid, content)
