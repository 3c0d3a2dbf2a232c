"""What is left of a client on an engine and in its folders.

Hidden here: where to look. Containers by the cell's label and by the owner in ours; networks and
volumes by the owner; volumes without a name, which carry no label, because a container was seen
with them; files in the folder for temporary ones, and ours in the one that was mounted.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.client import KEY
from toolkit import labels
from toolkit.engine import Engine
from toolkit.errors import EngineError


@dataclass(slots=True)
class Leftovers:
    """Of one cell: its label, its folders, the clients' pids."""

    engine: Engine
    cell: str
    work: Path
    temporary: Path
    pids: list[int] = field(default_factory=list)
    _volumes: set[str] = field(default_factory=set)
    _states: set[str] = field(default_factory=set)

    def found(self) -> list[str]:
        """Name all that is there now."""
        containers = self._containers()
        self._states = {container["State"] for container in containers}
        things = [
            f"container {' '.join(each['Names'] or ()) or each['Id']} ({each['State']})"
            for each in containers
        ]
        if not things:  # networks and volumes go after them
            things = [*self._networks(), *self._lost_volumes()]
        return [*things, *self._files()]

    def can_be_cleared(self) -> bool:
        """Whether it is only what the next start clears: never started, or no engine's thing."""
        return self._states <= {"created"}

    def remove(self) -> None:
        """Remove it all: the next cell is to find a clean engine, whatever this one showed."""
        with contextlib.suppress(EngineError):
            for container in self._containers():
                self.engine.remove_container(container["Id"])

    def _containers(self) -> list[dict[str, Any]]:
        found = self.engine.list_containers(f"{KEY}={self.cell}")
        for container in found:
            mounts = container.get("Mounts") or ()
            self._volumes.update(each["Name"] for each in mounts if each["Type"] == "volume")
        return [container for container in found if not self._is_ghost(container)]

    def _is_ghost(self, container: dict[str, Any]) -> bool:
        """Whether an engine that was killed only remembers it: listed, and known to no other verb.

        Docker 20.10 has such entries until its next start; nothing of the container is there.
        """
        nameless = container["State"] == "dead" and not container["Names"]
        return nameless and self.engine.inspect_container(container["Id"]) is None

    def _networks(self) -> Iterator[str]:
        for network in _listed(self.engine, "/networks"):
            if self._is_mine(network):
                yield f"network {network['Name']}"

    def _lost_volumes(self) -> Iterator[str]:
        for volume in _listed(self.engine, "/volumes")["Volumes"] or ():
            if volume["Name"] in self._volumes or self._is_mine(volume):
                yield f"volume {volume['Name'][:12]}"

    def _is_mine(self, thing: dict[str, Any]) -> bool:
        found = thing.get("Labels") or {}
        owned = labels.is_ours(found) and str(found.get(labels.OWNER_PID)) in map(str, self.pids)
        return owned or found.get(KEY) == self.cell

    def _files(self) -> Iterator[str]:
        """Find what is temporary, and what is ours in the folder of the user's files."""
        for path in (*self.temporary.iterdir(), *self.work.glob(".*")):
            yield f"file {path.name}"


def _listed(engine: Engine, path: str) -> Any:  # noqa: ANN401 - JSON
    with engine.open("GET", path, doing="listing") as answer:
        return json.loads(b"".join(answer.chunks()))
