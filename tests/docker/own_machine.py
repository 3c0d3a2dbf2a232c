"""The machine of a second engine, as far as that can be had, and its administrator.

Hidden here: where a command is run that is typed there, and how its settings are changed.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.docker.doctoring import unsteered
from tests.docker.second_engine import INDEX, SecondEngine

FAR = "http://10.77.0.2/simple/"
FAR_MACHINE = """
ip link add far0 type veth peer name far1
ip address add 10.77.0.1/24 dev far0
ip link set far0 up
unshare --net sh -c '
    until ip link show far1 >/dev/null 2>&1; do sleep 0.05; done
    ip address add 10.77.0.2/24 dev far1
    ip link set far1 up
    ip route add default via 10.77.0.1
    exec "$0" -m http.server 80 --bind 10.77.0.2
' "$0" >/dev/null 2>&1 </dev/null &
until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link set far1 netns $!
until "$0" -c 'import socket; socket.create_connection(("10.77.0.2", 80))' 2>/dev/null
do sleep 0.05; done
"""
"""A machine beyond the engine's own: what containers send to it is forwarded."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The second engine, the image that it has, and a home folder for the doctor."""

    second: SecondEngine
    image: str
    home: Path

    @property
    def env(self) -> dict[str, str]:
        """That of a user who has this engine only, and an index that containers reach."""
        index = {"PIP_INDEX_URL": INDEX, "PIP_TRUSTED_HOST": "172.31.253.1"}
        address = {"DOCKER_HOST": self.second.address}
        return {**unsteered(os.environ, str(self.home)), **index, **address}

    @property
    def own_env(self) -> dict[str, str]:
        """The same of a user of its own machine, who has the default socket there."""
        return {name: value for name, value in self.env.items() if name != "DOCKER_HOST"}

    def do(self, *command: str) -> None:
        """Run a command as its administrator."""
        subprocess.run([*self.second.inside, *command], check=True, timeout=60)

    def paste(self, commands: Sequence[str]) -> None:
        """Type what is to be typed; the administrator needs no sudo."""
        self.do("sh", "-ec", "\n".join(['sudo() { "$@"; }', *commands]))

    def restart(self) -> None:
        self.second.stop()
        self.second.start()

    def configure(self, settings: Mapping[str, object]) -> None:
        """Give it these settings alone, which takes a restart."""
        self._write(settings)
        self.restart()

    def reconfigure(self, settings: Mapping[str, object]) -> None:
        """Change settings that it reads anew as it runs; what is not named stays as it was."""
        self._write(settings)
        self.second.reload()

    def _write(self, settings: Mapping[str, object]) -> None:
        (self.second.folder / "daemon.json").write_text(json.dumps(settings))
