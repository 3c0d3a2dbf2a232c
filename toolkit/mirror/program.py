"""The helper as one program in the container, and the ways to start it.

Hidden here: that it is several modules, and that it is compiled once, which takes longer than all
else. It is in the container's /tmp and so in the code's hands, as the process is that it becomes;
where it is no more, or cannot be, it is told on the command line.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from importlib import resources
from typing import Final

_MODULES: Final = ("records", "tree", "writing", "helper")
"""What is sent, each module after those that it imports."""

_LOAD: Final = """\
import marshal, os, sys
kept = {folder!r} + '/' + sys.implementation.cache_tag
try:
    with open(kept, 'rb') as file:
        codes = marshal.load(file)
except (OSError, ValueError, EOFError, TypeError):
    codes = []
    for name, text in {sources!r}:
        codes.append((name, compile(text, 'toolkit/mirror/' + name + '.py', 'exec')))
    try:
        made = kept + '.' + str(os.getpid())
        with open(made, 'xb') as file:
            marshal.dump(codes, file)
        os.rename(made, kept)
    except OSError:
        pass
for name in ('toolkit', 'toolkit.mirror'):
    sys.modules[name] = type(sys)(name)
    sys.modules[name].__path__ = []
for name, code in codes:
    module = sys.modules['toolkit.mirror.' + name] = type(sys)('toolkit.mirror.' + name)
    exec(code, module.__dict__)
module.main(*sys.argv[1:])
"""


NO_FILE: Final = 2
"""The exit code of a Python that does not find its file."""


@functools.cache
def source() -> tuple[str, str]:
    """Where its file is to be, and what is in it; the argument is that of `helper.main`."""
    package = resources.files("toolkit.mirror")
    sources = [(name, (package / f"{name}.py").read_text("utf-8")) for name in _MODULES]
    folder = f"/tmp/.toolkit-mirror-{hashlib.sha256(repr(sources).encode()).hexdigest()[:16]}"  # noqa: S108 - the container's
    return f"{folder}/helper.py", _LOAD.format(sources=sources, folder=folder)


def ways(python: str) -> Iterator[list[str]]:
    """The command lines, less the argument, the quickest first."""
    path, text = source()
    yield [python, "-I", "-S", path]
    yield [python, "-I", "-S", "-c", text]
