"""Programs in containers of their own, as `docker run` has them, where there is no such command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import docker
from docker.types import Mount


def ran(image: str, command: Sequence[str], **options: Any) -> tuple[str, str]:  # noqa: ANN401 - docker-py's own
    """Run a command to its end, which must be a good one; what it said on stdout and on stderr."""
    client = docker.from_env()
    container = client.containers.create(image, list(command), **options)
    try:
        container.start()
        code = container.wait(timeout=240)["StatusCode"]
        said, errors = (
            container.logs(stdout=stream == "out", stderr=stream == "err").decode()
            for stream in ("out", "err")
        )
    finally:
        container.remove(force=True)
        client.close()
    assert code == 0, errors
    return said, errors


def mount(text: str) -> Mount:
    """What `docker run --mount` takes."""
    words: dict[str, Any] = dict(part.partition("=")[::2] for part in text.split(","))
    return Mount(
        words["target"], words.get("source"), type=words["type"], read_only="readonly" in words
    )
