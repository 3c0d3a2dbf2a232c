"""What must be known of an engine before the first container, asked once in a process.

Hidden here: when the tether alone is too weak. On a local socket the engine hears of this process's
death from the kernel. Over a network it may hear nothing, and an engine that lives on when it is
restarted forgets whom it was attached to: there the container must end by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from toolkit.container import ContainerOptions
from toolkit.engine import Engine
from toolkit.lifecycle.ownership import own_container
from toolkit.lifecycle.sweep import sweep_at_start

TTL: Final = 600.0
"""Seconds without a word from us after which a container ends, where the tether is weak.

The channel speaks every third of it, which also keeps open what a proxy would close as idle.
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an engine.

    `rootless`: this user is root inside. `far`: no local socket. `lasting`: its containers survive
    its restart. `container`: the one of this engine in which this process is, or empty.
    """

    rootless: bool
    far: bool
    lasting: bool
    container: str


_known: dict[str, Known] = {}


def known(engine: Engine) -> Known:
    """Look at the engine, and sweep it, unless that was done. Raises EngineError."""
    address = engine.endpoint.address
    found = _known.get(address)
    if found is None:
        info = engine.info()
        found = _known[address] = Known(
            rootless=any("rootless" in str(each) for each in info.get("SecurityOptions") or ()),
            far=not address.startswith(("unix://", "npipe://")),
            lasting=bool(info.get("LiveRestoreEnabled")),
            container=own_container(engine),
        )
        sweep_at_start(engine)
    return found


def time_to_live(options: ContainerOptions, engine: Known) -> float:
    """Seconds of silence that end the container; 0 is never."""
    if options.ttl is not None:
        return options.ttl
    return TTL if (engine.far or engine.lasting) and not options.keep_running else 0.0
