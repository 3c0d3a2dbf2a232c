"""Judgements on networks: proxies, the engine's bridge and its addresses, the registry."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Final
from urllib.parse import urlsplit

from toolkit.doctor.check import Finding, Fix
from toolkit.doctor.scenes import Bridge, Built, Forwarding, Pool, Proxies, Registry, Sibling

_LITTLE: Final = 3
"""Networks that can still be made; with fewer left, it is time to look."""
_DEFAULT: Final = (
    *(Pool(f"172.{number}.0.0/16", 16) for number in range(17, 32)),
    Pool("192.168.0.0/16", 20),
)
_WEB: Final = ("HTTP_PROXY", "HTTPS_PROXY")
_LOOPBACK: Final = re.compile(r"localhost|127\..*|::1")


def registry(seen: Registry) -> Finding:
    """net.registry."""
    data = {
        "image": seen.image,
        "registry": seen.host,
        "login": seen.login,
        "mirrors": list(seen.mirrors),
        "insecure": list(seen.insecure),
        "trouble": seen.trouble,
    }
    who = "with a login" if seen.login else "without a login"
    if not seen.error:
        known = "has" if seen.digest else "answers, and does not have"
        return Finding(f"{seen.host} {known} {seen.image}, asked {who}", data=data)
    commands = (f"docker login {shlex.quote(seen.host)}",)
    return Finding(
        f"the engine cannot get {seen.image} from {seen.host}",
        problem="warn",
        why=f"{seen.error}. The engine itself asked {seen.host}, {who}.",
        fix=Fix(
            seen.hint or "use a mirror, or a base image that is there already",
            commands
            if seen.trouble == "denied" or (seen.trouble == "limited" and not seen.login)
            else (),
        ),
        data=data,
    )


def proxies(seen: Proxies) -> Finding:
    """net.proxy."""
    data = {"environment": dict(seen.env), "engine": dict(seen.engine)}
    data["containers"] = dict(seen.containers)
    if seen.silent:
        return Finding(
            f"the proxy of {', '.join(seen.silent)} does not answer",
            problem="warn",
            why=f"{_shown(seen.env, seen.silent)}: nothing accepts a connection there.",
            fix=Fix("correct it, or do without", tuple(f"unset {name}" for name in seen.silent)),
            data=data,
        )
    if inner := [name for name in _WEB if _LOOPBACK.fullmatch(_host(seen.containers.get(name)))]:
        return Finding(
            f"the proxy for containers ({', '.join(inner)}) is at a loopback address",
            problem="warn",
            why=f"{seen.config} gives containers {_shown(seen.containers, inner)}: to a container "
            "that is the container itself.",
            fix=Fix(f"name the proxy in {seen.config} by an address that containers reach"),
            data=data,
        )
    ours = [name for name in _WEB if seen.env.get(name)]
    if seen.local and (missing := [name for name in ours if not seen.engine.get(name)]):
        return Finding(
            f"the engine does not use the proxy of {', '.join(missing)}",
            problem="warn",
            why=f"{', '.join(missing)} of this environment is nothing to the engine, which pulls "
            "images by itself and has no such proxy.",
            fix=Fix("set `proxies` in the engine's daemon.json, and start it again"),
            data=data,
        )
    if missing := [name for name in ours if not seen.containers.get(name)]:
        return Finding(
            f"containers do not use the proxy of {', '.join(missing)}",
            problem="warn",
            why=f"Builds are given {', '.join(missing)}; the containers of code are given what "
            f"`proxies` in {seen.config} says, which is nothing.",
            fix=Fix(f"set `proxies.default` in {seen.config}, if code needs the network"),
            data=data,
        )
    places = {"this environment": seen.env, "the engine": seen.engine}
    places["containers"] = seen.containers
    using = [place for place, found in places.items() if any(found.get(name) for name in _WEB)]
    return Finding(f"used by {', '.join(using)}" if using else "none is used", data=data)


def _host(address: str | None) -> str:
    written = address or ""
    try:
        return urlsplit(written if "://" in written else f"//{written}").hostname or ""
    except ValueError:
        return ""


def _shown(variables: Mapping[str, str], names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"{name}={variables[name]}" for name in names)


def bridge(seen: Bridge) -> Finding:
    """net.bridge."""
    whole, used = _addresses(seen)
    data = {"networks": len(seen.subnets), "pools": whole, "used": used}
    data["forwarding"] = bool(seen.forwarding)
    left = whole - used
    if seen.interface and not seen.has_interface:
        return Finding(
            f"the bridge {seen.interface} is gone",
            problem="error",
            why=f"The engine's default network is the bridge {seen.interface}, and this machine "
            "has no such interface: a second engine that was started here may have removed it.",
            fix=Fix("start the engine again", ("sudo systemctl restart docker",)),
            data=data,
        )
    if seen.forwarding is False:
        return Finding(
            "the engine's machine does not forward packets",
            problem="error",
            why="IPv4 forwarding is off there, so containers reach nothing but each other.",
            fix=Fix("switch it on", ("sudo sysctl -w net.ipv4.ip_forward=1",)),
            data=data,
        )
    if left > _LITTLE:
        return Finding(f"{used} of {whole} address pools are used", data=data)
    return Finding(
        f"{used} of the engine's {whole} address pools are used",
        problem="error" if left <= 0 else "warn",
        why=f"Each network takes one of {whole} pools, and {used} are taken by "
        f"{len(seen.subnets)} networks: soon none can be made.",
        fix=Fix("remove the networks that nobody uses", ("docker network prune --force",)),
        data=data,
    )


def forwarded(seen: Forwarding) -> Finding:
    """net.bridge, with --deep: its second part."""
    data = {"dropped": seen.late and seen.here, "policy": seen.policy}
    if seen.untried or (seen.late and not seen.here):
        return Finding(seen.untried or "nobody reaches the index", skipped=True, data=data)
    if not seen.late:
        return Finding("what containers send is let through", data=data)
    bridge = seen.interface or "docker0"
    by = f" by {seen.policy}" if seen.policy else ""
    fix = Fix("start the engine again, which writes its rules", ("sudo systemctl restart docker",))
    if seen.table:
        rule = f"sudo nft insert rule {seen.table}"
        answers = f"{rule} oifname {bridge} ct state established,related accept"
        fix = Fix("let containers through there", (f"{rule} iifname {bridge} accept", answers))
    return Finding(
        f"what containers send is dropped{by}",
        problem="error",
        why=f"This machine reaches {seen.index}, and a container waits in vain for an answer: its "
        f"packets are dropped on the way{by}.",
        fix=fix,
        data=data,
    )


def _addresses(seen: Bridge) -> tuple[int, int]:
    """How many networks the pools are for, and how many of those are taken."""
    whole = used = 0
    for pool in seen.pools or _DEFAULT:
        base = IPv4Network(pool.base, strict=False)
        size = max(pool.size, base.prefixlen)
        whole += 1 << (size - base.prefixlen)
        used += _taken(base, size, [IPv4Network(each, strict=False) for each in seen.subnets])
    return whole, used


def _taken(base: IPv4Network, size: int, subnets: list[IPv4Network]) -> int:
    blocks, wide = set(), 0
    for subnet in subnets:
        if subnet.supernet_of(base):
            return 1 << (size - base.prefixlen)
        if not subnet.subnet_of(base):
            continue
        if subnet.prefixlen >= size:
            blocks.add(subnet.supernet(new_prefix=size))
        else:
            wide += 1 << (size - subnet.prefixlen)
    return len(blocks) + wide


def dns(seen: Sibling) -> Finding:
    """net.dns."""
    data = {"nameservers": list(seen.nameservers), "index": seen.index}
    if untried := _untried(seen):
        return Finding(untried, skipped=True, data=data)
    servers = ", ".join(seen.nameservers) or "none"
    if seen.stage != "name":
        return Finding(f"containers resolve names, by {servers}", data=data)
    own = [each for each in seen.nameservers if _LOOPBACK.fullmatch(each)]
    themselves = f" {', '.join(own)} is, to a container, itself." if own else ""
    return Finding(
        f"containers cannot resolve {seen.index}",
        problem="warn",
        why=f"In a container, whose nameservers are {servers}: {seen.said}.{themselves}",
        fix=Fix('name servers that containers reach in the engine\'s daemon.json: {"dns": [...]}'),
        data=data,
    )


def index(seen: Sibling) -> Finding:
    """net.index."""
    data = {"index": seen.index}
    if untried := _untried(seen):
        return Finding(untried, skipped=True, data=data)
    return _reached(seen, "containers")


def index_of_builds(seen: Built) -> Finding:
    """net.index, with --deep."""
    untried = seen.untried or seen.error
    if seen.proxied:
        untried = "builds go by a proxy"
    if untried:
        return Finding(untried, skipped=True)
    return _reached(seen, "builds")


def _reached(seen: Sibling | Built, who: str) -> Finding:
    data = {"index": seen.index, f"stage of {who}": seen.stage}
    if not seen.stage:
        return Finding(f"{who} reach {seen.index}", data=data)
    fixes = {
        "name": Fix("see net.dns"),
        "route": Fix("let containers out: look at the firewall, at net.bridge and at the proxies"),
        "certificate": Fix(
            "name the bundle with your company's CA; builds and executors read it there",
            ("export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",),
        ),
    }
    return Finding(
        f"{who} do not reach {seen.index}: the {seen.stage} fails",
        problem="warn",
        why=f"In a {who.rstrip('s')}, at the {seen.stage} of {seen.index}: {seen.said}.",
        fix=fixes[seen.stage],
        data=data,
    )


def _untried(seen: Sibling) -> str:
    if seen.proxied:
        return "containers go by a proxy, which is what resolves and connects"
    if seen.cut_off:
        return "nothing gets out of containers: see net.bridge"
    return seen.untried or (f"no container started: {seen.error}" if seen.error else "")
