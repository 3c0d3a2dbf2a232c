"""`.python-version`: the one Python that pyenv, uv and others take for a folder.

Hides the ways of spelling a version there. Several versions are for tools that test on each; an
image has one.
"""

from __future__ import annotations

import re
from typing import Final

from toolkit.deps.gathering import Gathering
from toolkit.deps.python import PythonWish
from toolkit.deps.sources import Source
from toolkit.errors import SpecError

_VERSION: Final = re.compile(r"(?:(?:cpython|python)[-@]?)?(3\.\d{1,2}(?:\.\d{1,3})?)")
_HINT: Final = "write one version, such as 3.12"


def read(content: str, source: Source, into: Gathering) -> None:
    """Read the version, as what the folder asks for."""
    with into.at(source.shown):
        lines = (line.partition("#")[0].strip() for line in content.splitlines())
        versions = [line for line in lines if line]
        if len(versions) != 1:
            what = f"{len(versions)} versions" if versions else "no version"
            raise SpecError(f"the file names {what}", hint=_HINT)
        found = _VERSION.fullmatch(versions[0])
        if found is None:
            raise SpecError(f"{versions[0]!r} is not a version of Python", hint=_HINT)
        version = found[1]
        specifier = f"=={version}" if version.count(".") == 2 else f"=={version}.*"
        into.add_python(PythonWish(specifier, source.shown, pin=version))
