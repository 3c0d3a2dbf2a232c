"""Judgements on the way to the engine: address, socket, permission, answer, kind."""

from __future__ import annotations

import shlex
from typing import Final
from urllib.parse import urlsplit

from toolkit.doctor.check import Finding, Fix
from toolkit.doctor.facts import Chosen, Detour, Kind, Others, Permission, Reach, Socket

_START: Final = Fix("start an engine", ("toolkit engine start",), auto=True)
# By what its socket's path contains; the first that fits.
_PROVIDERS: Final = (
    (".colima", Fix("start Colima", ("colima start",))),
    (".config/colima", Fix("start Colima", ("colima start",))),
    (".orbstack", Fix("start OrbStack", ("orb start",))),
    (".docker/desktop", Fix("start Docker Desktop", ("systemctl --user start docker-desktop",))),
    (".docker/run", Fix("start Docker Desktop", ("docker desktop start",))),
    (".rd/", Fix("start Rancher Desktop", ("rdctl start",))),
    (".lima/", Fix("start Lima", ("limactl start",))),
    ("/run/podman/", Fix("start Podman's socket", ("sudo systemctl start podman.socket",))),
    ("podman", Fix("start Podman's socket", ("systemctl --user start podman.socket",))),
    ("/run/user/", Fix("start the rootless engine", ("systemctl --user start docker",))),
)
_MACHINES: Final = (
    ("docker desktop", "Docker Desktop"),
    ("rancher desktop", "Rancher Desktop"),
    ("orbstack", "OrbStack"),
)


def resolve(seen: Chosen) -> Finding:
    """endpoint.resolve."""
    data = {"address": seen.address, "origin": seen.origin}
    if seen.error is None:
        return Finding(f"{seen.address}, chosen by {seen.origin}", data=data)
    gone = "does not exist" in seen.error
    return Finding(
        seen.error,
        problem="error",
        why=f"{seen.error}."
        + (" docker-py would silently use /var/run/docker.sock instead." if gone else ""),
        fix=Fix(seen.hint or "correct the address", (_way_back(seen.error, gone=gone),)),
        data=data,
    )


def _way_back(error: str, *, gone: bool) -> str:
    if not gone:
        return "unset DOCKER_HOST"
    return "unset DOCKER_CONTEXT" if "DOCKER_CONTEXT" in error else "docker context use default"


def socket(seen: Socket) -> Finding:
    """endpoint.socket."""
    if seen.kind == "remote":
        return Finding("the endpoint is not a socket of this machine", data={"kind": "remote"})
    data = {
        "kind": seen.kind,
        "path": seen.path,
        "owner": seen.owner,
        "group": seen.group,
        "gid": seen.gid,
        "mode": f"{seen.mode:04o}",
        "target": seen.target,
    }
    if seen.kind in {"socket", "hidden"}:
        return Finding(f"{seen.path} is there", data=data)
    texts = {
        "missing": f"{seen.path} does not exist.",
        "dangling": f"{seen.path} is a link to {seen.target}, which does not exist.",
        "directory": f"{seen.path} is a directory: a missing socket was bind-mounted.",
        "other": f"{seen.path} is a file, not a socket.",
    }
    return Finding(
        texts[seen.kind].rstrip("."),
        problem="error",
        why=texts[seen.kind] + _elsewhere(seen.path, seen.others),
        fix=_socket_fix(seen),
        data=data,
    )


def _socket_fix(seen: Socket) -> Fix:
    if seen.others:
        return _use(seen.others[0])
    if seen.kind == "directory":
        return Fix(
            "remove the directory and mount the real socket",
            (f"rmdir {shlex.quote(seen.path)}", "toolkit engine start"),
        )
    if seen.kind == "other":
        return Fix("remove the file, and start an engine", ("toolkit engine start",))
    return _provider_fix(seen.target or seen.path)


def _provider_fix(path: str) -> Fix:
    return next((fix for part, fix in _PROVIDERS if part in path), _START)


def _use(path: str) -> Fix:
    address = shlex.quote(f"unix://{path}")
    return Fix("use the engine that answers", (f"export DOCKER_HOST={address}",))


def _elsewhere(here: str, others: tuple[str, ...]) -> str:
    return f" We look at {here}; an engine answers at {others[0]}." if others else ""


def permission(seen: Permission) -> Finding:
    """endpoint.permission."""
    socket = seen.socket
    data = {"uid": seen.uid, "groups": list(seen.groups), "gid": socket.gid}
    if seen.writable:
        return Finding(f"{seen.user} may talk to the engine", data=data)
    shown = (
        f"owner {socket.owner}, group {socket.group} {socket.gid}, mode {socket.mode:04o}"
        if socket.kind == "socket"
        else "in a folder that you may not enter"
    )
    groups = ", ".join(map(str, seen.groups))
    return Finding(
        f"{seen.user} may not talk to the engine",
        problem="error",
        why=f"You may not talk to the engine at unix://{socket.path} ({shown}; you are uid "
        f"{seen.uid}, groups {groups}).",
        fix=_permission_fix(seen),
        data=data,
    )


