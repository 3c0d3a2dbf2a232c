"""An `Engine` where docker-py's client already is: its address, its certificates, its logins.

Hidden here: the private attributes in which docker-py keeps these. Imported by whoever has such a
client, and so has docker.
"""

from __future__ import annotations

from typing import Any

import docker.api
import docker.client

from toolkit.engine.client import Engine
from toolkit.engine.endpoint import Endpoint, Tls
from toolkit.errors import EngineError


def engine_of(client: docker.client.DockerClient | docker.api.APIClient) -> Engine:
    """Return an engine at the client's address; connections are its own, logins the client's.

    `EngineError` for a client whose engine is reached in a way that is not known here; `TypeError`
    for what is no client.
    """
    found = client.api if isinstance(client, docker.client.DockerClient) else client
    if not isinstance(found, docker.api.APIClient):
        raise TypeError(
            "expected toolkit.engine.Engine, docker.DockerClient or docker.APIClient, "
            f"got {type(client).__name__}"
        )
    api: Any = found
    return Engine(_endpoint(api), logins=api._auth_configs)  # noqa: SLF001 - nothing public has them


def _endpoint(api: Any) -> Endpoint:  # noqa: ANN401 - docker-py's client has no types
    adapter = getattr(api, "_custom_adapter", None)
    if path := getattr(adapter, "socket_path", None):
        return Endpoint(f"unix://{path}", "client")
    if (host := getattr(adapter, "ssh_host", None)) and "ssh" in api.base_url:
        return Endpoint(f"ssh://{host}", "client")
    if not api.base_url.startswith(("http://", "https://")):
        raise EngineError(
            f"a client of {api.base_url} cannot be used for building images",
            hint="use a client of an engine at a Unix socket, by TCP or by ssh",
        )
    if api.base_url.startswith("http://"):
        return Endpoint(api.base_url.replace("http://", "tcp://", 1), "client")
    pair = api.cert if isinstance(api.cert, tuple) else (api.cert, None)
    ca = api.verify if isinstance(api.verify, str) else None
    tls = Tls(ca, pair[0], pair[1], verify=bool(api.verify))
    return Endpoint(api.base_url.replace("https://", "tcp://", 1), "client", tls)
