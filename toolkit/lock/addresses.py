"""Which addresses a lock may hold: PyPI's, and what the dependency files themselves name.

Hides how uv writes a file down. Where this machine's settings send it, to a mirror or to a folder,
is of no use to others, and may be nobody's business: such a file keeps its name and its hash, by
which any index will have it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from toolkit.deps import IndexOptions

_PUBLIC: Final = "files.pythonhosted.org"
_USERINFO: Final = re.compile(r'(?<=://)[^/@"\s]*@')
_FILE: Final = re.compile(r'\b(?:url|path) = "([^"]*)"(?=, |\s*\})')
_KEPT: Final = ("archive = ", "vcs = ")
_HASH: Final = re.compile(r'\bsha256 = "([0-9a-f]{64})"')
_SETTINGS: Final = re.compile(r"(?:UV|PIP)_.*(?:INDEX|FIND_LINKS).*")
_PLACE: Final = re.compile(r"(?<=://)(?:[^/@\s]*@)?([^/@\s]+)")


def tidied(text: str, options: IndexOptions, environment: Mapping[str, str]) -> str:
    """The lock, without logins and without what is this machine's alone.

    `options` are those of the dependency files, `environment` is what uv was run with.
    """
    named = bool(options.index_url or options.extra_index_urls or options.find_links)
    settings = (value for name, value in environment.items() if _SETTINGS.fullmatch(name))
    here = {place for value in settings for place in _PLACE.findall(value)}

    def shared(found: re.Match[str]) -> str:
        parts = urlsplit(found[1])
        if parts.hostname == _PUBLIC:
            return found[0]
        is_remote = parts.scheme in ("http", "https")
        if named and is_remote and parts.netloc.rpartition("@")[2] not in here:
            return found[0]
        return f'path = "{unquote(parts.path).rpartition("/")[2]}"'

    blocks = text.split("\n\n")
    return _USERINFO.sub("", "\n\n".join(_once(block, shared) for block in blocks))


def _once(block: str, shared: Callable[[re.Match[str]], str]) -> str:
    """One package; a file that two places have is there once."""
    lines = [
        line if line.startswith(_KEPT) else _FILE.sub(shared, line) for line in block.split("\n")
    ]
    remote = {found[1] for line in lines if "{ url = " in line and (found := _HASH.search(line))}
    return "\n".join(line for line in lines if not _is_copy(line, remote))


def _is_copy(line: str, remote: set[str]) -> bool:
    found = _HASH.search(line)
    return line.startswith("    { path = ") and found is not None and found[1] in remote
