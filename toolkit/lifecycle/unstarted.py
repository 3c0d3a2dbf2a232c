"""A container that is created, never started, and removed: by it the files of an image are read.

So an image that has no Python, or a broken one, or that is of another architecture, is read like
any other, and nothing of it runs. Killed meanwhile, the container is swept by the next start, for
its labels say whose it was.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from toolkit.engine import Engine
from toolkit.host_path import own_container
from toolkit.lifecycle.ownership import ownership


@contextmanager
def unstarted(engine: Engine, image_id: str) -> Iterator[str]:
    """Create a container of the image and remove it in the end; gives its id."""
    name = f"tk-look-{secrets.token_hex(6)}"
    session = secrets.token_hex(8)
    mine = ownership(session, name, role="look", kept=False, container=own_container(engine))
    config = {
        "Image": image_id,
        "Cmd": ["true"],  # never run; some engines want one
        "Labels": mine,
        "HostConfig": {"NetworkMode": "none"},
    }
    container = ""
    try:
        container = engine.create_container(config, name=name)
        yield container
    finally:
        # By its name where Ctrl-C came before the answer.
        engine.remove_container(container or name)
