"""What becomes of a container whose owner is killed: one is started by a process, which is ended.

Hidden here: the owner is a Python of its own, so that nothing of this process's end is in its way.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Final

from toolkit.doctor import scenes
from toolkit.doctor.attempts import NO_IMAGE
from toolkit.engine import Engine

_GRACE: Final = 5.0
"""Seconds for which a container may outlive its owner; a heartbeat's would be more."""

_OWNER: Final = """\
import sys, time
from toolkit.container import ContainerOptions
from toolkit.engine import connect
from toolkit.lifecycle import ContainerManager
options = ContainerOptions(image=sys.argv[1], network="none", role="doctor")
print(ContainerManager(connect()).start(options).id, flush=True)
time.sleep(60)
"""


def tether(engine: Engine, image: str, env: Mapping[str, str]) -> scenes.Tether:
    """Kill a process that has a container, and see how long that one is still there."""
    if not image:
        return scenes.Tether(untried=NO_IMAGE)
    command = [sys.executable, "-c", _OWNER, image]
    with subprocess.Popen(
        command, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as owner:
        try:
            container = owner.stdout.readline().strip() if owner.stdout else ""
        finally:
            owner.kill()
    if not container:
        return scenes.Tether(untried="no container was started to try it with")
    begun = time.monotonic()
    while (spent := time.monotonic() - begun) < _GRACE:
        if engine.inspect_container(container) is None:
            return scenes.Tether(seconds=spent)
        time.sleep(0.02)
    engine.remove_container(container)
    return scenes.Tether(seconds=_GRACE, lasted=True)
