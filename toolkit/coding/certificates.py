"""The caller's CA bundle in the container: `pip install` and HTTPS work behind a company's CA.

Hidden here: which variables name a bundle, and that its content travels and not its path, which may
mean nothing to the engine. Certificates are public; nothing else of the caller's environment that
has to do with indexes is read, and credentials never are.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from toolkit.coding.execution import ExecutorValueError
from toolkit.context import ContextFile

_LOG: Final = logging.getLogger(__name__)
VARIABLES: Final = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that name a CA bundle, as a build reads them: the first that names a file wins."""
Choice = bool | str | Path
_PLACE: Final = "etc/toolkit/ca-bundle.pem"


def bundle(choice: Choice, environment: Mapping[str, str]) -> ContextFile | None:
    """The bundle as a file of the container, or None.

    `choice`: a path; True for the one that the environment names, if any; False for none. Raises
    ValueError for a path that was given and is no bundle.
    """
    if choice is False:
        return None
    if choice is not True:
        return ContextFile(_PLACE, _read(Path(choice)))
    named = (Path(environment[name]) for name in VARIABLES if environment.get(name))
    found = next((path for path in named if path.is_file()), None)
    if found is None:
        return None
    try:
        return ContextFile(_PLACE, _read(found))
    except ExecutorValueError as error:
        _LOG.warning("blocks do without it: %s", error)
        return None


def variables(file: ContextFile | None) -> dict[str, str]:
    """What the blocks' environment says of it."""
    return {} if file is None else dict.fromkeys(VARIABLES, f"/{file.path}")


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExecutorValueError(
            f"CA bundle {path} cannot be read: {error.strerror}",
            hint="name a file of PEM certificates, or pass ca_bundle=False",
        ) from error
    if b"CERTIFICATE-----" not in content:
        raise ExecutorValueError(
            f"CA bundle {path} holds no PEM certificate",
            hint="name a file of PEM certificates, or pass ca_bundle=False",
        )
    return content