def _permission_fix(seen: Permission) -> Fix:
    path, gid = shlex.quote(seen.socket.path), seen.socket.gid
    if seen.selinux and seen.uid == 0:
        return Fix(
            "start this container without SELinux's confinement",
            (f"docker run --security-opt label=disable -v {path}:{path} IMAGE",),
        )
    if seen.rootless and seen.rootless != seen.socket.path:
        return _use(seen.rootless)
    if seen.in_container and gid >= 0:
        return Fix(
            "start this container in the socket's group",
            (f"docker run --group-add {gid} -v {path}:{path} IMAGE",),
        )
    if seen.in_group_file:
        return Fix(
            "log in again: the group is entered, but this process was started before",
            (f"newgrp {shlex.quote(seen.socket.group)}",),
        )
    if seen.socket.group in {"", "root"}:
        return Fix("run this as root, or set DOCKER_HOST to an engine of your own")
    group, user = shlex.quote(seen.socket.group), shlex.quote(seen.user)
    return Fix("join the group and log in again", (f"sudo usermod -aG {group} {user}",))


def reach(seen: Reach) -> Finding:
    """endpoint.reach."""
    if seen.error is None:
        return Finding(
            f"the engine answers in {seen.milliseconds} ms", data={"ms": seen.milliseconds}
        )
    fix = _use(seen.others[0]) if seen.others else _reach_fix(seen)
    return Finding(
        seen.error,
        problem="error",
        why=f"{seen.error}.{_elsewhere(seen.address, seen.others)}",
        fix=fix,
        data={"others": list(seen.others)},
    )


def _reach_fix(seen: Reach) -> Fix:
    if seen.address.startswith("unix://") and "stopped" in (seen.error or ""):
        return _provider_fix(seen.address)
    return Fix(seen.hint or "look at the log of the engine")


def kind(seen: Kind) -> Finding:
    """endpoint.kind."""
    provider = provider_of(seen)
    data = {"provider": provider, "secure": seen.secure}
    scheme, _, rest = seen.address.partition("://")
    if scheme == "unix":
        where = "on this machine" if provider in {"Docker", "Podman"} else "in a virtual machine"
        return Finding(f"{provider}, {where}", data=data)
    host = urlsplit(seen.address).hostname or rest
    if scheme in {"tcp", "http"} and not seen.secure and not _is_loopback(host):
        return Finding(
            f"the connection to {host} is neither encrypted nor authenticated",
            problem="warn",
            why=f"{seen.address} is tcp without TLS: whoever reaches that port is root there.",
            fix=Fix("use TLS, or ssh", (f"export DOCKER_HOST=ssh://{shlex.quote(host)}",)),
            data=data,
        )
    if _is_loopback(host):
        return Finding(f"{provider}, by {scheme} on this machine's own network", data=data)
    return Finding(
        f"{provider} on {host}: folders of this machine cannot be mounted there",
        problem="warn",
        why=f"The engine at {seen.address} runs elsewhere, so bind mounts show its own disk.",
        fix=Fix("work with copies, or with an engine on this machine"),
        data=data,
    )


def proxy(seen: Detour) -> Finding:
    """endpoint.proxy."""
    data = {"host": seen.host, "variable": seen.variable, "proxy": seen.proxy}
    if seen.variable:
        host = shlex.quote(seen.host)
        return Finding(
            f"calls of the engine would go by the proxy of {seen.variable}",
            problem="warn",
            why=f"{seen.variable}={seen.proxy} applies to {seen.host}, which NO_PROXY does not "
            "name; a proxy that is not made for it breaks attached streams.",
            fix=Fix(
                "take the engine's host out of the proxy's reach",
                (f'export NO_PROXY="${{NO_PROXY:+$NO_PROXY,}}"{host}',),
            ),
            data=data,
        )
    if seen.refuses:
        return Finding(
            "a proxy before the engine lets nothing be created",
            problem="warn",
            why=f"POST /containers/create was refused: {seen.refuses}.",
            fix=Fix("allow POST, CONTAINERS and EXEC in the proxy: POST=1 CONTAINERS=1 EXEC=1"),
            data=data,
        )
    return Finding("nothing stands before the engine", data=data)


def others(seen: Others) -> Finding:
    """endpoint.others."""
    data = {"others": list(seen.addresses)}
    if not seen.addresses:
        return Finding("no other engine answers on this machine", data=data)
    return Finding(
        f"other engines answer, too: {', '.join(seen.addresses)}",
        problem="info",
        why=f"This one is {seen.here}; an image that was built in one is not in the others.",
        fix=Fix("say which is meant, if it is another", _use(seen.addresses[0]).commands),
        data=data,
    )


def provider_of(seen: Kind) -> str:
    """Name what runs the engine, by what it says of itself."""
    system, name = seen.operating_system.lower(), seen.name.lower()
    if seen.flavour == "podman":
        return "Podman"
    for prefix, provider in _MACHINES:
        if system.startswith(prefix):
            return provider
    for prefix in ("colima", "lima"):
        if name.startswith(prefix):
            return prefix.capitalize()
    return "Docker"


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")
