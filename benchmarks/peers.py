"""The peers: what is installed of each, and one of them as a process that does as it is told."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, cast

from tests.peers.environments import (
    AUTOGEN_02,
    CLASSIC,
    EXT,
    Peer,
    UnavailableError,
    environment,
    interpreter,
)

INSTALLED: Final = (
    AUTOGEN_02,
    CLASSIC,
    EXT,
    Peer("llm-sandbox", ("llm-sandbox[docker]==0.3.46",), ours=False),
    Peer("smolagents", ("smolagents[docker]==1.26.0",), ours=False),
    Peer("swe-rex", ("swe-rex==1.4.0", "aiohttp"), ours=False),
    Peer("openai-agents", ("openai-agents[docker]==0.24.0",), ours=False),
)
"""At the versions that were there when the rows were written: their interfaces change."""
PANDAS: Final = Peer("pandas", ("pandas",), ours=False)
_TRIES: Final = 4
_DRIVER: Final = Path(__file__).with_name("driver.py")


class Running:
    """A peer's process; `open`, `block` and `close` are done there and timed there."""

    def __init__(self, told: IO[str], said: IO[str]) -> None:
        self._told = told
        self._said = said

    def seconds(self, command: str) -> float:
        """How long it took. Raises UnavailableError with the peer's own reason."""
        self._told.write(f"{command}\n")
        self._told.flush()
        answer = json.loads(self._said.readline() or '{"error": "its process has ended"}')
        if "error" in answer:
            raise UnavailableError(" ".join(str(answer["error"]).split())[:200])
        return float(answer["seconds"])

    def cycle(self) -> float:
        """Open, hello, close. It is closed whatever the block did."""
        opened = self._opened()
        try:
            ran = self.seconds("block")
        finally:
            closed = self.seconds("close")
        return opened + ran + closed

    def _opened(self) -> float:
        """Some of them do not always start: they wait for their server by luck."""
        for _ in range(_TRIES - 1):
            try:
                return self.seconds("open")
            except UnavailableError:
                continue
        return self.seconds("open")


@contextmanager
def running(peer: Peer, image: str, folder: Path) -> Iterator[Running]:
    """Install the peer where it is not, and start its process. Raises UnavailableError."""
    python = interpreter(peer)
    process = subprocess.Popen(
        [python, _DRIVER, peer.name, image, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(python),
        cwd=folder,
    )
    told, said = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
    try:
        yield Running(told, said)
    finally:
        told.close()
        process.wait()
        said.close()
