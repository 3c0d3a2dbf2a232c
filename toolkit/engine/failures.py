"""The one place where the exceptions of docker-py, requests, urllib3 and the OS become our errors.

Nobody else knows those classes. They are told apart by the module they come from and by what is
found along their chain, because docker-py wraps a missing socket four times and keeps no errno.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import socket
import ssl
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from toolkit.engine.endpoint import Endpoint
from toolkit.errors import (
    EngineError,
    EngineNotFoundError,
    EngineRefusedError,
    EngineTooOldError,
    EngineUnreachableError,
    Hint,
    ToolkitError,
)

_FOREIGN: Final = frozenset({"docker", "requests", "urllib3", "http"})
_BELOW: Final = frozenset({"paramiko", "socks", "OpenSSL", "cryptography", "charset_normalizer"})
"""What the foreign ones are built upon."""
_ELSEWHERE: Final = "set DOCKER_HOST to where an engine listens"
_START: Final = Hint(f"run `toolkit engine start`, or {_ELSEWHERE}", check="endpoint.reach")
_NO_SOCKET: Final = Hint(_START, check="endpoint.socket")
LOOK: Final = Hint("look whether the engine still runs", check="endpoint.reach")
UNKNOWN: Final = Hint(
    "run `toolkit doctor`, and look into the engine's own log if all is well there"
)
"""Where the engine's words are all that is known: one that is being stopped has many."""
_SPACE: Final = Hint(
    "free disk space where the engine keeps its data, e.g. by `docker builder prune`",
    check="engine.disk",
)

_TIMEOUTS: Final = frozenset(
    {"ReadTimeout", "ReadTimeoutError", "ConnectTimeout", "ConnectTimeoutError"}
)

_SocketKind = Literal["missing", "directory", "socket", "other", "none"]


@dataclass(frozen=True, slots=True)
class SocketFacts:
    """What lies at the path of a Unix address; `none` where the address is not one.

    `in_container` tells whether we seem to run in one.
    """

    kind: _SocketKind
    gid: int | None = None
    group: str | None = None
    in_container: bool = False


@contextlib.contextmanager
def translated(doing: str, endpoint: Endpoint) -> Iterator[None]:
    """Run the block; a foreign failure in it becomes an `EngineError` that says what was `doing`.

    `doing` is a gerund phrase: "creating a container". Our own errors, and errors of other
    modules, pass through; so does one that a signal handler of the program raised in the middle,
    and that docker-py has wrapped in its own.
    """
    before = frozenset(map(id, _chain(sys.exc_info()[1])))
    try:
        yield
    except ToolkitError:
        raise
    except Exception as error:
        if not _is_foreign(error):
            raise
        for inner in _chain(error):
            if id(inner) not in before and _is_the_programs(inner):
                raise inner from None
        raise classify(error, doing, endpoint, socket_facts(endpoint)) from error


def refused(doing: str, *, status: int, words: str) -> EngineRefusedError:
    """Return the error for an answer with that HTTP status; `words` are the engine's own."""
    said = words.strip()
    if not said:  # as one that is just being stopped
        said = f"the engine answered with HTTP status {status} and without a word"
        return EngineRefusedError(f"{doing} failed: {said}", hint=LOOK, status=status)
    return EngineRefusedError(f"{doing} failed: {said}", hint=hint_for(said), status=status)


def words_of(error: EngineRefusedError, doing: str) -> str:
    """Give back the engine's own words from an error that `refused` made."""
    return error.message.removeprefix(f"{doing} failed: ")


def hint_for(words: str) -> Hint:
    """Say what to do about an engine's message."""
    return _SPACE if is_disk_full(words) else UNKNOWN


def is_disk_full(words: str) -> bool:
    """Whether the engine's words say that its disk (or its quota) is full."""
    lowered = words.lower()
    return "no space left on device" in lowered or "disk quota exceeded" in lowered


