"""The options of a requirements file, folded one by one as pip does it.

Hides what each option does to those before it: the last index wins, `:all:` and `:none:` undo.
"""

from __future__ import annotations

import re
from dataclasses import replace

from packaging.utils import canonicalize_name

from toolkit.deps.dependencies import IndexOptions
from toolkit.errors import SpecError

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_HOST = re.compile(r"(?:[A-Za-z0-9.*-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?")


def apply(options: IndexOptions, name: str, value: str) -> IndexOptions:
    """Give the options with one more of them. URLs and paths are already checked and rewritten.

    Raises SpecError, without a place.
    """
    match name:
        case "index-url":
            return replace(options, index_url=value)
        case "no-binary" | "only-binary":
            return _binary(options, name, value)
        case "extra-index-url" | "find-links" | "trusted-host" | "use-feature":
            return _listed(options, name, value)
        case _:
            return _flag(options, name)


def _flag(options: IndexOptions, name: str) -> IndexOptions:
    match name:
        case "no-index":
            return replace(options, no_index=True)
        case "prefer-binary":
            return replace(options, prefer_binary=True)
        case "pre":
            return replace(options, pre=True)
        case _:
            return replace(options, require_hashes=True)


def _listed(options: IndexOptions, name: str, value: str) -> IndexOptions:
    match name:
        case "extra-index-url":
            return replace(options, extra_index_urls=_more(options.extra_index_urls, value))
        case "find-links":
            return replace(options, find_links=_more(options.find_links, value))
        case "trusted-host":
            return replace(options, trusted_hosts=_more(options.trusted_hosts, _host(value)))
        case _:
            return replace(options, features=_more(options.features, value))


def _more(values: tuple[str, ...], value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*values, value)))


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise SpecError(
            f"the trusted host {value!r} is not a host name", hint="write it as HOST or HOST:PORT"
        )
    return value.lower()


def _binary(options: IndexOptions, name: str, value: str) -> IndexOptions:
    chosen, other = options.no_binary, options.only_binary
    if name == "only-binary":
        chosen, other = other, chosen
    for item in value.split(","):
        if item == ":all:":
            chosen, other = frozenset({item}), frozenset()
        elif item == ":none:":
            chosen = frozenset()
        elif _NAME.fullmatch(item):
            package = frozenset({str(canonicalize_name(item))})
            chosen, other = chosen | package, other - package
        else:
            raise SpecError(
                f"'--{name}' is given {item!r}, which is not the name of a package",
                hint="give names separated by commas, ':all:' or ':none:'",
            )
    if name == "only-binary":
        chosen, other = other, chosen
    return replace(options, no_binary=chosen, only_binary=other)
