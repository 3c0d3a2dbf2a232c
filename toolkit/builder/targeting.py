"""For which machine a lock is made: that of the base, as far as it is not said.

Hides that only a Python and a platform are needed, which may be known without any engine.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from toolkit.builder.foundation import Search, find_base
from toolkit.deps import Target, preferred_python
from toolkit.engine import Engine
from toolkit.errors import SpecError
from toolkit.spec import ImageSpec

_PLATFORM: Final = re.compile(r"linux/[a-z0-9]+(?:/v[0-9]+)?")


def said_target(spec: ImageSpec, platform: str | None) -> Target | None:
    """The machine without an engine, where a Python and a platform are asked for; else None.

    Raises SpecError for a text that is no platform.
    """
    if platform is not None and not _PLATFORM.fullmatch(platform):
        raise SpecError(
            f"{platform!r} is not a platform of containers", hint="write it as in: linux/arm64"
        )
    python = spec.python or preferred_python(spec.dependencies.pythons)
    return Target(python, platform) if python and platform else None


def found_target(spec: ImageSpec, platform: str | None, engine: Engine, search: Search) -> Target:
    """The machine of the base that an image would be built on. Raises what finding one raises."""
    base = find_base(engine, spec, search)
    found = Target(base.python, base.platform, base.libc)
    return found if platform is None else replace(found, platform=platform)
