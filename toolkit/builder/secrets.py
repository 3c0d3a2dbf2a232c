"""What the caller's environment sends along to a build, and no image ever holds.

Proxies, indexes, a CA bundle and credentials travel as BuildKit secrets: files that a step sees
while it runs, in no layer, no history and no digest (design, decision 3). Pure, but for reading the
bundle.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from toolkit.errors import SpecError

BUNDLES: Final = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that may name a CA bundle, the first that names a file wins."""

MAX_BYTES: Final = 500 * 1024
"""What BuildKit's own client allows a secret to be."""

_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY")
_PASSED: Final = re.compile(
    r"PIP_(?:EXTRA_)?INDEX_URL|PIP_TRUSTED_HOST|UV_\w*INDEX\w*|UV_INSECURE_HOST"
)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def gathered(
    environment: Mapping[str, str], *, ca_bundle: Path | None, netrc: bytes | None
) -> Mapping[str, bytes]:
    """The secrets of a build by their ids: `environment`, `ca`, `netrc`; only those that exist.

    `ca_bundle` names the bundle outright; without it the environment may. Raises SpecError for a
    bundle that was named outright and cannot be read, or that is no bundle.
    """
    secrets: dict[str, bytes] = {}
    variables = dict(_variables(environment))
    if variables:
        lines = (f"{name}={shlex.quote(value)}\n" for name, value in sorted(variables.items()))
        secrets["environment"] = "".join(lines).encode("utf-8", "surrogateescape")
    bundle = _bundle(environment, ca_bundle)
    if bundle:
        secrets["ca"] = bundle
    if netrc:
        secrets["netrc"] = netrc
    return secrets


def _variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in _PROXIES:
        value = environment.get(name) or environment.get(name.lower())
        if value:
            # Both spellings: curl and apt read the lower-case one, others the upper-case one.
            yield name, value
            yield name.lower(), value
    for name, value in environment.items():
        if value and _PASSED.fullmatch(name) and _VARIABLE.fullmatch(name):
            yield name, value


def _bundle(environment: Mapping[str, str], named: Path | None) -> bytes | None:
    if named is not None:
        return _read(named)
    for name in BUNDLES:
        path = environment.get(name)
        if path and Path(path).is_file():
            return _read(Path(path))
    return None


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SpecError(
            f"the CA bundle {path} cannot be read: {error.strerror}",
            hint="name a file of PEM certificates with --ca-bundle",
        ) from error
    if b"-----BEGIN CERTIFICATE-----" not in content and b"TRUSTED CERTIFICATE" not in content:
        raise SpecError(
            f"the CA bundle {path} holds no PEM certificate",
            hint="convert it with `openssl x509 -inform der -in FILE -out FILE.pem`",
        )
    if len(content) > MAX_BYTES:
        raise SpecError(
            f"the CA bundle {path} has {len(content)} bytes, a build secret at most {MAX_BYTES}",
            hint="name a bundle of fewer certificates with --ca-bundle",
        )
    return content
