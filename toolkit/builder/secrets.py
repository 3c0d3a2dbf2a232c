"""What is sent along to a build, and no image ever holds.

Proxies, indexes, a CA bundle and credentials travel as BuildKit secrets: files that a step sees
while it runs, in no layer, no history and no digest (design, decision 3). They come from the
caller's environment, from the requirements, and by name. Pure, but for reading files.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from toolkit.errors import SpecError

BUNDLES: Final = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that may name a CA bundle, the first that names a file wins."""

_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY")
_PASSED: Final = re.compile(
    r"PIP_(?:EXTRA_)?INDEX_URL|PIP_TRUSTED_HOST|UV_\w*INDEX\w*|UV_INSECURE_HOST"
)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEYS: Final = frozenset({"id", "src", "env"})
_OWN: Final = "environment"
_MACHINE: Final = re.compile(rb"\bmachine\s+(\S+)")
_WRITE: Final = "write it as id=NAME,src=FILE or id=NAME,env=VARIABLE"


def read(texts: Sequence[str], environment: Mapping[str, str]) -> Mapping[str, bytes]:
    """The secrets that `id=NAME,src=FILE` and `id=NAME,env=VARIABLE` name, by their ids.

    Raises SpecError for what is written otherwise and for what cannot be read; no message has a
    value.
    """
    found: dict[str, bytes] = {}
    for text in texts:
        words = _words(text)
        name = words["id"]
        if name in found:
            raise SpecError(f"the secret {name} is given twice", hint="give each id once")
        found[name] = _value(name, words, environment)
    return found


def gathered(
    environment: Mapping[str, str],
    *,
    ca_bundle: Path | None,
    netrc: bytes | None,
    named: Mapping[str, bytes] | None = None,
) -> Mapping[str, bytes]:
    """The secrets of a build by their ids; only those that exist.

    `environment`, `ca`, `netrc` and `pip.conf` mean something to the steps. `ca_bundle` names the
    bundle outright; without it a `pip.conf` may, or the environment. `netrc` has the logins of the
    requirements; `named` are secrets that were given by id. Raises SpecError for a bundle that was
    named outright and cannot be read, or that is no bundle, and for what is given twice.
    """
    secrets = dict(named or {})
    variables = dict(_variables(environment))
    if variables:
        lines = (f"{name}={shlex.quote(value)}\n" for name, value in sorted(variables.items()))
        secrets[_OWN] = "".join(lines).encode("utf-8", "surrogateescape")
    bundle = _bundle(environment, ca_bundle, secrets)
    if bundle:
        secrets["ca"] = bundle
    if netrc:
        secrets["netrc"] = _joined(netrc, secrets.get("netrc", b""))
    return secrets


def require(wanted: Iterable[str], given: Mapping[str, bytes]) -> None:
    """Raise SpecError where one is missing that the spec names."""
    for name in wanted:
        if name not in given:
            raise SpecError(
                f"the secret {name}, without which the image is not built, is not given",
                hint=f"give it with --secret id={name},src=FILE",
            )


def _words(text: str) -> Mapping[str, str]:
    """`id` and one of `src` and `env`."""
    import csv  # only where a secret is named

    words: dict[str, str] = {}
    try:
        parts = next(csv.reader([text]), [])
    except csv.Error as error:  # a line break that no quotes hold
        raise SpecError("the secret has a line break in its words", hint=_WRITE) from error
    for part in parts:
        key, equals, value = part.partition("=")
        if key not in _KEYS or not equals or not value or key in words:
            # Who writes id=NAME,value=… has put the secret itself there.
            shown = part if key in _KEYS or not equals else f"{key}=…"
            raise SpecError(f"the secret cannot be understood at {shown!r}", hint=_WRITE)
        words[key] = value
    if "id" not in words:
        raise SpecError(f"the secret {text!r} has no id", hint=_WRITE)
    if ("src" in words) == ("env" in words):
        raise SpecError(f"the secret {text!r} names not one file or variable", hint=_WRITE)
    if not _ID.fullmatch(words["id"]):
        raise SpecError(
            f"the secret id {words['id']!r} is not a name of letters, digits, `.`, `_` and `-`",
            hint="choose another id",
        )
    if words["id"] == _OWN:
        raise SpecError(f"the secret id {_OWN!r} is the builder's own", hint="choose another id")
    return words


