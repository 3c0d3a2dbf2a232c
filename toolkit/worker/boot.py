"""How the worker gets into a container: its source, and the command that reads it.

Nothing is installed in the image: the container's main process is the image's own Python, which
reads the source from its standard input. Hidden here: that the worker is several modules (so that
the protocol exists once, for both ends), and which interpreter is taken.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from importlib import resources
from typing import Final

_MODULES: Final = (
    "protocol",
    "supervisor",
    "identity",
    "program",
    "shell",
    "spawn",
    "nursery",
    "casualties",
    "outgoing",
    "run",
    "process",
)
"""What is sent, each module after those that it imports."""
_WARM: Final = ("supervisor", "program", "spawn", "ending", "warm")
"""What the worker hands on to the warm interpreter."""

TOO_OLD: Final = "toolkit: the image's Python is too old"

NO_ZLIB: Final = "toolkit: the image's Python has no zlib"

_READ: Final = (
    "import os,sys;s=b''\n"
    f'if sys.version_info<(3,8): sys.exit("{TOO_OLD}: "+sys.version.split()[0])\n'
    "while len(s)<{size}:\n"
    " c=os.read(0,{size}-len(s))\n"
    " if not c: os._exit(0)\n"
    " s+=c\n"
    "try: import zlib\n"
    f'except ImportError: sys.exit("{NO_ZLIB}")\n'
    "exec(compile(zlib.decompress(s),'toolkit-worker','exec'))"
)

_LOAD: Final = """\
import sys
plain = frozenset(sys.modules), frozenset(sys.path_importer_cache)
for name in ('toolkit', 'toolkit.worker'):
    sys.modules[name] = type(sys)(name)
    sys.modules[name].__path__ = []
for name, text in {sources!r}:
    module = sys.modules['toolkit.worker.' + name] = type(sys)('toolkit.worker.' + name)
    setattr(sys.modules['toolkit.worker'], name, module)
    exec(compile(text, 'toolkit/worker/' + name + '.py', 'exec'), module.__dict__)
module.main({argument})
"""

NO_PYTHON: Final = "toolkit: there is no python3 and no python in this image"

_FIND: Final = (
    # First where the code cannot write: after a restart of the container, a python that it left in
    # the virtual environment would run as PID 1.
    "p=$(PATH=/usr/local/bin:/usr/bin:/bin; command -v python3 || command -v python) || "
    "p=$(command -v python3 || command -v python) || "
    f'{{ echo "{NO_PYTHON}" >&2; exit 127; }}; '
    'exec "$p" -I -S -u -c "$0"'
)


@functools.cache
def source() -> bytes:
    """The worker's whole source, to be sent before the first frame.

    Packed, so that it fits into the engine's and the kernel's buffers: a container that does not
    read must not hold up who sends.
    """
    warm = _load(_WARM, argument="plain")
    return zlib.compress(_load(_MODULES, argument=repr(warm)).encode("utf-8"))


def _load(names: Sequence[str], *, argument: str) -> str:
    folder = resources.files("toolkit.worker")
    sources = [(name, (folder / f"{name}.py").read_text("utf-8")) for name in names]
    return _LOAD.format(sources=sources, argument=argument)


def entrypoint() -> list[str]:
    """The container's main process: the worker, as PID 1."""
    return ["/bin/sh", "-c", _FIND, _READ.format(size=len(source()))]


def command(interpreter: str) -> list[str]:
    """The same under an interpreter that is known."""
    return [interpreter, "-I", "-S", "-u", "-c", _READ.format(size=len(source()))]