def socket_facts(endpoint: Endpoint) -> SocketFacts:
    """Look at the endpoint's socket, once something has failed."""
    path = endpoint.socket_path
    if path is None:
        return SocketFacts("none")
    try:
        found = path.stat()
    except PermissionError:
        return SocketFacts("other")
    except OSError:
        return SocketFacts("missing")
    if not stat.S_ISSOCK(found.st_mode):
        return SocketFacts("directory" if stat.S_ISDIR(found.st_mode) else "other")
    return SocketFacts("socket", found.st_gid, _group(found.st_gid), looks_like_a_container())


def _group(gid: int) -> str | None:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return None


def looks_like_a_container() -> bool:
    """Tell whether this process seems to be in a container: good enough to choose a hint.

    /.dockerenv alone proves nothing: virtual machines made from images have it, too.
    """
    if Path("/run/.containerenv").exists():
        return True
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    roots = [line.split()[2] for line in mounts.splitlines() if line.split()[1:2] == ["/"]]
    return Path("/.dockerenv").exists() and "overlay" in roots


def classify(
    error: BaseException, doing: str, endpoint: Endpoint, facts: SocketFacts
) -> EngineError:
    """Return the error of ours for a foreign one; pure, given the facts about the socket."""
    chain = tuple(_chain(error))
    # OpenSSL and the resolver have numbers of their own, which only look like an errno.
    own_numbers = (ssl.SSLError, socket.gaierror)
    numbers = {
        e.errno
        for e in chain
        if isinstance(e, OSError) and not isinstance(e, own_numbers) and e.errno is not None
    }
    for attempt in (
        _answered(chain, doing),
        _too_old(chain, endpoint),
        _no_connection(numbers, endpoint, facts),
        _network(chain, endpoint),
        _not_docker(chain, doing, endpoint),
        _lost(chain, numbers, doing, endpoint),
    ):
        if attempt is not None:
            return attempt
    system = next((e for e in reversed(chain) if isinstance(e, OSError) and e.strerror), error)
    return EngineUnreachableError(
        f"{doing} failed at the Docker engine at {endpoint}: {_words(system)}", hint=LOOK
    )


def _is_foreign(error: Exception) -> bool:
    return isinstance(error, OSError) or type(error).__module__.split(".")[0] in _FOREIGN


def _is_the_programs(error: BaseException) -> bool:
    """Whether its class is neither a library's that speaks to engines, nor ours, nor Python's."""
    module = type(error).__module__.partition(".")[0]
    return module not in sys.stdlib_module_names | _FOREIGN | _BELOW | {__name__.partition(".")[0]}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Walk the error, its causes, its contexts and the errors that it carries as arguments."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__cause__, current.__context__]
        waiting += [item for item in current.args if isinstance(item, BaseException)]
        reason = getattr(current, "reason", None)
        waiting.append(reason if isinstance(reason, BaseException) else None)


def _named(chain: tuple[BaseException, ...], *names: str) -> BaseException | None:
    """Find the first error whose class, or one of whose bases, has one of the names."""
    for error in chain:
        if any(parent.__name__ in names for parent in type(error).__mro__):
            return error
    return None


def _answered(chain: tuple[BaseException, ...], doing: str) -> EngineError | None:
    error = _named(chain, "APIError")
    status = getattr(error, "status_code", None)
    if error is None or not isinstance(status, int):
        return None
    return refused(doing, status=status, words=str(getattr(error, "explanation", "") or ""))


def _too_old(chain: tuple[BaseException, ...], endpoint: Endpoint) -> EngineError | None:
    if _named(chain, "InvalidVersion") is None:
        return None
    return too_old(endpoint, "an API below 1.24")


def too_old(endpoint: Endpoint, found: str) -> EngineTooOldError:
    """Return the error for an engine with too old an API; `found` is what it offers."""
    return EngineTooOldError(
        f"the Docker engine at {endpoint} offers {found}, and API 1.41 is required",
        hint=Hint("upgrade the engine to Docker 20.10 or newer", check="engine.version"),
    )


