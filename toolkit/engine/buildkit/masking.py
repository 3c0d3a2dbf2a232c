"""Secret values out of whatever is shown: pure text in, text with `***` out.

A secret that a command prints seldom comes whole. Masked are the value, each of its lines, and
what in it is known to be a password: the one of a URL, of a netrc entry, of a `NAME=value` line.
Not masked is what travels as a secret only to stay out of the image: certificates, names of hosts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import unquote

MASK: Final = "***"
# Shorter ones would blacken half of every log, and keep no secret that was one.
_SHORTEST: Final = 3
_PUBLIC: Final = frozenset({"ca"})
_PUBLIC_LINE: Final = re.compile(
    r"\s*(?:NO_PROXY|no_proxy|PIP_TRUSTED_HOST|UV_INSECURE_HOST|UV_INDEX_STRATEGY)=.*"
)
_PUBLIC_PIP: Final = re.compile(
    r"\s*(?:trusted-host|(?:default-)?timeout|retries|cert|no-[a-z]+|pre)\s*[=:].*|\s*\[\w+\]\s*"
)
_URL_PASSWORD: Final = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
# `https://TOKEN@host`: without a password, the name is the secret.
_URL_TOKEN: Final = re.compile(r"://([^/\s:@]+):?@")
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_NETRC: Final = re.compile(r"\bpassword\s+(\S+)")
_ASSIGNED: Final = re.compile(r"\s*(?:export\s+)?[\w.-]+\s*=\s*(.+?)\s*")


def masker(secrets: Mapping[str, bytes]) -> Callable[[str], str]:
    """Return a function that puts `***` in place of every secret in a text.

    `secrets` are those of a build by their ids; `ca` is a bundle of certificates, which are public.
    """
    private = [_private(name, value) for name, value in secrets.items() if name not in _PUBLIC]
    words = {word for secret in private for word in _words(secret) if len(word) >= _SHORTEST}
    if not words:
        return lambda text: text
    # The longest first: a part of a secret must not hide the rest of it from the whole.
    pattern = re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))))
    return lambda text: pattern.sub(MASK, text)


def _private(name: str, secret: bytes) -> str:
    public = _PUBLIC_PIP if name == "pip.conf" else _PUBLIC_LINE
    lines = secret.decode("utf-8", "replace").splitlines(keepends=True)
    return "".join(line for line in lines if not public.fullmatch(line.rstrip()))


def _words(text: str) -> Iterator[str]:
    yield text.strip()
    for line in text.splitlines():
        yield line.strip()
        assigned = _ASSIGNED.fullmatch(line)
        if assigned and not _URL.match(assigned[1].strip("\"'")):
            yield assigned[1].strip("\"'")
    patterns = (_URL_PASSWORD, _URL_TOKEN, _NETRC)
    for password in (found for pattern in patterns for found in pattern.findall(text)):
        yield password
        yield unquote(password)
