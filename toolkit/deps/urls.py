"""URLs in requirement files: their credentials taken out, the rest made inert.

Hides where a URL can carry a secret and which URLs can be used from inside a build at all. What is
left of a URL here can be written into a file of the context: no user, no password, and no
character that pip, uv or a shell would read as anything but part of a URL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from toolkit.errors import SpecError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_SCP = re.compile(r"(?:git\+)?[\w.-]+@[\w.-]+:(?!//)")
# Greedy, for a password may hold what ends a host by the grammar: better too much than a half.
_USERINFO = re.compile(r"(?<=://).*@")
_SAFE = "%/:?#[]@!&()*+,;=~"
_VCS = ("git", "hg", "svn", "bzr")
_WEB = ("http", "https")
_PLAIN_TOKEN = re.compile(r"[^\s\"\\#][^\s\"\\]*")


@dataclass(frozen=True, slots=True)
class Credential:
    """A login for a host. Neither login nor password is ever in a repr: either can be a token."""

    host: str
    login: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RemoteUrl:
    """A URL without credentials, and the credential that was in it."""

    url: str
    credential: Credential | None = None


def scheme_of(text: str) -> str | None:
    """Give the scheme in lower case, or None for what is no URL."""
    match = _SCHEME.match(text)
    return match[1].lower() if match else None


def vcs_of(url: str) -> str | None:
    """Give the version control system of a URL such as `git+https://…`, or None."""
    vcs, plus, _ = (scheme_of(url) or "").partition("+")
    return vcs if plus and vcs in _VCS else None


def is_scp_style(text: str) -> bool:
    """Whether this is git's short form `git@host:path`, which is no URL."""
    return _SCP.match(text) is not None


def masked(text: str) -> str:
    """Give the text with whatever stands between `://` and the last `@` hidden, for a message."""
    return _USERINFO.sub("***@", text)


def userinfo(text: str) -> str:
    """Give what `masked` hides."""
    return "".join(_USERINFO.findall(text))


def fragment_value(url: str, key: str) -> str | None:
    """Give the value of a key in the fragment: `egg` of `…#egg=name&subdirectory=a`."""
    for pair in url.partition("#")[2].split("&"):
        name, _, value = pair.partition("=")
        if name == key:
            return unquote(value)
    return None


def without_fragment_key(url: str, key: str) -> str:
    """Give the URL without this key in its fragment."""
    rest, _, fragment = url.partition("#")
    kept = "&".join(pair for pair in fragment.split("&") if pair.partition("=")[0] != key)
    return f"{rest}#{kept}" if kept else rest


def path_of_url(url: str) -> str:
    """Give the path of a file URL; `file:./x` is relative, as pip reads it. Raises SpecError."""
    path = url.partition(":")[2]
    if path.startswith("//"):
        host, slash, path = path[2:].partition("/")
        if host not in ("", "localhost"):
            raise SpecError(
                f"the file URL {masked(url)!r} names another host",
                hint="write file:///PATH, or the path alone",
            )
        path = slash + path
    path = unquote(path)
    if not path.isprintable():
        raise SpecError(
            f"the file URL {masked(url)!r} has a character that cannot be printed",
            hint="write the path as it is, or rename the file",
        )
    return path


def index(text: str) -> RemoteUrl:
    """Read the URL of a package index or a page of links. Raises SpecError."""
    if scheme_of(text) not in _WEB:
        raise SpecError(
            f"the index {masked(text)!r} is not a URL that a build can reach",
            hint="give an http or https URL, or use --find-links for a folder",
        )
    return _remote(text, strict=True)


def direct(text: str) -> RemoteUrl:
    """Read the URL of an archive or a repository. Raises SpecError."""
    scheme = scheme_of(text) or ""
    vcs, plus, transport = scheme.partition("+")
    if plus and vcs in _VCS[1:]:
        raise SpecError(
            f"the repository {masked(text)!r} is kept in {vcs}, and only git can be installed from",
            hint="refer to a checkout of it as a folder, or to an archive by its URL",
        )
    if plus and vcs in _VCS:
        if transport == "file":
            raise SpecError(
                f"the repository {masked(text)!r} is on this machine, out of a build's reach",
                hint="refer to its folder as a path, such as ./folder",
            )
        return _remote(text)
    if scheme not in _WEB:
        raise SpecError(
            f"the URL {masked(text)!r} is of a kind that cannot be installed from",
            hint="use an http or https URL, or git+https, or git+ssh",
        )
    return _remote(text)


def netrc(credentials: tuple[Credential, ...]) -> bytes | None:
    """Write the credentials as a netrc file, sorted by host; None where there are none.

    What needs quotes gets them: pip, uv and curl (and so git) undo them alike (tried, 2026-11).
    """
    lines = [
        f"machine {each.host} login {_token(each.login)} password {_token(each.password)}\n"
        for each in sorted(credentials, key=lambda each: each.host)
    ]
    return "".join(lines).encode() if lines else None


def _token(text: str) -> str:
    if _PLAIN_TOKEN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _remote(text: str, *, strict: bool = False) -> RemoteUrl:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        # Not quoted: where the host ends is what is unclear, and so where a password does.
        raise SpecError(
            f"the {scheme_of(text)} URL is not valid", hint="correct its host and port"
        ) from error
    if not host:
        raise SpecError(f"the URL {masked(text)!r} names no host", hint="correct the URL")
    userinfo, at, _ = parts.netloc.rpartition("@")
    _check_rest(parts, text, ambiguous=strict or (port is not None and not at))
    scheme = parts.scheme
    place = f"[{host}]" if ":" in host else host
    place = place if port is None else f"{place}:{port}"
    if scheme.endswith("ssh"):
        # The user of an ssh URL is part of the address, not a secret.
        if ":" in userinfo:
            raise SpecError(
                f"the URL {masked(text)!r} has a password, which ssh does not take",
                hint="remove the password and give the build a key",
            )
        place = f"{userinfo}@{place}" if at else place
    url = urlunsplit((scheme, place, parts.path, parts.query, parts.fragment))
    return RemoteUrl(quote(url, safe=_SAFE), _credential(host, userinfo, scheme))


def _check_rest(parts: SplitResult, text: str, *, ambiguous: bool) -> None:
    """Refuse a URL whose password goes on behind what reads as its host.

    `https://user:12/34@host` reads as port 12 of the host "user". An `@` in a path is right before
    the revision in the URL of a repository, and suspect anywhere else.
    """
    path = "" if vcs_of(text) else parts.path
    if "@" in parts.fragment or (ambiguous and "@" in path + parts.query):
        raise SpecError(
            f"the URL {masked(text)!r} has an '@' behind its host",
            hint="write '/', '?', '#' and '@' in a password as %2F, %3F, %23 and %40",
        )


def _credential(host: str, userinfo: str, scheme: str) -> Credential | None:
    login, _, password = (unquote(part) for part in userinfo.partition(":"))
    if scheme.endswith("ssh") or not userinfo or (login, password) == ("git", ""):
        return None
    if not login or not (login + password).isprintable():
        raise SpecError(
            f"the login for {host} is empty or has a character that cannot be printed",
            hint="write it as LOGIN:PASSWORD@HOST",
        )
    return Credential(host, login, password)
