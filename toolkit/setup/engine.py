"""An engine where there is none: the distribution's own, installed and started.

The decisions are in `plan`; here they are carried out. Hidden here: how a daemon is started so
that it outlives us and our terminal, how long one waits for it, and where it says why it died.
"""

from __future__ import annotations

import getpass
import os
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, NoReturn

from toolkit.engine import connect
from toolkit.engine.endpoint import DEFAULT_ADDRESS, Endpoint, home_folder, resolve
from toolkit.errors import EngineError, EngineNotFoundError, EngineUnreachableError, Hint
from toolkit.setup import machine as found
from toolkit.setup import packages
from toolkit.setup.plan import (
    Act,
    Answer,
    AsRoot,
    Await,
    Facts,
    Install,
    Refuse,
    Start,
    UseIt,
    plan,
)
from toolkit.setup.programs import (
    Command,
    Consent,
    Ended,
    Rights,
    Say,
    find,
    rights,
    run,
    tail,
    with_proxies,
)

_LOG: Final = "/var/log/dockerd.log"
_PING_TIMEOUT: Final = 5.0
_POLL: Final = 0.2
_BIRTH: Final = 5.0
_SERVICES: Final[Mapping[str, Command]] = {
    "systemd": ("systemctl", "start", "docker"),
    "service": ("service", "docker", "start"),
}
# The client's variables; dockerd would read the TLS ones as its own and refuse to start.
_CLIENT_ONLY: Final = (
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
    "DOCKER_API_VERSION",
    "NOTIFY_SOCKET",
)
# Runs as root, by sudo where need be, and ends at once: the daemon is init's child then, in a
# session of its own. Not `sh -c "dockerd &"`: that would leave SIGINT ignored in all containers.
_DETACH: Final = """
import os, subprocess, sys
os.umask(0o022)
with open(sys.argv[2], "ab") as log:
    daemon = subprocess.Popen([sys.argv[1]], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                              cwd="/", start_new_session=True)
print(daemon.pid)
"""


@dataclass(frozen=True, slots=True)
class _Task:
    """The world as it was handed in, and the endpoint that shall answer."""

    endpoint: Endpoint
    env: Mapping[str, str]
    access: Rights
    consent: Consent
    say: Say
    seconds: float

    @property
    def is_root(self) -> bool:
        return self.access.prefix == ()


def start_engine(
    *,
    consent: Consent,
    say: Say,
    env: Mapping[str, str] | None = None,
    seconds: float = 60.0,
) -> Endpoint:
    """Make sure that an engine answers, and give the endpoint where it does.

    `say` is told each thing that was done; `consent` is asked before anything is installed;
    `seconds` is how long a started daemon may take to answer. What cannot be done raises
    EngineError with the commands to type.
    """
    world = os.environ if env is None else env
    task = _Task(
        endpoint=resolve(None, env=world, home=home_folder(world)),
        env=world,
        access=rights(env=world),
        consent=consent,
        say=say,
        seconds=seconds,
    )
    if task.endpoint.origin == "found" and _answer(task) == "silent":
        # Nobody asked for that socket: it is only what a stopped engine left behind.
        task = replace(task, endpoint=Endpoint(DEFAULT_ADDRESS, "default"))
    acts = plan(_facts(task))
    while acts:
        acts = _do(acts[0], task) or acts[1:]
    return task.endpoint


def _facts(task: _Task) -> Facts:
    script = Path("/etc/init.d/docker").exists() and find("service", task.env) is not None
    return Facts(
        answer=_answer(task),
        local=task.endpoint.address == DEFAULT_ADDRESS,
        installed=find("dockerd", task.env) is not None,
        daemon=found.daemon(),
        systemd=Path("/run/systemd/system").is_dir(),
        init_script=script,
        cgroups=found.cgroups_mounted(),
        leftovers=tuple(found.leftovers()),
        log=_LOG,
    )


def _answer(task: _Task) -> Answer:
    path = task.endpoint.socket_path
    if path and os.access(path, os.F_OK) and not os.access(path, os.R_OK | os.W_OK):
        return "denied"
    # A context's address alone would lack its certificates, so `connect` resolves it again.
    address = None if task.endpoint.origin.startswith("context") else task.endpoint.address
    try:
        with connect(address, env=task.env, timeout=_PING_TIMEOUT) as engine:
            engine.ping()
    except EngineError:
        return "silent"
    return "answers"


def _do(act: Act, task: _Task) -> tuple[Act, ...]:
    """Carry out one act; what is returned replaces the rest of the plan, nothing keeps it."""
    match act:
        case Install():
            _install(task)
            return plan(_facts(task))
        case Start():
            return _start(act, task)
        case Refuse(why):
            _refuse(why, task)
        case UseIt():
            task.say(f"an engine answers at {task.endpoint} ({task.endpoint.origin})")
        case Await(daemon):
            task.say(f"dockerd runs already (process {daemon}); waiting for its answer")
            _wait(task, lambda: found.daemon() is not None, log=None, start=0)
        case AsRoot(command, done):
            _as_root(command, task)
            task.say(done)
    return ()


