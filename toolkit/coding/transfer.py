"""Files and folders into a container and out of it, under the code's uid.

Hidden here: that nothing is read or written for the code by somebody with more rights, so that no
link that it has planted leads anywhere that it could not go itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from toolkit.container import Container
from toolkit.errors import ExecError, SpecError
from toolkit.worker.result import Cancellation

_MOST: Final = 1 << 30
"""Bytes of a file that is read into memory here."""
_READ: Final = (
    "import os, shutil, stat, sys\n"
    "found = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)\n"  # it may be a pipe by now
    "if not stat.S_ISREG(os.fstat(found).st_mode): sys.exit('it is no file')\n"
    f"if os.fstat(found).st_size > {_MOST}: sys.exit('it is larger than {_MOST >> 20} MiB')\n"
    "with os.fdopen(found, 'rb') as source:\n"
    "    shutil.copyfileobj(source, sys.stdout.buffer)\n"
)


def put(container: Container, source: Path | str | bytes, target: str) -> None:
    """Write bytes, or a file or folder of this machine, to the path in the container.

    Raises SpecError for a source that cannot be read, ExecError where it cannot be written.
    """
    if isinstance(source, bytes):
        container.write(target, source)
        return
    path = Path(source)
    try:
        for file, place in _files(path, target):
            mode = 0o755 if os.access(file, os.X_OK) else 0o644
            container.write(place, file.read_bytes(), mode=mode)
    except OSError as error:
        raise SpecError(
            f"{path} cannot be put into the container: {error.strerror}",
            hint="name a file or a folder that this user can read",
        ) from error


def get(container: Container, python: str, path: str) -> bytes:
    """Read a file of the container, of 1 GiB at most.

    Raises ExecError where the code cannot read it, either, and for what is no file.
    """
    pieces: list[bytes] = []
    cancellation = Cancellation()
    size = 0

    def take(stream: str, data: bytes) -> None:
        nonlocal size
        size += len(data)
        if size > _MOST:  # it grows while it is read
            cancellation.cancel()
        elif stream == "stdout":
            pieces.append(data)

    argv = [python, "-I", "-c", _READ, path]
    result = container.run(
        argv, on_output=take, output_limit=_LAST_WORDS, cancellation=cancellation
    )
    if result.exit_code != 0:
        words = result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise ExecError(
            f"file {path!r} cannot be read in container {container.name}: {words}".rstrip("."),
            hint="name a file that the code itself can read",
        )
    return b"".join(pieces)


_LAST_WORDS: Final = 4096


def _files(path: Path, target: str) -> Iterator[tuple[Path, str]]:
    """The files to be copied, and where each goes; links to folders are not followed."""
    if not path.is_dir():
        yield path, target
        return
    for folder, _, names in os.walk(path, onerror=_raise):
        for name in names:
            file = Path(folder, name)
            yield file, f"{target.rstrip('/')}/{file.relative_to(path).as_posix()}"


def _raise(error: OSError) -> None:
    raise error
