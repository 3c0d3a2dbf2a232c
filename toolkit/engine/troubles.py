"""What is wrong with a registry, told from the words that the engine passes on: pure.

Hidden here: the wordings of the engine's client, of Go's network and TLS packages and of the
registries themselves, as recorded from real failures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeVar

from toolkit.engine import failures
from toolkit.errors import Hint, RegistryError, Trouble
from toolkit.reference import HUB, ImageReference


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


# In this order: what names the cause before what only names its consequence.
_KNOWN: Final[tuple[tuple[Trouble, re.Pattern[str]], ...]] = (
    ("limited", _words(r"toomanyrequests|too many requests|\b429\b|rate limit")),
    (
        "corrupt",
        _words(
            r"verification failed|(?:digest|content|size) (?:mismatch|did ?not match)"
            r"|does not match (?:provided )?digest|unexpected commit digest|digest invalid"
        ),
    ),
    ("untrusted", _words(r"signed by unknown authority")),
    (
        "unreachable",
        _words(
            r"dial tcp|no such host|connection refused|i/o timeout|tls handshake|x509:|tls:"
            r"|proxyconnect|network is unreachable|no route to host|temporary failure"
            r"|context deadline exceeded|client\.timeout|timeout exceeded"
            r"|request canceled while waiting|server misbehaving"
            r"|server gave http response to https client"
        ),
    ),
    (
        "broken",
        _words(
            r"http status:? 5\d\d|http 5\d\d|status code 5\d\d|status: 5\d\d"
            r"|\b5\d\d (?:internal server error|bad gateway|service unavailable|gateway timeout)"
            r"|internal server error|service unavailable|bad gateway|gateway timeout"
            r"|connection reset|broken pipe|unexpected eof|: eof$|server closed idle connection"
        ),
    ),
    (
        "denied",
        _words(
            r"denied|unauthorized|authentication required|no basic auth|forbidden|http 40[13]\b"
            r"|incorrect username or password"
        ),
    ),
    (
        "absent",
        _words(
            r"not found|manifest unknown|name unknown|no such image|does not exist|http 404\b"
            r"|no match(?:ing)? "
        ),
    ),
)


_Failure = TypeVar("_Failure", bound=RegistryError)


@dataclass(frozen=True, slots=True)
class Case:
    """A pull or a push that failed: `said` are the words of it, in one line."""

    reference: ImageReference
    kind: Trouble
    said: str
    message: str
    hint: Hint

    @property
    def login(self) -> str:
        return login(host_of(self.reference))

    def error(self, family: type[_Failure]) -> _Failure:
        return family(
            self.message, hint=self.hint, reference=str(self.reference), trouble=self.kind
        )


def case(reference: ImageReference, done: str, words: str) -> Case:
    """What can be said without knowing what was wanted; `done` is `pulled` or `pushed`."""
    said = " ".join(words.split())
    kind = trouble(said)
    message = f"the image {reference} could not be {done}: {_described(kind, said)}"
    return Case(reference, kind, said, message, _hint(kind, said, reference))


def silence(reference: ImageReference, done: str, seconds: float) -> Case:
    """The same of a registry that has the engine wait for so long."""
    said = f"its registry has said nothing for {seconds:g} s"
    message = f"the image {reference} could not be {done}: {said}"
    return Case(reference, "unreachable", said, message, _hint("broken", "", reference))


def trouble(words: str) -> Trouble:
    """What the words are about."""
    if failures.is_disk_full(words):
        return "full"
    return next((kind for kind, pattern in _KNOWN if pattern.search(words)), "other")


def _described(kind: Trouble, words: str) -> str:
    """Say what the registry does, for behind "could not be pulled: "."""
    beginning = {
        "full": "the engine's disk is full",
        "limited": "its registry limits the number of requests (429)",
        "broken": "its registry is in trouble",
        "unreachable": "its registry cannot be reached",
        "untrusted": "its registry shows a certificate that the engine does not trust",
        "corrupt": "its registry sent something else than it said",
    }.get(kind)
    if beginning is None:
        return words
    return beginning if kind == "full" else f"{beginning}: {words}"


def _hint(kind: Trouble, words: str, reference: ImageReference) -> Hint:
    """Say what to do about it, where that does not depend on what was wanted."""
    if kind == "full":
        return failures.hint_for(words)
    advice = _advice(kind, words, host_of(reference))
    return Hint(advice, check="net.registry", flags=("--image", str(reference)))


def _advice(kind: Trouble, words: str, host: str) -> str:
    if kind == "unreachable" and "HTTP response to HTTPS client" in words:
        return (
            f"let the registry speak TLS, or name {host} in the engine's configuration as insecure"
            ' (Docker: "insecure-registries" in daemon.json)'
        )
    return {
        "limited": f"run {login(host)}, or wait and try again",
        "broken": "try again later, or look into the registry's log",
        "unreachable": "check the engine's network, proxy and certificates",
        "untrusted": f"put the registry's CA certificate on the engine's machine, as"
        f" /etc/docker/certs.d/{host}/ca.crt",
        "corrupt": "let the registry's owner look into it, and do not use it until then",
    }.get(kind, "look into the logs of the engine and of the registry")


def login(host: str) -> str:
    """The command that makes the engine known to a registry, in a hint."""
    return "`docker login`" if host == HUB else f"`docker login {host}`"


def host_of(reference: ImageReference) -> str:
    """The registry of a name, Docker Hub's where none is written."""
    return reference.normalized.registry or HUB
