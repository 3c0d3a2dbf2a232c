"""The proxies that docker's own configuration names for containers, as every client sets them.

Hidden here: where that configuration is, and that each variable is read in two spellings. What a
container is given otherwise wins; a configuration that cannot be read names none.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_VARIABLES: Final[Mapping[str, str]] = {
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "ftpProxy": "FTP_PROXY",
    "noProxy": "NO_PROXY",
}


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables for containers; `environment` says where the configuration is."""
    folder = environment.get("DOCKER_CONFIG") or f"{environment.get('HOME', '')}/.docker"
    found: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError, AttributeError):
        configuration = json.loads(Path(folder, "config.json").read_text("utf-8"))
        proxies = configuration.get("proxies", {}).get("default", {})
        for key, name in _VARIABLES.items():
            if value := proxies.get(key):
                found[name] = found[name.lower()] = str(value)
    return found
