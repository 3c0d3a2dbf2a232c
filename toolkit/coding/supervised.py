"""What stands between this machine and a block: a script, run by `process_tree` for each program.

As `python -I -S supervised.py KIND FOLDER LOCALE ORDERS REPORTS PROGRAM …` it is the supervisor
that the worker has in a container, found in FOLDER, and its child becomes the program. It is a
process of its own, because the application may be no subreaper, and may have threads, which no fork
survives. KIND is `tree`, or `group` where the platform has no subreapers; there, a program that
leaves its process group gets away. LOCALE is LC_CTYPE, which a Python that starts may change.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # the script starts for every block: it imports little
    from collections.abc import Callable
    from typing import Any

_LOOK = 0.02


def main(kind: str, folder: str, locale: str, *arguments: str) -> None:
    """Supervise; in the child, become the program. Never returns."""
    orders, reports, argv = int(arguments[0]), int(arguments[1]), arguments[2:]
    sys.path.insert(0, folder)
    import supervisor  # type: ignore[import-not-found]

    if kind == "tree":
        supervisor.supervise(orders, reports)
    else:
        child = os.fork()
        if child:
            _watch_group(child, orders, reports, supervisor)
        os.close(orders)
        os.close(reports)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    os.environ.pop("LC_CTYPE", None)
    os.environ.update({"LC_CTYPE": locale} if locale else {})
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is the point
    except OSError as error:
        is_missing = error.errno == errno.ENOENT and "/" not in argv[0]
        words = "not found" if is_missing else error.strerror
        os.write(2, os.fsencode(f"{argv[0]}: {words}\n"))
        os._exit(127 if error.errno == errno.ENOENT else 126)


def _watch_group(child: int, orders: int, reports: int, supervisor: Any) -> None:  # noqa: ANN401
    """Do for the child's process group what `supervise` does for a tree. Never returns."""
    _detach()
    os.write(reports, supervisor.introduction(os.getpid(), child))
    is_running = True

    def reap() -> None:
        nonlocal is_running
        if is_running:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                is_running = False
                os.write(reports, supervisor.NUMBER.pack(supervisor.exit_code(status)))

    order = None
    while order is None:
        reap()
        if select.select([orders], [], [], _LOOK if is_running else None)[0]:
            order = os.read(orders, 1)
    if order == supervisor.END:
        _end_group(child, signal.SIGTERM, supervisor.GRACE, reap)
    if order != supervisor.RELEASE:
        _end_group(child, signal.SIGKILL, supervisor.GRACE, reap)
    os._exit(0)


def _detach() -> None:
    """Let go of the block's pipes, which must end with the block."""
    empty = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(empty, descriptor)


def _end_group(child: int, number: int, seconds: float, reap: Callable[[], None]) -> None:
    deadline = time.monotonic() + seconds
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody, or only the dead
        os.killpg(child, number)
        while time.monotonic() < deadline:
            reap()
            os.killpg(child, 0)
            time.sleep(_LOOK)


if __name__ == "__main__":
    main(*sys.argv[1:])
