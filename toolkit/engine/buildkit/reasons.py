"""Why a step failed, in plain words: a pure function of the engine's text and the step's log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from toolkit.engine import failures


@dataclass(frozen=True, slots=True)
class Reason:
    """`text` ends the sentence "the build failed …: "; `hint` says what to do, if known."""

    text: str
    hint: str | None = None


_EXIT: Final = re.compile(r"exit code: (\d+)\s*$")
_PREFIXES: Final = re.compile(
    r"^(?:failed to solve(?: with frontend [\w.]+)?: |failed to create LLB definition: "
    r"|rpc error: code = \w+ desc = )+"
)
_NAME_RESOLUTION: Final = re.compile(
    r"temporary failure in name resolution|temporary failure resolving|name or service not known"
    r"|could not resolve host|failed to lookup address|dns error|no such host",
    re.IGNORECASE,
)
_CERTIFICATE: Final = re.compile(
    r"certificate[ _]verify[ _]failed|unable to get local issuer|self[- ]signed certificate"
    r"|x509: |invalid peer certificate|unknownissuer|certificate signed by unknown authority",
    re.IGNORECASE,
)
_SECRET: Final = re.compile(r"secret (\S+?):? not found")


def explain(error: str, log: tuple[str, ...] = ()) -> Reason:
    """Say why: `error` is the engine's text of the failure, `log` the step's last lines."""
    said = _PREFIXES.sub("", " ".join(error.split()))
    shown = "\n".join((said, *log))
    found = _EXIT.search(said)
    code = int(found[1]) if found else None
    if failures.is_disk_full(shown):
        return Reason("no space is left on the engine's disk", failures.hint_for(shown))
    if code == 137:
        return Reason(
            "its command was killed (exit code 137), most likely for lack of memory",
            "give the engine more memory, or build less at a time",
        )
    if secret := _SECRET.search(said):
        return Reason(
            f"the build secret `{secret[1]}` is required and was not given",
            f"give the build a secret with the id `{secret[1]}`",
        )
    text = f"its command ended with exit code {code}" if code is not None else said
    return Reason(text, _network_hint(shown))


def _network_hint(shown: str) -> str | None:
    if _CERTIFICATE.search(shown):
        return "name the company's certificates with `--ca-bundle FILE`, or set SSL_CERT_FILE"
    if _NAME_RESOLUTION.search(shown):
        return "check the engine's network and name resolution, and the proxy variables"
    return None
