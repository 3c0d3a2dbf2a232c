"""Why a step failed, in plain words: a pure function of the engine's text and the step's log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from toolkit.engine import failures
from toolkit.errors import Hint

READ_LOG: Final = Hint("read the log above, or see all of it with --verbose")
"""What to do where nothing better is known."""


@dataclass(frozen=True, slots=True)
class Reason:
    """`text` ends the sentence "the build failed …: "; `hint` says what to do."""

    text: str
    hint: str = READ_LOG


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
_UNRESOLVED: Final = re.compile(
    r"resolve host:? '?([\w.-]+)|failure resolving '([\w.-]+)'|failed to resolve '([\w.-]+)'"
    r"|lookup ([\w.-]+)(?: on \S+)?: (?:no such host|.*name resolution)",
    re.IGNORECASE,
)
_SECRET: Final = re.compile(r"secret (\S+?):? not found")
_SESSION: Final = re.compile(r"no active session for \w+")
# As shells, compilers and Python's subprocess say it of a program that they started.
_KILLED: Final = re.compile(
    r"^(?:.*: line \d+: +|.*: \d+: +|\s*)?(?:\d+ )?Killed(?:\s{2,}.*)?\s*$|Killed signal terminated"
    r"|\bSIGKILL\b|signal: 9\b|signal 9\b|exit status: 137\b|exit code:? -9\b",
    re.MULTILINE,
)
_KILLED_LINES: Final = 40

_LOST: Final = Reason(
    "the session was lost by which the build gets its secrets and its context",
    Hint("try again, and look whether the engine still runs", check="endpoint.reach"),
)
_MEMORY: Final = Hint("give the engine more memory, or build less at a time")


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
            "its command was killed (exit code 137), most likely for lack of memory", _MEMORY
        )
    if _KILLED.search("\n".join(log[-_KILLED_LINES:])):
        return Reason(
            f"a program of its command was killed{_code(code)}, most likely for lack of memory",
            _MEMORY,
        )
    if missed := _missed(said):
        return missed
    if found_network := network(shown):
        rest = _code(code) or f": {said}"
        return Reason(f"{found_network.text}{rest}", found_network.hint)
    return Reason(f"its command ended with exit code {code}" if code is not None else said)


def _missed(said: str) -> Reason | None:
    """What the engine asked for by the session and did not get."""
    if secret := _SECRET.search(said):
        return Reason(
            f"the build secret `{secret[1]}` is required and was not given",
            Hint(f"give the build a secret with the id `{secret[1]}`"),
        )
    return _LOST if _SESSION.search(said) else None


def network(shown: str) -> Reason | None:
    """What is wrong between the engine and the network, where the words tell."""
    if _CERTIFICATE.search(shown):
        return Reason(
            "a certificate is not trusted",
            Hint(
                "name the company's certificates with `--ca-bundle FILE`, or set SSL_CERT_FILE",
                check="net.index",
            ),
        )
    if _NAME_RESOLUTION.search(shown):
        named = _UNRESOLVED.search(shown)
        what = f"the name {next(filter(None, named.groups()))}" if named else "a host name"
        return Reason(
            f"{what} could not be resolved",
            Hint(
                "check the engine's network and name resolution, and the proxy variables",
                check="net.dns",
            ),
        )
    return None


def is_exhausted(reason: str, log: tuple[str, ...]) -> bool:
    """Whether memory or disk gave out, which breaks whatever is under way and is not its fault."""
    return "lack of memory" in reason or failures.is_disk_full("\n".join(log))


def _code(code: int | None) -> str:
    return "" if code is None else f" (exit code {code})"
