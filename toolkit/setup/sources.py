"""The package sources of a Debian or Ubuntu machine, for an image of the same suite.

A company's mirror is often the only one in reach, so what the machine uses is used. Taken over are
the distribution's own sources alone, over the network and without a password: a password would end
up in the image, and a source of somebody else has no key in it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

_KEYRINGS: Final = ("debian-archive-", "ubuntu-archive-")
_ONE_LINE: Final = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<rest>\S.*)")
_POCKETS: Final = ("", "-updates", "-security")


@dataclass(frozen=True, slots=True)
class Source:
    """Binary packages: addresses, suites and components, and who vouches for them."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)

    def stanza(self) -> str:
        """Write it as deb822, see sources.list(5)."""
        lines = [
            "Types: deb",
            f"URIs: {' '.join(self.uris)}",
            f"Suites: {' '.join(self.suites)}",
            f"Components: {' '.join(self.components)}",
            *(f"{key.title()}: {value}" for key, value in sorted(self.options.items())),
        ]
        return "\n".join(lines) + "\n"


def of_suite(found: Iterable[Source], suite: str) -> tuple[Source, ...]:
    """Choose the distribution's own sources of that suite, and nothing where its main one lacks."""
    chosen = tuple(
        Source(uris, suites, source.components, source.options)
        for source in found
        if "main" in source.components and _is_the_distributions(source)
        if (uris := tuple(filter(_is_open, source.uris)))
        if (suites := tuple(s for s in source.suites if s in {suite + p for p in _POCKETS}))
    )
    return chosen if any(suite in source.suites for source in chosen) else ()


def of_machine(folder: Path = Path("/etc/apt")) -> tuple[Source, ...]:
    """Read sources.list and sources.list.d; files that cannot be read are left out."""
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    found: list[Source] = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if file.suffix == ".sources":
            found += read_deb822(text)
        elif file.suffix == ".list":
            found += read_one_line(text)
    return tuple(found)


def read_one_line(text: str) -> Iterator[Source]:
    """Read `deb [options] uri suite components…` lines."""
    for line in text.splitlines():
        match = _ONE_LINE.fullmatch(line.partition("#")[0].strip())
        words = match["rest"].split() if match else []
        if match is None or len(words) < 3:
            continue
        pairs = (word.partition("=") for word in shlex.split(match["options"] or ""))
        options = {key.lower(): value for key, _, value in pairs}
        yield Source((words[0],), (words[1],), tuple(words[2:]), _kept(options))


def read_deb822(text: str) -> Iterator[Source]:
    """Read stanzas of `Key: value` with continuation lines."""
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        last = ""
        for line in (line for line in stanza.splitlines() if not line.startswith("#")):
            if line[:1].isspace():
                fields[last] = f"{fields.get(last, '')}\n{line}"
            else:
                key, _, value = line.partition(":")
                last = key.strip().lower()
                fields[last] = value.strip()
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes") != "no":
            yield Source(
                tuple(fields.get("uris", "").split()),
                tuple(fields.get("suites", "").split()),
                tuple(fields.get("components", "").split()),
                _kept(fields),
            )


def _kept(options: Mapping[str, str]) -> dict[str, str]:
    return {key: options[key] for key in ("signed-by", "trusted") if options.get(key)}


def _is_the_distributions(source: Source) -> bool:
    keyring = source.options.get("signed-by")
    return keyring is None or Path(keyring).name.startswith(_KEYRINGS)


def _is_open(uri: str) -> bool:
    parts = urlsplit(uri)
    return parts.scheme in {"http", "https"} and "@" not in parts.netloc
