"""Which engine, and why that one: argument, environment, contexts, default, known sockets.

Contexts are read by ourselves because docker-py uses the default socket, and so perhaps the wrong
engine, when a context is gone. A function of the environment, the home folder and a way to look at
files; no connection is made.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from toolkit.errors import EngineNotFoundError, Hint

DEFAULT_ADDRESS: Final = "unix:///var/run/docker.sock"
_SCHEMES: Final = ("unix", "tcp", "http", "https", "ssh")


@dataclass(frozen=True, slots=True)
class Tls:
    """Files for a TLS connection; without `verify` the engine's certificate is not checked."""

    ca: str | None
    cert: str | None
    key: str | None
    verify: bool


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an engine is. `origin` says why: `argument`, `DOCKER_HOST`, `context x`, `found`."""

    address: str
    origin: str
    tls: Tls | None = None

    @property
    def socket_path(self) -> Path | None:
        """The socket's path, where the address is one of a Unix socket."""
        if not self.address.startswith("unix://"):
            return None
        return Path(self.address.removeprefix("unix://"))

    @property
    def reason(self) -> str:
        """Why it is this one, in words."""
        return {
            "argument": "it was given",
            "default": "it is the default, and nothing says another",
            "found": "nothing is at the default socket, and something at this one",
        }.get(self.origin, f"{self.origin} says so")

    def __str__(self) -> str:
        """Return the address as it may be shown: without a password."""
        parts = urlsplit(self.address)
        if parts.password is None:
            return self.address
        return self.address.replace(f":{parts.password}@", ":***@", 1)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class _World:
    env: Mapping[str, str]
    home: Path
    read: Callable[[Path], bytes | None]
    is_socket: Callable[[Path], bool]

    @property
    def config_dir(self) -> Path:
        given = self.env.get("DOCKER_CONFIG")
        return Path(given) if given else self.home / ".docker"


def home_folder(env: Mapping[str, str]) -> Path:
    """Give the user's home; where there is none, a folder that does not exist.

    A uid without an entry in passwd and without HOME has neither configuration nor contexts.
    """
    if home := env.get("HOME"):
        return Path(home)
    try:
        return Path.home()
    except RuntimeError:
        return Path("/nonexistent")


def resolve(
    explicit: str | None,
    *,
    env: Mapping[str, str],
    home: Path,
    read: Callable[[Path], bytes | None] = _read,
    is_socket: Callable[[Path], bool] = _is_socket,
) -> Endpoint:
    """Choose the engine's address; `EngineNotFoundError` for a context or address that is none.

    `read` gives a file's bytes or None; `is_socket` tells whether there is a socket at a path.
    """
    world = _World(env, home, read, is_socket)
    if explicit:
        return _from_address(explicit, "argument", world)
    if host := env.get("DOCKER_HOST"):
        return _from_address(host, "DOCKER_HOST", world)
    if name := env.get("DOCKER_CONTEXT"):
        return _from_context(name, "DOCKER_CONTEXT", world)
    if name := _current_context(world):
        return _from_context(name, str(world.config_dir / "config.json"), world)
    return _default(world)


def known_sockets(env: Mapping[str, str], home: Path) -> Iterator[Path]:
    """Where engines are known to listen, the likeliest first."""
    yield Path("/var/run/docker.sock")
    if runtime := env.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "docker.sock"
    yield home / ".docker/run/docker.sock"
    yield home / ".docker/desktop/docker.sock"
    yield home / ".colima/default/docker.sock"
    yield home / ".colima/docker.sock"
    yield home / ".config/colima/default/docker.sock"
    yield home / ".orbstack/run/docker.sock"
    yield home / ".rd/docker.sock"
    yield from sorted(home.glob(".lima/*/sock/docker.sock"))
    yield Path(f"/run/user/{os.getuid()}/docker.sock")
    yield Path("/run/podman/podman.sock")
    if runtime:
        yield Path(runtime) / "podman/podman.sock"
    yield Path(f"/run/user/{os.getuid()}/podman/podman.sock")


