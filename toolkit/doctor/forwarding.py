"""How it is found out that what containers send is dropped, and by what.

Hidden here: that it is told from an index which nobody reaches, and where rules are kept.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from typing import Any, Final

from toolkit.doctor import questions, scenes

_PATIENCE: Final = 3.0
_FOLDERS: Final = "/usr/sbin:/sbin:/usr/bin:/bin"


def forwarding(seen: scenes.Sibling, bridge: scenes.Bridge, *, ask: bool) -> scenes.Forwarding:
    """Hold what a container reaches against what this process does; `ask`: whether it may try."""
    untried = seen.untried or seen.error
    if not untried and (seen.proxied or seen.cut_off or not ask):
        untried = "nothing was sent out of a container"
    if untried or not seen.late:
        return scenes.Forwarding(untried, seen.index)
    policy, table = _policy() if bridge.interface else ("", "")
    return scenes.Forwarding(
        index=seen.index,
        late=True,
        here=_is_reached(seen.index),
        interface=bridge.interface,
        policy=policy,
        table=table,
    )


def _is_reached(index: str) -> bool:
    host, port, _ = questions.place(index)
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE):
            return True
    except OSError:
        return False


def _policy() -> tuple[str, str]:
    """What drops forwarded packets, and its table of nftables; only root may look."""
    if os.geteuid():
        return "", ""
    return dropping(_said("iptables", "-S", "FORWARD"), _said("nft", "-j", "list", "chains"))


def dropping(iptables: str, nft: str) -> tuple[str, str]:
    """Find in what both tools say the chain that drops by default."""
    own = next(_dropping_chains(nft), None)
    if own is not None:
        table = f"{own['family']} {own['table']}"
        return f"the chain {own['name']} of the nftables table {table}", f"{table} {own['name']}"
    if "-P FORWARD DROP" in iptables.splitlines():
        return "the policy DROP of the iptables chain FORWARD", ""
    return "", ""


def _dropping_chains(nft: str) -> Iterator[dict[str, Any]]:
    """Chains on the way of forwarded packets; the one that is iptables' own is told by that."""
    try:
        found = json.loads(nft)["nftables"]
    except (ValueError, KeyError, TypeError):
        return
    for each in found:
        chain = each.get("chain", {})
        drops = chain.get("hook") == "forward" and chain.get("policy") == "drop"
        if drops and (chain.get("table"), chain.get("name")) != ("filter", "FORWARD"):
            yield chain


def _said(*command: str) -> str:
    program = shutil.which(command[0], path=_FOLDERS)
    if program is None:
        return ""
    try:
        ended = subprocess.run(
            [program, *command[1:]], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout
