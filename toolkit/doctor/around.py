"""How facts of the engine's surroundings are gathered: proxies, other engines, users, its clock.

Hidden here: which of the engine's words tell of each, and which are true of this machine only.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from toolkit.doctor import facts, look
from toolkit.engine import Engine
from toolkit.engine.endpoint import Endpoint
from toolkit.errors import EngineRefusedError
from toolkit.lifecycle.engines import is_rootless

_RUNTIMES: Final = ("runsc", "kata-runtime")
_DEVICE: Final = Path("/dev/nvidiactl")
_FORBIDDEN: Final = 403


def detour(address: str, engine: Engine | None, env: Mapping[str, str]) -> facts.Detour:
    """Find a proxy of the environment that applies, and ask whether one refuses to create.

    `engine` is one that answers; without it nothing is asked.
    """
    host, variable = proxy_of(address, env)
    return facts.Detour(host, variable, env.get(variable, ""), _refusal(engine) if engine else "")


def _refusal(engine: Engine) -> str:
    try:
        # It names no image, so an engine refuses it by its words, and makes nothing.
        engine.create_container({})
    except EngineRefusedError as error:
        return error.message if error.status == _FORBIDDEN else ""
    return ""


def proxy_of(address: str, env: Mapping[str, str]) -> tuple[str, str]:
    """Give the host of a tcp address, and the variable of the proxy that applies to it, if any."""
    parts = urlsplit(address)
    if parts.scheme not in {"tcp", "http", "https"} or not parts.hostname:
        return "", ""
    kind = "https" if parts.scheme == "https" else "http"
    names = (f"{kind}_proxy", f"{kind}_proxy".upper(), "all_proxy", "ALL_PROXY")
    without = env.get("no_proxy") or env.get("NO_PROXY") or ""
    if _is_excepted(parts.hostname, without):
        return parts.hostname, ""
    return parts.hostname, next((name for name in names if env.get(name)), "")


def _is_excepted(host: str, without: str) -> bool:
    entries = (entry.strip().lstrip(".").lower() for entry in without.split(","))
    return any(entry and (entry in {"*", host} or host.endswith(f".{entry}")) for entry in entries)


def others(endpoint: Endpoint, env: Mapping[str, str], home: Path) -> facts.Others:
    """Find engines that answer elsewhere; a link to the same socket is no other engine."""
    own = endpoint.socket_path and os.path.realpath(endpoint.socket_path)
    found = {os.path.realpath(path): path for path in look.answering(None, env, home)}
    addresses = tuple(path for real, path in found.items() if real != own)
    return facts.Others(str(endpoint), addresses)


def users(info: facts.Info, endpoint: Endpoint) -> facts.Users:
    options = [str(option) for option in info.get("SecurityOptions") or ()]
    rootless = is_rootless(info)
    user = look.user_name(os.geteuid())
    own = endpoint.socket_path is not None and f"/user/{os.geteuid()}/" in endpoint.address
    files = (Path("/etc/subuid"), Path("/etc/subgid")) if rootless and own else ()
    return facts.Users(
        rootless=rootless,
        remapped=any(option.startswith("name=userns") for option in options),
        user=user,
        ids=min(
            (subordinate(look.text_of(each), user, os.geteuid()) for each in files), default=None
        ),
    )


def subordinate(text: str, user: str, uid: int) -> int:
    """Count the ids that /etc/subuid or subgid gives to a user, by its name or number."""
    lines = (line.split(":") for line in text.splitlines())
    return sum(
        int(parts[2])
        for parts in lines
        if len(parts) == 3 and parts[0] in {user, str(uid)} and parts[2].isdecimal()
    )


def runtimes(info: facts.Info, env: Mapping[str, str]) -> facts.Runtimes:
    return facts.Runtimes(
        registered=tuple(sorted(info.get("Runtimes") or {})),
        default=str(info.get("DefaultRuntime") or ""),
        here=tuple(name for name in _RUNTIMES if shutil.which(name, path=env.get("PATH"))),
    )


def graphics(info: facts.Info) -> facts.Graphics:
    devices = (str(each.get("ID")) for each in info.get("DiscoveredDevices") or ())
    return facts.Graphics(
        device=str(_DEVICE) if _DEVICE.exists() else "",
        runtime="nvidia" in (info.get("Runtimes") or {}),
        cdi=tuple(name for name in devices if "/gpu=" in name),
    )


def clock(info: facts.Info, middle: float) -> facts.Clock:
    """Compare the engine's time with ours in the middle of the request."""
    try:
        # Nanoseconds, and a zone that may be any.
        theirs = datetime.fromisoformat(str(info.get("SystemTime") or "")).timestamp()
    except ValueError:
        return facts.Clock(None)
    return facts.Clock(theirs - middle)


def latency(engine: Engine) -> facts.Latency:
    engine.ping()  # the first call opens the connection
    begun = time.monotonic()
    engine.ping()
    return facts.Latency(str(engine.endpoint), round(1000 * (time.monotonic() - begun)))
