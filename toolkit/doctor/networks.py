"""How facts of networks are gathered: proxies of three places, the engine's networks, a registry.

Hidden here: where docker's own configuration has the proxies of containers, and when an interface
of the engine must be one of this machine's.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator, Mapping
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from toolkit.coding import proxies as configured
from toolkit.doctor import facts, scenes
from toolkit.engine import Engine
from toolkit.engine.failures import looks_like_a_container
from toolkit.errors import ImageReferenceError, PullError
from toolkit.lifecycle.engines import is_elsewhere, is_rootless
from toolkit.reference import HUB, ImageReference
from toolkit.spec import DEFAULT_BASE

_NAMES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_ENGINE: Final = {"HttpProxy": "HTTP_PROXY", "HttpsProxy": "HTTPS_PROXY", "NoProxy": "NO_PROXY"}
_PATIENCE: Final = 0.5
_BRIDGE: Final = "com.docker.network.bridge.name"
_DEFAULT_SOCKETS: Final = ("/run/docker.sock", "/var/run/docker.sock")


def proxies(
    info: facts.Info, env: Mapping[str, str], config: Path, *, ask: bool, local: bool
) -> scenes.Proxies:
    """`ask`: whether each proxy of the environment may be tried; `local`: whether the engine is."""
    own = {name: env.get(name.lower()) or env.get(name, "") for name in _NAMES}
    inner = configured.variables({**env, "DOCKER_CONFIG": str(config.parent)})
    return scenes.Proxies(
        env=own,
        engine={name: str(info.get(key) or "") for key, name in _ENGINE.items()},
        containers={name: inner.get(name, "") for name in _NAMES},
        config=str(config),
        silent=tuple(name for name in _NAMES[:2] if ask and own[name] and not _answers(own[name])),
        local=local,
    )


def _answers(address: str) -> bool:
    """Whether something accepts a connection at a proxy's address."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), timeout=_PATIENCE):
            return True
    except (OSError, ValueError):
        return False


def bridge(engine: Engine, info: facts.Info) -> scenes.Bridge:
    networks = engine.list_networks(None)
    name = next((found for each in networks if (found := _interface(each))), "")
    return scenes.Bridge(
        forwarding=info.get("IPv4Forwarding"),
        subnets=tuple(subnet for each in networks for subnet in _subnets(each)),
        pools=tuple(
            scenes.Pool(str(pool["Base"]), int(pool["Size"]))
            for pool in info.get("DefaultAddressPools") or ()
            if _is_v4(str(pool["Base"]))
        ),
        interface=name if _is_of_this_machine(engine, info) else "",
        # By a call, for /sys may show those of another network namespace.
        has_interface=name in {each for _, each in socket.if_nameindex()},
    )


def _interface(network: Mapping[str, Any]) -> str:
    return str((network.get("Options") or {}).get(_BRIDGE) or "")


def _subnets(network: Mapping[str, Any]) -> Iterator[str]:
    for config in (network.get("IPAM") or {}).get("Config") or ():
        subnet = str(config.get("Subnet") or "")
        if _is_v4(subnet):
            yield subnet


def _is_v4(text: str) -> bool:
    with contextlib.suppress(AddressValueError, NetmaskValueError, ValueError):
        IPv4Network(text, strict=False)
        return True
    return False


def _is_of_this_machine(engine: Engine, info: facts.Info) -> bool:
    """Whether the engine's interfaces are those that this process sees."""
    path = engine.endpoint.socket_path
    return (
        path is not None
        and str(path) in _DEFAULT_SOCKETS
        and sys.platform == "linux"
        and not is_rootless(info)
        and not is_elsewhere(info)
        and not looks_like_a_container()
    )


def registry(engine: Engine, info: facts.Info, name: str | None) -> scenes.Registry:
    """Have the engine ask the registry of the image, or of the default base, for its digest."""
    reference = asked(name)
    host = reference.registry or HUB
    config = info.get("RegistryConfig") or {}
    indexes = config.get("IndexConfigs") or {}
    digest, error = None, None
    try:
        digest = engine.published(reference)
    except PullError as failure:
        error = failure
    return scenes.Registry(
        image=str(reference),
        host=host,
        login=engine.credentials(host) is not None,
        digest=digest or "",
        mirrors=tuple(map(str, config.get("Mirrors") or ())),
        insecure=tuple(name for name, each in indexes.items() if not each.get("Secure", True)),
        error=error.message if error else "",
        hint=error.hint if error else "",
        trouble=str(error.trouble or "") if error else "",
    )


def asked(name: str | None) -> ImageReference:
    """The image that was asked for; one of ours is in no registry, its base is."""
    with contextlib.suppress(ImageReferenceError):
        reference = ImageReference.parse(name or DEFAULT_BASE)
        if reference.registry or not reference.path.startswith("toolkit/"):
            return reference
    return ImageReference.parse(DEFAULT_BASE)
