"""Judgements on this side of the socket: Python, docker-py, its configuration, the environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from packaging.version import Version

from toolkit.doctor.check import Finding, Fix
from toolkit.doctor.facts import Client, DockerConfig, Environment

OLDEST_PYTHON: Final = (3, 11)
OLDEST_DOCKER_PY: Final = Version("7.1")
GOOD_DOCKER_PY: Final = Version("7.2")

_UPGRADE: Final = Fix("upgrade docker-py", ("pip install -U docker",))
_BENDING: Final = (
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "PYTHONHOME",
)


def python(seen: Client) -> Finding:
    """client.python."""
    written = ".".join(map(str, seen.python))
    data = {"python": written, "docker_py": seen.docker_py}
    if seen.python[:2] < OLDEST_PYTHON:
        return Finding(
            f"Python {written} is too old",
            problem="error",
            why=f"Python {written} runs this; 3.11 is the oldest that is supported.",
            fix=Fix("install a newer Python and make the environment anew"),
            data=data,
        )
    if seen.docker_py is None:
        return Finding(
            "docker-py is not installed",
            problem="error",
            why="The package `docker` cannot be imported, and nothing can be said to an engine.",
            fix=_UPGRADE,
            data=data,
        )
    version = Version(seen.docker_py)
    if version < GOOD_DOCKER_PY:
        return Finding(
            f"docker-py {seen.docker_py} is old",
            problem="error" if version < OLDEST_DOCKER_PY else "warn",
            why=f"docker-py {seen.docker_py} is installed; 7.2 is the first that knows contexts.",
            fix=_UPGRADE,
            data=data,
        )
    return Finding(f"Python {written}, docker-py {seen.docker_py}", data=data)


def config(seen: DockerConfig) -> Finding:
    """client.config."""
    data = {"path": str(seen.path), "helpers": dict(seen.helpers)}
    if not seen.present:
        return Finding(f"there is no {seen.path}, and none is needed", data=data)
    if seen.error is not None:
        return Finding(
            f"{seen.path} {seen.error}",
            problem="warn",
            why="Contexts, registry logins and proxies are read from that file, so none is known.",
            fix=Fix(f"correct {seen.path}, or move it away"),
            data=data,
        )
    missing = [name for name, found in seen.helpers.items() if not found]
    if missing:
        programs = ", ".join(f"docker-credential-{name}" for name in missing)
        return Finding(
            f"credential programs are missing: {programs}",
            problem="warn",
            why=f"{seen.path} names {programs}, not found on PATH; pulls that need a login fail.",
            fix=Fix(f"install {programs}, or remove the entry from {seen.path}"),
            data=data,
        )
    return Finding(f"{seen.path} is in order", data=data)


def environment(seen: Environment) -> Finding:
    """client.env."""
    troubles = (*_conflicts(seen), *_bent(seen))
    data = {"variables": sorted(seen.variables)}
    if not troubles:
        return Finding("no variables are in each other's way", data=data)
    names = [name for name, _ in troubles]
    return Finding(
        f"variables to look at: {', '.join(names)}",
        problem="warn",
        why=" ".join(text for _, text in troubles),
        fix=Fix("unset what is not meant", tuple(f"unset {name}" for name in dict.fromkeys(names))),
        data=data,
    )


def _conflicts(seen: Environment) -> Iterator[tuple[str, str]]:
    env = seen.variables
    host, context = env.get("DOCKER_HOST"), env.get("DOCKER_CONTEXT")
    if host and context:
        yield "DOCKER_CONTEXT", f"DOCKER_HOST={host} wins over DOCKER_CONTEXT={context}."
    elif host and seen.current_context not in {None, "default"}:
        yield "DOCKER_HOST", f"DOCKER_HOST={host} wins over the context `{seen.current_context}`."
    if env.get("DOCKER_TLS_VERIFY") and not host:
        yield "DOCKER_TLS_VERIFY", "DOCKER_TLS_VERIFY is set without DOCKER_HOST."
    if not seen.certificates:
        yield (
            "DOCKER_CERT_PATH",
            f"DOCKER_CERT_PATH={env['DOCKER_CERT_PATH']} is no folder with certificates.",
        )
    if "DOCKER_API_VERSION" in env:
        yield "DOCKER_API_VERSION", "DOCKER_API_VERSION is ignored by docker-py."


def _bent(seen: Environment) -> Iterator[tuple[str, str]]:
    env = seen.variables
    for name in seen.no_bundles:
        yield name, f"{name}={env[name]} names no file of PEM certificates."
    for name in _BENDING:
        if env.get(name):
            yield name, f"{name}={env[name]} bends where packages are installed on this machine."