def _refuse(why: Literal["denied", "elsewhere"], task: _Task) -> NoReturn:
    if why == "elsewhere":
        raise EngineUnreachableError(
            f"no engine answers at {task.endpoint}, chosen by {task.endpoint.origin}, "
            "and only the engine of this machine can be started here",
            hint=Hint(
                "start that engine where it lives, or choose this machine's: "
                "unset DOCKER_HOST DOCKER_CONTEXT; docker context use default",
                check="endpoint.resolve",
            ),
        )
    user = getpass.getuser()
    raise EngineUnreachableError(
        f"an engine's socket is at {task.endpoint}, and {user} may not talk to it",
        hint=Hint(
            f"type: sudo usermod -aG docker {shlex.quote(user)}; then log in again",
            check="endpoint.permission",
        ),
    )


def _install(task: _Task) -> None:
    packages.require(
        "engine", "dockerd", env=task.env, access=task.access, consent=task.consent, say=task.say
    )


def _as_root(command: Command, task: _Task) -> Ended:
    ended = run(task.access.grant(command), env=task.env)
    if ended.code != 0:
        raise EngineError(
            f"`{shlex.join(command)}` failed: {ended.reason}",
            hint=f"mend that, and type: {packages.by_hand((command,), root=task.is_root)}",
        )
    return ended


def _start(act: Start, task: _Task) -> tuple[Act, ...]:
    start = _size(act.log)
    if act.way == "direct":
        _start_direct(act, task, start)
        return ()
    command = _SERVICES[act.way]
    ended = run(task.access.grant(command), env=_daemon_env(task.env))
    if ended.code == 0:
        _await_service(act, command, task, start)
        return ()
    if act.otherwise:
        task.say(f"`{shlex.join(command)}` did not work ({ended.reason}); starting dockerd itself")
        return act.otherwise
    raise EngineError(
        f"`{shlex.join(command)}` failed: {ended.reason}",
        hint="read why: journalctl -u docker -n 50",
    )


def _await_service(act: Start, command: Command, task: _Task, start: int) -> None:
    log = act.log if act.log and Path(act.log).exists() else None
    task.say(f"started dockerd by `{shlex.join(command)}`" + (f", log in {log}" if log else ""))
    born = time.monotonic()
    # The init script returns before the daemon has written its process id.
    _wait(
        task,
        lambda: found.daemon() is not None or time.monotonic() - born < _BIRTH,
        log=log,
        start=start,
    )


def _start_direct(act: Start, task: _Task, start: int) -> None:
    log = act.log or _LOG
    daemon = find("dockerd", task.env) or "dockerd"
    script: Command = (sys.executable, "-I", "-c", _DETACH, daemon, log)
    env = _daemon_env(task.env)
    ended = run(task.access.grant(with_proxies(script, env)), env=env)
    if ended.code != 0 or not ended.reason.isdecimal():
        by_hand = packages.by_hand(((daemon,),), root=task.is_root)
        raise EngineError(f"dockerd could not be started: {ended.reason}", hint=f"type: {by_hand}")
    pid = int(ended.reason)
    task.say(f"started {daemon} (process {pid}), log in {log}")
    _wait(task, lambda: found.is_alive(pid) or found.daemon() is not None, log=log, start=start)


def _daemon_env(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name not in _CLIENT_ONLY}


def _wait(task: _Task, alive: Callable[[], bool], *, log: str | None, start: int) -> None:
    end = time.monotonic() + task.seconds
    while time.monotonic() < end:
        living = alive()
        answer = _answer(task)
        if answer == "answers":
            task.say(f"the engine answers at {task.endpoint}")
            return
        if answer == "denied":
            _refuse("denied", task)
        if not living:
            raise EngineNotFoundError(
                f"dockerd ended before it answered at {task.endpoint}{_last_words(log, start)}",
                hint=_advice(log),
            )
        time.sleep(_POLL)
    raise EngineUnreachableError(
        f"dockerd runs and did not answer at {task.endpoint} within {task.seconds:.0f} s"
        + _last_words(log, start),
        hint=_advice(log),
    )


def _advice(log: str | None) -> str:
    where = f"read {log}" if log else "read the log of dockerd (journalctl -u docker)"
    return f"{where}, mend what it says, and run `toolkit engine start` again"


def _last_words(log: str | None, start: int) -> str:
    try:
        with Path(log or os.devnull).open("rb") as file:
            lines = tail(file, start=start)
    except OSError:
        return ""
    ending = "".join(f"\n  {line}" for line in lines)
    return f"; its log ends with:{ending}" if lines else ""


def _size(log: str | None) -> int:
    try:
        return Path(log).stat().st_size if log else 0
    except OSError:
        return 0