def _default(world: _World) -> Endpoint:
    for path in known_sockets(world.env, world.home):
        if world.is_socket(path):
            address = f"unix://{path}"
            return Endpoint(address, "default" if address == DEFAULT_ADDRESS else "found")
    return Endpoint(DEFAULT_ADDRESS, "default")


def _current_context(world: _World) -> str | None:
    config = _json(world.read(world.config_dir / "config.json"))
    name = config.get("currentContext")
    return name if isinstance(name, str) and name else None


def _from_context(name: str, named_by: str, world: _World) -> Endpoint:
    if name == "default":
        return _default(world)
    key = hashlib.sha256(name.encode()).hexdigest()
    contexts = world.config_dir / "contexts"
    docker = _docker_part(_json(world.read(contexts / "meta" / key / "meta.json")))
    host = docker.get("Host")
    if not isinstance(host, str) or not host:
        raise EngineNotFoundError(
            f"the Docker context `{name}`, named by {named_by}, does not exist",
            hint=Hint(
                "unset DOCKER_CONTEXT"
                if named_by == "DOCKER_CONTEXT"
                else "run `docker context use default`",
                check="endpoint.resolve",
            ),
        )
    tls = _context_tls(contexts / "tls" / key / "docker", docker, world)
    return Endpoint(
        _normal(host, f"context {name}", secure=tls is not None), f"context {name}", tls
    )


def _docker_part(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    endpoints = meta.get("Endpoints")
    docker = endpoints.get("docker") if isinstance(endpoints, dict) else None
    return docker if isinstance(docker, dict) else {}


def _context_tls(folder: Path, docker: Mapping[str, Any], world: _World) -> Tls | None:
    ca, cert, key = (
        str(folder / name) if world.read(folder / name) is not None else None
        for name in ("ca.pem", "cert.pem", "key.pem")
    )
    skip = docker.get("SkipTLSVerify") is True
    if ca is None and cert is None and not skip:
        return None
    return Tls(ca, cert, key, verify=not skip)


def _from_address(address: str, origin: str, world: _World) -> Endpoint:
    tls = _env_tls(world) if address.startswith(("tcp://", "https://")) else None
    return Endpoint(_normal(address, origin, secure=tls is not None), origin, tls)


def _env_tls(world: _World) -> Tls | None:
    verify = bool(world.env.get("DOCKER_TLS_VERIFY"))
    folder = world.env.get("DOCKER_CERT_PATH")
    if not verify and not folder:
        return None
    base = Path(folder) if folder else world.config_dir
    ca, cert, key = (str(base / name) for name in ("ca.pem", "cert.pem", "key.pem"))
    return Tls(ca, cert, key, verify)


def _normal(address: str, origin: str, *, secure: bool) -> str:
    """One spelling per address; `EngineNotFoundError` where it is none."""
    scheme, separator, rest = address.partition("://")
    if not separator or scheme not in _SCHEMES or not rest.strip("/"):
        raise EngineNotFoundError(
            f"`{address}`, given by {origin}, is not the address of an engine",
            hint=Hint(
                "write it as unix:///path/to/docker.sock, tcp://host:port or ssh://user@host",
                check="endpoint.resolve",
            ),
        )
    if scheme == "unix":
        return f"unix:///{rest.lstrip('/')}"
    if scheme == "tcp" and _port(address) is None:
        return f"{address.rstrip('/')}:{2376 if secure else 2375}"
    return address.rstrip("/")


def _port(address: str) -> int | None:
    try:
        return urlsplit(address).port
    except ValueError:
        return None


def _json(data: bytes | None) -> Mapping[str, Any]:
    """Read a JSON object, or nothing: a file that cannot be read is doctor's business."""
    try:
        found = json.loads(data) if data else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
