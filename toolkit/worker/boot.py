"""How the worker gets into a container: its source, and the command that reads it.

Nothing is installed in the image: the container's main process is the image's own Python, which
says what bytecode it understands and reads the worker from its standard input. Hidden here: that
the worker is several modules (so that the protocol exists once, for both ends), that compiling them
takes longer than all else that a container does to be ready, and which interpreter is taken.
"""

from __future__ import annotations

import functools
import importlib.util
import marshal
import zlib
from collections.abc import Callable, Sequence
from importlib import resources
from types import CodeType
from typing import Final

from toolkit.worker import protocol

_MODULES: Final = (
    "protocol",
    "supervisor",
    "identity",
    "program",
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

_MAGIC: Final = importlib.util.MAGIC_NUMBER

TOO_OLD: Final = "toolkit: the image's Python is too old"

NO_ZLIB: Final = "toolkit: the image's Python has no zlib"

_READ: Final = (
    "import os,sys\n"
    f'if sys.version_info<(3,8): sys.exit("{TOO_OLD}: "+sys.version.split()[0])\n'
    "try: import zlib\n"
    f'except ImportError: sys.exit("{NO_ZLIB}")\n'
    "from _frozen_importlib_external import MAGIC_NUMBER\n"
    f"os.write(1,{protocol.HEADER.pack(protocol.HELLO, 0, 4)!r}+MAGIC_NUMBER[:4])\n"
    "def read(size):\n"
    " data=b''\n"
    " while len(data)<size:\n"
    "  piece=os.read(0,size-len(data))\n"
    "  if not piece: os._exit(0)\n"
    "  data+=piece\n"
    " return data\n"
    "import marshal\n"
    "warm,program=marshal.loads(zlib.decompress(read(int(read(8)))))\n"
    "code,parts=marshal.loads(program)\n"
    "exec(code,{'parts':parts,'argument':warm})"
)
"""Says which bytecode it understands, then reads a length of eight digits and so many bytes."""

_LOAD: Final = """\
import sys
plain = frozenset(sys.modules), frozenset(sys.path_importer_cache)
for name in ('toolkit', 'toolkit.worker'):
    sys.modules[name] = type(sys)(name)
    sys.modules[name].__path__ = []
for name, body in parts:
    module = sys.modules['toolkit.worker.' + name] = type(sys)('toolkit.worker.' + name)
    setattr(sys.modules['toolkit.worker'], name, module)
    if isinstance(body, str):
        body = compile(body, 'toolkit/worker/' + name + '.py', 'exec')
    exec(body, module.__dict__)
module.main(plain if argument is None else argument)
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


def source(magic: bytes) -> bytes:
    """The whole worker, to be sent before the first frame to a Python that has said this magic.

    Bytecode where that is ours (PEP 3147), else text: to compile it takes as long as to start.
    """
    return _packed(is_compiled=magic == _MAGIC)


@functools.cache
def _packed(*, is_compiled: bool) -> bytes:
    load = _compiled if is_compiled else _text
    # Marshal's second version is read by every Python there is.
    both = zlib.compress(marshal.dumps((_warm(), _program(_MODULES, load)), 2))
    return b"%08d" % len(both) + both


def _warm() -> bytes:
    """For an interpreter that says nothing: the magic, and both."""
    return marshal.dumps((_MAGIC, _program(_WARM, _compiled), _program(_WARM, _text)), 2)


def _program(names: Sequence[str], load: Callable[[str], CodeType | str]) -> bytes:
    parts = [(name, load(name)) for name in names]
    if load is _text:
        return marshal.dumps((_LOAD, parts), 2)
    return marshal.dumps((compile(_LOAD, "toolkit/worker", "exec"), parts))


def _text(name: str) -> str:
    return (resources.files("toolkit.worker") / f"{name}.py").read_text("utf-8")


def _compiled(name: str) -> CodeType:
    """From Python's own cache where it is there; without the paths of this machine."""
    spec = importlib.util.find_spec(f"toolkit.worker.{name}")
    get_code = getattr(spec and spec.loader, "get_code", None)
    found = get_code(f"toolkit.worker.{name}") if get_code else None
    path = f"toolkit/worker/{name}.py"
    if isinstance(found, CodeType):
        return _placed(found, path)
    return compile(_text(name), path, "exec", dont_inherit=True)


def _placed(code: CodeType, path: str) -> CodeType:
    inner = (_placed(each, path) if isinstance(each, CodeType) else each for each in code.co_consts)
    return code.replace(co_filename=path, co_consts=tuple(inner))


def entrypoint() -> list[str]:
    """The container's main process: the worker, as PID 1."""
    return ["/bin/sh", "-c", _FIND, _READ]


def command(interpreter: str) -> list[str]:
    """The same under an interpreter that is known."""
    return [interpreter, "-I", "-S", "-u", "-c", _READ]
