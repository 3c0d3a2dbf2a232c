"""uv on this machine: the pinned one, fetched as builds fetch it, and how it is run.

Hides where it is kept, and that pip's settings mean the same to it. It runs nothing that a package
brings unless that is allowed: no source is built.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from toolkit import resources
from toolkit.deps import urls
from toolkit.errors import BuildError

_SECONDS: Final = 600
_AS_PIP: Final = (
    ("PIP_INDEX_URL", ("UV_DEFAULT_INDEX", "UV_INDEX_URL")),
    ("PIP_EXTRA_INDEX_URL", ("UV_INDEX", "UV_EXTRA_INDEX_URL")),
    ("PIP_TRUSTED_HOST", ("UV_INSECURE_HOST",)),
    ("PIP_FIND_LINKS", ("UV_FIND_LINKS",)),
)
_OURS: Final = {
    "UV_NO_PROGRESS": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_SYSTEM_CERTS": "1",  # the machine's own, as pip and the browser have them
    "NO_COLOR": "1",
}


@dataclass(frozen=True, slots=True)
class Uv:
    """uv as a program. `environment` is the caller's."""

    path: Path
    environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def fetched(cls, cache: Path, environment: Mapping[str, str]) -> Uv:
        """The pinned uv, out of the cache or from the package index. Raises BuildError."""
        script = resources.tree("templates") / "steps" / "fetch_uv.py"
        command = [sys.executable, "-B", str(script), str(cache / "uv")]
        done = subprocess.run(
            command, env=dict(environment), capture_output=True, text=True, timeout=_SECONDS
        )
        path = done.stdout.strip()
        if done.returncode != 0 or not path:
            last = done.stderr.strip().rpartition("\n")[2].removeprefix("toolkit: ")
            raise BuildError(
                f"uv, which makes locks, cannot be had: {last or done.returncode}",
                hint="check that the package index is in reach: pip download uv",
            )
        return cls(Path(path), environment)

    def run(
        self, arguments: Sequence[str], *, folder: Path, extra: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it in a folder, to its end. Its code is for the caller to judge."""
        seen = {**self.environment, **_OURS, **(extra or {})}
        for theirs, names in _AS_PIP:
            if seen.get(theirs) and not any(seen.get(name) for name in names):
                seen[names[0]] = seen[theirs]
        return subprocess.run(
            [str(self.path), *arguments],
            cwd=folder,
            env=seen,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )


def said(done: subprocess.CompletedProcess[str]) -> str:
    """What uv said went wrong, in one line, without logins."""
    lines = [line.strip().lstrip("\u00d7╰─▶│├ ") for line in done.stderr.splitlines()]
    kept = [line for line in lines if line and not line.startswith(("warning:", "Using CPython"))]
    return urls.masked(" ".join(kept)).removeprefix("error: ") or f"exit code {done.returncode}"
