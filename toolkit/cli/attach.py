"""`toolkit attach`: a shell, or a command, in a running container of ours."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from toolkit import labels as label
from toolkit.cli._terminal import Terminal
from toolkit.engine import Engine, connect
from toolkit.engine.stream import ByteStream
from toolkit.engine.wire import AttachDecoder
from toolkit.errors import DiedError, NotRunningError, SpecError

_SHELL: Final = ("sh",)
_END_SECONDS: Final = 2.0


@click.command(
    epilog="Example: toolkit attach tk-1f0c9a2b-1",
    context_settings={"allow_interspersed_args": False},
)
@click.option("-u", "--user", metavar="USER", help="Who to be: a name or uid of the container.")
@click.argument("name")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def attach(*, user: str | None, name: str, command: tuple[str, ...]) -> None:
    """Open a shell in the running container NAME, or run COMMAND in it.

    Without --user it is the user of the container's main process. The exit code is the command's.
    A terminal is made for it where standard input and output are one.
    """
    with connect() as engine:
        sys.exit(_attached(engine, name, command or _SHELL, user))


def _attached(engine: Engine, name: str, command: Sequence[str], user: str | None) -> int:
    found = _ours(engine, name)
    terminal = Terminal.of_this_process()
    tty = terminal is not None
    environment = terminal.environment() if terminal else ()
    exec_id = engine.create_exec(
        str(found["Id"]), command, tty=tty, user=user, environment=environment
    )
    stream = engine.start_exec(exec_id, tty=tty)
    try:
        if terminal is not None:
            terminal.relay(
                stream,
                resized=lambda columns, lines: engine.resize_exec(
                    exec_id, columns=columns, lines=lines
                ),
            )
        else:
            _relay(stream)
    finally:
        stream.close()
    return _exit_code(engine, exec_id, name)


def _ours(engine: Engine, name: str) -> Mapping[str, Any]:
    found = engine.inspect_container(name)
    if found is None:
        raise SpecError(f"there is no container {name}", hint="list those of ours by `toolkit ps`")
    if not label.is_ours(found["Config"].get("Labels")):
        raise SpecError(
            f"container {name} is not one of ours", hint=f"use `docker exec -it {name} sh`"
        )
    if not found["State"]["Running"]:
        raise NotRunningError(
            f"container {name} does not run", hint=f"start it by `docker start {name}`"
        )
    return found


def _relay(stream: ByteStream) -> None:
    """Pass on our input, and both outputs, each to its own."""
    Terminal.feed(stream)
    decoder = AttachDecoder()
    while data := stream.recv():
        for name, chunk in decoder.feed(data):
            out = sys.stdout if name == "stdout" else sys.stderr
            out.buffer.write(chunk)
            out.buffer.flush()


def _exit_code(engine: Engine, exec_id: str, name: str) -> int:
    deadline = time.monotonic() + _END_SECONDS
    while time.monotonic() < deadline:  # the stream may end a moment before the program
        code = engine.exec_exit_code(exec_id)
        if code is not None:
            return code
        time.sleep(0.02)
    raise DiedError(
        f"container {name} ended, or the connection to it was lost",
        hint="look by `toolkit ps` whether it still runs",
    )