def _value(name: str, words: Mapping[str, str], environment: Mapping[str, str]) -> bytes:
    if "env" in words:
        if words["env"] not in environment:
            raise SpecError(
                f"the secret {name} is to come from the variable {words['env']}, which is not set",
                hint=f"set {words['env']}, or name another variable",
            )
        value = environment[words["env"]].encode("utf-8", "surrogateescape")
    else:
        try:
            value = Path(words["src"]).read_bytes()
        except OSError as error:
            raise SpecError(
                f"the secret {name} cannot be read from {words['src']}: {error.strerror}",
                hint="check the name of the file",
            ) from error
    _check_size(f"the secret {name}", value, hint="shorten it to what the build needs")
    return value


def _joined(ours: bytes, given: bytes) -> bytes:
    """The logins of the requirements before those of a file; programs differ in which one wins."""
    both = set(_MACHINE.findall(ours)) & set(_MACHINE.findall(given))
    if both:
        host = min(both).decode("utf-8", "replace")
        raise SpecError(
            f"the login for {host} is given twice, by the requirements and by --secret id=netrc",
            hint="take it out of one of them",
        )
    return ours + given


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


def _bundle(
    environment: Mapping[str, str], named: Path | None, secrets: Mapping[str, bytes]
) -> bytes | None:
    if "ca" in secrets:
        if named is not None:
            raise SpecError(
                "the CA bundle is given twice, by --ca-bundle and by --secret id=ca",
                hint="give it once",
            )
        return _checked("the CA bundle of --secret id=ca", secrets["ca"])
    if named is not None:
        return _read(named)
    of_pip = _certificates(secrets["pip.conf"]) if "pip.conf" in secrets else None
    if of_pip is not None:
        return _read(of_pip)
    for name in BUNDLES:
        path = environment.get(name)
        if path and Path(path).is_file():
            return _read(Path(path))
    return None


def _certificates(pip_conf: bytes) -> Path | None:
    """The bundle that a pip.conf names: its content travels, for its path means nothing there."""
    import configparser  # only where there is one

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(pip_conf.decode("utf-8"))
    except (configparser.Error, UnicodeDecodeError):
        # What it says quotes the file.
        raise SpecError(
            "the secret pip.conf is not a file that pip can read",
            hint="check it with `pip config debug`",
        ) from None
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            for name, value in parser.items(section):
                found[name.replace("_", "-").removeprefix("--")] = value  # as pip reads names
    if "client-cert" in found:
        raise SpecError(
            "the secret pip.conf names a client certificate, which does not reach a build",
            hint="take `client-cert` out, and give a login to the index instead",
        )
    return Path(found["cert"]).expanduser() if found.get("cert") else None


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SpecError(
            f"the CA bundle {path} cannot be read: {error.strerror}",
            hint="name a file of PEM certificates with --ca-bundle",
        ) from error
    return _checked(f"the CA bundle {path}", content)


def _checked(what: str, content: bytes) -> bytes:
    if b"-----BEGIN CERTIFICATE-----" not in content and b"TRUSTED CERTIFICATE" not in content:
        raise SpecError(
            f"{what} holds no PEM certificate",
            hint="convert it with `openssl x509 -inform der -in FILE -out FILE.pem`",
        )
    _check_size(what, content, hint="name a bundle of fewer certificates with --ca-bundle")
    return content


def _check_size(what: str, value: bytes, *, hint: str) -> None:
    from toolkit.engine.buildkit import LARGEST_SECRET  # only where there is a secret

    if len(value) > LARGEST_SECRET:
        raise SpecError(
            f"{what} has {len(value)} bytes, a build secret at most {LARGEST_SECRET}", hint=hint
        )
