"""What is in a uv.lock, as a lock of PEP 751: by `uv export`.

Hidden here: how uv is asked so that it changes nothing, and what it says of a lock that is stale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from toolkit import resources
from toolkit.deps import Export, Selection
from toolkit.errors import SpecError
from toolkit.lock.program import Uv, said

_OUT_OF_DATE: Final = "needs to be updated"


def at_hand(environment: Mapping[str, str]) -> Export:
    """Give what reads uv.lock files for `deps.read`; uv is fetched only when there is one."""
    return exporter(lambda: Uv.fetched(resources.cache(environment), environment))


def exporter(uv: Callable[[], Uv]) -> Export:
    """The same, with the uv that is given."""

    def export(path: Path, selection: Selection) -> str:
        program = uv()
        command = ["export", "--quiet", "--format", "pylock.toml", "--no-header", "--no-build"]
        command += ["--no-emit-project", "--no-default-groups"]
        command += [f"--extra={name}" for name in selection.extras]
        command += [f"--group={name}" for name in selection.groups]
        folder = path.resolve().parent
        done = program.run([*command, "--locked"], folder=folder)
        if _OUT_OF_DATE in done.stderr:
            raise SpecError(
                "the lock is older than the pyproject.toml beside it, and says something else",
                hint="run `uv lock`",
            )
        if done.returncode != 0:
            # Whether it is up to date takes a Python that fits; what is in it does not.
            done = program.run([*command, "--frozen"], folder=folder)
        if done.returncode != 0:
            raise SpecError(f"uv cannot read the lock: {said(done)}", hint="run `uv lock`")
        return done.stdout

    return export
