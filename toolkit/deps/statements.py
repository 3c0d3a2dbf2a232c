"""From one logical line to what it asks for: include, set an option, require something.

Hides pip's command-line dialect: short and long options, their aliases, values glued on or quoted,
options that belong to a requirement. What pip would silently ignore (a hash without a requirement,
words after the last option) is a problem here, for nobody writes it on purpose.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from toolkit.errors import SpecError


@dataclass(frozen=True, slots=True)
class Include:
    """`-r PATH`, or `-c PATH` where `constraint` is set."""

    path: str
    constraint: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """An option for the whole installation, by its long name: `index-url`, `pre`."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The text of a requirement, not yet understood, and the hashes that stood beside it."""

    text: str
    hashes: tuple[str, ...] = ()
    editable: bool = False


Statement = Include | Setting | Wanted

_FLAGS: Final = frozenset({"no-index", "prefer-binary", "pre", "require-hashes"})
_VALUED: Final = frozenset(
    {
        "requirement",
        "constraint",
        "editable",
        "index-url",
        "extra-index-url",
        "find-links",
        "no-binary",
        "only-binary",
        "trusted-host",
        "use-feature",
        "hash",
        "config-settings",
        "global-option",
        "install-option",
    }
)
_ALIASES: Final = {
    "r": "requirement",
    "c": "constraint",
    "e": "editable",
    "i": "index-url",
    "f": "find-links",
    "C": "config-settings",
    "pypi-url": "index-url",
    "config-setting": "config-settings",
}
_OF_A_REQUIREMENT: Final = frozenset({"hash", "config-settings", "global-option", "install-option"})
_HEX_DIGITS: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
_OPTION_START = re.compile(r"(?:^| )-")
_EDITABLE = re.compile(r"(?:-e *|--editable(?: +|=))(?=[^ ])")
_DIGEST = re.compile(r"sha256:[0-9A-Fa-f]{64}")
_PLAIN_HASHES = re.compile(r"(?: +--hash=sha256:[0-9A-Fa-f]{64})+")
_SHELL = re.compile(r"""["'\\\t\r\n]""")
_QUOTED = re.compile(r"""(["'])(.*?)\1""")
_OWN_LINE_HINT = "put it on a line of its own"


def parse(line: str) -> tuple[Statement, ...]:
    """Read a logical line. Raises SpecError, without a place."""
    if editable := _EDITABLE.match(line):
        # Before the shell's quoting is undone, which would take the quotes from a marker.
        return (_wanted(_unquoted(line[editable.end() :]), editable=True),)
    if line.startswith("-"):
        return tuple(_statement(name, value) for name, value in _options(line))
    return (_wanted(line, editable=False),)


def _wanted(text: str, *, editable: bool) -> Wanted:
    cut = _OPTION_START.search(text)
    end = len(text) if cut is None else cut.start()
    return Wanted(text[:end].strip(), _hashes(text[end:]), editable)


def _unquoted(text: str) -> str:
    quoted = _QUOTED.match(text)
    return quoted[2] + text[quoted.end() :] if quoted else text


def _statement(name: str, value: str) -> Statement:
    if name in ("requirement", "constraint"):
        return Include(value, constraint=name == "constraint")
    if name == "editable":
        return Wanted(value, editable=True)
    if name in _OF_A_REQUIREMENT:
        raise SpecError(
            f"'--{name}' stands without a requirement",
            hint="put it on the line of its requirement, or end the line before with a back-slash",
        )
    return Setting(name, value)


def _hashes(text: str) -> tuple[str, ...]:
    if not text:
        return ()
    if _PLAIN_HASHES.fullmatch(text):  # as tools write them
        return tuple(sorted({digest.lower() for digest in _DIGEST.findall(text)}))
    found: set[str] = set()
    for name, value in _options(text):
        if name == "hash":
            found.add(checked_hash(value))
        elif name in _OF_A_REQUIREMENT:
            raise SpecError(
                f"'--{name}' cannot be carried into the build",
                hint="build a wheel with that setting and refer to the wheel as a path",
            )
        else:
            raise SpecError(f"'--{name}' stands behind a requirement", hint=_OWN_LINE_HINT)
    return tuple(sorted(found))


def checked_hash(value: str) -> str:
    """Give `algorithm:digest` in lower case. Raises SpecError for what pip and uv cannot check."""
    algorithm, _, digest = value.partition(":")
    length = _HEX_DIGITS.get(algorithm)
    if length is None or not re.fullmatch(rf"[0-9A-Fa-f]{{{length}}}", digest):
        raise SpecError(
            f"the hash {value!r} is not one that can be checked",
            hint="write sha256:, sha384: or sha512: and all hexadecimal digits of the hash",
        )
    return f"{algorithm}:{digest.lower()}"


def _options(text: str) -> Iterator[tuple[str, str]]:
    """Yield the options of a text as long names and values; a flag's value is empty."""
    tokens = iter(_tokens(text))
    for token in tokens:
        name, value = _split(token)
        if name in _FLAGS and value is None:
            yield name, ""
        elif name in _VALUED:
            value = next(tokens, "") if value is None else value
            if not value:
                raise SpecError(f"'--{name}' is given without a value", hint="add its value")
            yield name, value
        else:
            raise _unknown(token)


def _tokens(text: str) -> list[str]:
    if not _SHELL.search(text):  # shlex takes each character in turn, and hashes have many
        return [token for token in text.split(" ") if token]
    try:
        return shlex.split(text)
    except ValueError as error:
        raise SpecError(
            "a quote is opened and never closed, or a back-slash ends the line",
            hint="close the quote, or write the text without quotes",
        ) from error


def _split(token: str) -> tuple[str, str | None]:
    """Take an option apart into its long name and the value that is glued to it, if any."""
    if token.startswith("--"):
        name, equals, value = token[2:].partition("=")
        return _ALIASES.get(name, name), value if equals else None
    if token.startswith("-") and token[1:2] in _ALIASES:
        return _ALIASES[token[1]], token[2:].removeprefix("=") or None
    return "", None


def _unknown(token: str) -> SpecError:
    name = token.partition("=")[0]
    if not token.startswith("-"):
        return SpecError(f"{token!r} stands behind the options of the line", hint=_OWN_LINE_HINT)
    if name.removeprefix("--") in _FLAGS:
        return SpecError(f"{name!r} is given a value and takes none", hint="remove the value")
    near = get_close_matches(name, [f"--{each}" for each in sorted(_FLAGS | _VALUED)], n=1)
    hint = f"write {near[0]!r}" if near else "remove it: a requirements file cannot hold it"
    return SpecError(f"the option {name!r} is not known", hint=hint)
