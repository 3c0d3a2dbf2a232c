"""What drops forwarded packets, from what iptables 1.8.9 and nft 1.0.6 really said."""

from __future__ import annotations

import json

import pytest

from toolkit.doctor import forwarding
from toolkit.doctor.scenes import Bridge, Sibling

OWN = {"family": "inet", "table": "fw", "name": "forward", "hook": "forward", "policy": "drop"}
OF_IPTABLES = {**OWN, "family": "ip", "table": "filter", "name": "FORWARD"}
DROPPING = "-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n"


def nft(*chains: dict[str, str]) -> str:
    return json.dumps({"nftables": [{"metainfo": {}}, *({"chain": each} for each in chains)]})


@pytest.mark.parametrize(
    ("iptables", "said", "found"),
    [
        ("", "", ("", "")),
        ("-P FORWARD ACCEPT\n", nft({**OWN, "policy": "accept"}), ("", "")),
        (DROPPING, "", ("the policy DROP of the iptables chain FORWARD", "")),
        (DROPPING, nft(OF_IPTABLES), ("the policy DROP of the iptables chain FORWARD", "")),
        (
            DROPPING,
            nft(OF_IPTABLES, OWN),
            ("the chain forward of the nftables table inet fw", "inet fw forward"),
        ),
        ("", nft({**OWN, "hook": "input"}), ("", "")),
        ("", "nft: not permitted", ("", "")),
    ],
)
def test_the_chain_that_drops_by_default_is_found(
    iptables: str, said: str, found: tuple[str, str]
) -> None:
    assert forwarding.dropping(iptables, said) == found


@pytest.mark.parametrize(
    ("seen", "ask", "untried"),
    [
        (Sibling(untried="no image"), True, "no image"),
        (Sibling(late=True, proxied=True), True, "nothing was sent out of a container"),
        (Sibling(late=True, cut_off=True), True, "nothing was sent out of a container"),
        (Sibling(late=True), False, "nothing was sent out of a container"),
    ],
)
def test_where_nothing_was_sent_nothing_was_dropped(seen: Sibling, ask: bool, untried: str) -> None:
    assert forwarding.forwarding(seen, Bridge(), ask=ask).untried == untried


def test_an_index_that_nobody_reaches_says_nothing_of_containers() -> None:
    seen = Sibling(late=True, index="http://127.0.0.1:9")
    found = forwarding.forwarding(seen, Bridge(), ask=True)
    assert (found.late, found.here) == (True, False)
