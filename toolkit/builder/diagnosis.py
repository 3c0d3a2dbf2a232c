"""Why a build failed, in terms of what the user wrote: pure, from a failed step to a sentence.

Hides which step does what. What is not recognised keeps the engine's own reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from packaging.utils import canonicalize_name

from toolkit.builder import causes
from toolkit.builder.causes import Cause
from toolkit.deps import Dependencies
from toolkit.engine import failures
from toolkit.errors import BuildError

# What each step script does, by its name in the step's text (templates/steps/).
_DOINGS: Final[Mapping[str, str]] = {
    "apt.sh": "installing the Debian packages",
    "install.sh": "installing the requirements",
}

_LOG_HINT: Final = "read the log above, or see all of it with --verbose"


def explained(error: BuildError, dependencies: Dependencies) -> BuildError:
    """The same failure, said about what the user wrote, as far as the log tells."""
    doing = next((said for script, said in _DOINGS.items() if script in (error.step or "")), None)
    if doing is None:
        return error
    # A full disk breaks whatever is under way, and that is not to blame.
    full = failures.is_disk_full("\n".join(error.log))
    cause = None if full else next(causes.found(error.log, error.hint), None)
    if cause is None:
        message, hint = f"{doing} failed: {error.reason}", error.hint or _LOG_HINT
    else:
        message, hint = f"{_place(cause, dependencies)}{cause.text}", cause.hint
    return BuildError(message, hint=hint, step=doing, reason=error.reason, log=error.log)


def _place(cause: Cause, dependencies: Dependencies) -> str:
    wanted = cause.package and canonicalize_name(cause.package)
    for requirement in dependencies.requirements:
        named = requirement.name and canonicalize_name(requirement.name)
        if (wanted and named == wanted) or (cause.local and requirement.local == cause.local):
            return f"{requirement.where}: "
    return ""