def _no_connection(numbers: set[int], endpoint: Endpoint, facts: SocketFacts) -> EngineError | None:
    where = f"the Docker engine at {endpoint} cannot be reached"
    if facts.kind == "directory":
        return EngineUnreachableError(
            f"{where}: the path is a directory, not a socket",
            hint=Hint(
                "remove the directory, which is what mounting a missing socket makes, and mount"
                " the engine's socket",
                check="endpoint.socket",
            ),
        )
    if errno.ENOENT in numbers and facts.kind != "none":
        return EngineNotFoundError(
            f"no Docker engine at {endpoint}: the socket does not exist", hint=_NO_SOCKET
        )
    if numbers & {errno.EACCES, errno.EPERM}:
        return forbidden(endpoint, facts)
    if numbers & {errno.ECONNREFUSED, errno.ENOTSOCK, errno.EPROTOTYPE}:
        if facts.kind == "socket":
            return EngineUnreachableError(
                f"{where}: nothing listens on the socket, its engine has stopped", hint=_START
            )
        return EngineUnreachableError(f"{where}: connection refused", hint=_START)
    return None


def forbidden(endpoint: Endpoint, facts: SocketFacts) -> EngineUnreachableError:
    """Return the error for a socket that we may not open, with the way to be let in."""
    if facts.gid is None:
        hint = "use an account that may open the socket, or set DOCKER_HOST"
    elif facts.in_container:
        hint = f"start this container with `--group-add {facts.gid}`"
    elif not facts.group or facts.gid == 0:
        hint = "run as root, or set DOCKER_HOST to an engine of your own"
    else:
        hint = f"run `sudo usermod -aG {facts.group} $USER` and log in again"
    return EngineUnreachableError(
        f"the Docker engine at {endpoint} cannot be reached: permission denied",
        hint=Hint(hint, check="endpoint.permission"),
    )


def _lost(
    chain: tuple[BaseException, ...], numbers: set[int], doing: str, endpoint: Endpoint
) -> EngineError | None:
    # By exact name: urllib3 derives "could not connect" from its time-out.
    if any(isinstance(e, TimeoutError) or type(e).__name__ in _TIMEOUTS for e in chain):
        return EngineUnreachableError(
            f"the Docker engine at {endpoint} did not answer in time while {doing}",
            hint=Hint(
                "look whether the engine is busy or stuck, e.g. by `docker info`",
                check="endpoint.reach",
            ),
        )
    gone = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ESHUTDOWN}
    # urllib3 also says ProtocolError around errors of the system, which are no loss.
    broken = (
        ("RemoteDisconnected", "IncompleteRead") if numbers else ("HTTPException", "ProtocolError")
    )
    if numbers & gone or _named(chain, *broken) is not None:
        return lost(doing, endpoint)
    return None


def lost(doing: str, endpoint: Endpoint) -> EngineUnreachableError:
    """Return the error for a connection that ended in the middle of an answer."""
    return EngineUnreachableError(
        f"the Docker engine at {endpoint} closed the connection while {doing}",
        hint=LOOK,
    )


def _network(chain: tuple[BaseException, ...], endpoint: Endpoint) -> EngineError | None:
    where = f"the Docker engine at {endpoint} cannot be reached"
    if any(isinstance(error, socket.gaierror) for error in chain):
        return EngineUnreachableError(
            f"{where}: its name cannot be resolved",
            hint=Hint("correct the host name in the address", check="endpoint.reach"),
        )
    tls = _named(chain, "SSLError", "TLSParameterError")
    if tls is not None:
        return EngineUnreachableError(
            f"{where}: TLS failed: {_words(tls)}",
            hint=Hint(
                "correct DOCKER_CERT_PATH and DOCKER_TLS_VERIFY, or the context's certificates",
                check="endpoint.reach",
            ),
        )
    unreachable = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}
    if any(isinstance(e, OSError) and e.errno in unreachable for e in chain):
        return EngineUnreachableError(f"{where}: no route to its host", hint=_START)
    return None


def _not_docker(
    chain: tuple[BaseException, ...], doing: str, endpoint: Endpoint
) -> EngineError | None:
    # A connection that was closed is a bad status line too, to http.client.
    if _named(chain, "RemoteDisconnected") is not None:
        return None
    if _named(chain, "JSONDecodeError", "BadStatusLine", "InvalidHeader") is None:
        return None
    return EngineUnreachableError(
        f"what answers at {endpoint} is not a Docker engine: {doing} failed",
        hint=Hint(_ELSEWHERE, check="endpoint.reach"),
    )


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
