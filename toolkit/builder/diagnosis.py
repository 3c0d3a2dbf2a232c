"""Why a build failed, in terms of what the user wrote: pure, from a failed step to a sentence.

Hides which step does what. What is not recognised keeps the engine's own reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from packaging.utils import canonicalize_name

from toolkit.builder import causes
from toolkit.builder.causes import Cause, Circumstances
from toolkit.deps import Dependencies
from toolkit.engine.buildkit import origin, reasons
from toolkit.errors import BuildError

# What each step script does, by its name in the step's text (templates/steps/).
_DOINGS: Final[Mapping[str, str]] = {
    "with-python": "giving the base its distribution's Python",
    "apt.sh": "installing the Debian packages",
    "apk.sh": "installing the Alpine packages",
    "rpm.sh": "installing the RPM packages",
    'conda.sh", "tool"': "fetching what installs conda's packages",
    'conda.sh", "pip"': "installing pip's list beside conda's packages",
    "conda.sh": "installing the packages of conda's",
    "environment.sh": "making the environment",
    "uv.sh": "fetching uv",
    "install.sh": "installing the requirements",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was to be built: the user's requirements, on which Python, by which Dockerfile.

    `manager` is the base's package manager.
    """

    dependencies: Dependencies
    python: str = ""
    dockerfile: str = ""
    manager: str = "apt"


def explained(error: BuildError, attempt: Attempt) -> BuildError:
    """The same failure, said about what the user wrote, as far as the log tells."""
    lines = error.lines or origin.lines_of(attempt.dockerfile, error.step or "", error.message)
    doing = next((said for script, said in _DOINGS.items() if script in (error.step or "")), None)
    if doing is None:
        return error.placed(attempt.dockerfile, lines)
    known = reasons.network("\n".join(error.log))
    exhausted = reasons.is_exhausted(error.reason, error.log)
    causes_found = causes.found(error.log, Circumstances(known, attempt.python, attempt.manager))
    cause = None if exhausted else next(causes_found, None)
    message = f"{doing} failed: {error.reason}"
    if cause is not None:
        message = f"{_place(cause, attempt.dependencies)}{cause.text}"
    hint = error.hint if cause is None else cause.hint
    said = BuildError(message, hint=hint, step=doing, reason=error.reason, log=error.log)
    return said.placed(attempt.dockerfile, lines)


def _place(cause: Cause, dependencies: Dependencies) -> str:
    wanted = cause.package and canonicalize_name(cause.package)
    for requirement in dependencies.requirements:
        named = requirement.name and canonicalize_name(requirement.name)
        if (wanted and named == wanted) or (cause.local and requirement.local == cause.local):
            return f"{requirement.where}: "
    return ""
