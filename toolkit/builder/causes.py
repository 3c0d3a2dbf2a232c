"""What made a step fail, read from its log: pure, from lines to causes, the likeliest first.

Hides the wording of uv, pip and apt, as recorded from real failures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from toolkit.builder import needs
from toolkit.deps import CONTEXT_MOUNT
from toolkit.engine.buildkit.reasons import Reason
from toolkit.errors import Hint


@dataclass(frozen=True, slots=True)
class Cause:
    """`package`, or the `local` path of it: whose requirement is to blame, where that is known."""

    package: str | None
    text: str
    hint: str
    local: str = ""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known beside the log: of its network, the image's Python, its package manager."""

    network: Reason | None = None
    python: str = ""
    manager: str = "apt"


_NAME: Final = r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
_EXTRAS: Final = r"(?:\[[^\]]*\])?"
_LOCAL: Final = rf"file://{CONTEXT_MOUNT}/([^\s`#]+)"

_NO_UV: Final = "pip installs instead"

_BUILD_FAILED: Final = re.compile(
    rf"Failed to (?:download and )?build `{_NAME}(?:==| ?@ {_LOCAL}| ?@|`)"
)
_PIP_BUILD_FAILED: Final = re.compile(
    rf"(?:generating package metadata\. ╰─> (?!See )|Failed building wheel for )"
    rf"(?:from {_LOCAL}|{_NAME})"
)
_PIP_UNDER_WAY: Final = re.compile(
    rf"(?:Processing \./(\S+)|Collecting {_NAME})(?!.* (?:Processing \./|Collecting ))"
    r".*error: subprocess-exited-with-error"
)
_BUILD_FAILED_SOMEWHERE: Final = re.compile(
    r"The build backend returned an error|error: subprocess-exited-with-error"
)

_WHEELS: Final = re.compile(rf"toolkit: {_NAME}==\S+ has wheels for Python ((?:3\.\d+(?:, )?)+)")

_ABSENT: Final = re.compile(rf"{_NAME}{_EXTRAS} was not found in the (?:package registry|provided)")
_NO_VERSION: Final = re.compile(
    rf"there (?:is|are) no versions? of {_NAME}{_EXTRAS}([=<>!~][^\s,]*)?"
)
_PIP_NO_VERSION: Final = re.compile(
    rf"satisfies the requirement {_NAME}{_EXTRAS}(\S*)(?: \(from [^()]+\))?"
    r" \(from versions: ([^)]*)\)"
)
_ONLY: Final = re.compile(
    rf"only {_NAME}\S* (?:is|are) available and you require \1{_EXTRAS}([=<>!~][^\s]*[^\s,.])"
)
_OTHER_PYTHON: Final = re.compile(
    rf"Python version \(([^)]*)\) does not satisfy Python(\S+) and (?:all versions of )?"
    rf"{_NAME}{_EXTRAS}([=<>!~]\S*)? depends on Python"
)
_NO_WHEEL: Final = re.compile(
    rf"{_NAME}{_EXTRAS}([=<>!~]\S*)? has no wheels with a matching "
    r"(platform|Python (?:implementation|ABI|version)) tag"
)
_OTHER_WHEELS: Final = re.compile(
    rf"(?:only found wheels for|Wheels are available for) `{_NAME}`[^:]*? (?:Python \w+ tags?"
    r"|platforms?): ((?:`\w+`(?:, )?)+)"
)
_CPYTHON: Final = re.compile(r"cp3(\d+)t?")
_PIP_OTHER_PYTHON: Final = re.compile(r"versions that require a different python version: (.*?)ERR")
_NO_SOLUTION: Final = re.compile(
    r"No solution found when resolving dependencies|have conflicting dependencies"
)
_BECAUSE: Final = re.compile(r"[Bb]ecause (.*?), we can conclude|(?<=\s)(\S+ \S+ depends on \S+)")
_SHORT_STORY: Final = 3

_OTHER_HASH: Final = re.compile(
    rf"Hash mismatch for `{_NAME}|tampered with them\. (?:unknown package: )?{_NAME}(?:==| from)"
)
_NO_HASH: Final = re.compile(
    rf"(?:no trusted hash was provided for: `|none were provided for: |but found: "
    rf"|when any package has a hash\.\) |These do not: ){_NAME}"
)
_LOGIN: Final = re.compile(
    r"An index URL \((\S+?)\) could not be queried due to a lack of valid authentication"
    r"|An index \((\S+?)\) returned a 403 Forbidden"
    r"|40[13] Error, Credentials not correct for (\S+)|40[13] Client Error: \w+ for url: (\S+)"
)
_NOT_FETCHED: Final = re.compile(r"Failed to fetch: `?(\S+?)`?(?:\s|$)")
_NOT_REACHED: Final = re.compile(
    r"toolkit: (\w+: .*?); asking pip|after connection broken by '(\w+)\("
)

_NO_DEBIAN_PACKAGE: Final = re.compile(
    r"E: (?:Unable to locate package|Package '?)\s*([a-z0-9][a-z0-9+.-]*)"
)


def found(log: tuple[str, ...], known: Circumstances) -> Iterator[Cause]:
    """Yield what the log gives as causes."""
    # What was said while uv was looked for in vain is nobody's fault.
    flat = " ".join(" ".join(log).split()).rpartition(_NO_UV)[2]
    yield from _of_log_in(flat)
    yield from _of_fetching(flat, known)
    yield from _of_hashes(flat)
    yield from _of_building(flat, known.manager)
    yield from _of_python(flat, known.python)
    yield from _of_resolving(flat, known.python)
    for name in _NO_DEBIAN_PACKAGE.findall(flat):
        yield Cause(
            None,
            f"the Debian package {name} does not exist for this base",
            "check its spelling; the names are those of the base's own release",
        )


def _of_building(flat: str, manager: str) -> Iterator[Cause]:
    failed = _BUILD_FAILED.findall(flat)
    wheels = dict(_WHEELS.findall(flat))
    for pattern in (_PIP_BUILD_FAILED, _PIP_UNDER_WAY):
        failed = failed or [(name, local) for local, name in pattern.findall(flat)]
    if not failed and _BUILD_FAILED_SOMEWHERE.search(flat):
        failed = [("", "")]
    for name, local in failed:
        shown = name or ("this project" if local else "a package")
        there = wheels.get(name, "")
        has = f"; it has wheels for Python {there} only" if there else ""
        text = f"{shown} could not be built from its source{has}"
        yield Cause(name or None, text, _build_hint(flat, there, manager), local)


def _build_hint(flat: str, there: str, manager: str) -> str:
    """Say what its build lacked, and where it need not be built."""
    option = f"--{manager}-build" if manager else "in another base"
    names, unknown = needs.packages(flat), needs.unknown(flat)
    lacking = [f"--apt-build {package}" for package in names]
    if names and manager != "apt":
        lacking = [f"what Debian calls {', '.join(names)} ({option})"]
    elif unknown:
        lacking.append(f"--apt-build with the Debian package that has {', '.join(unknown)}")
    other = (
        "choose one of these with --python or --base" if there else "take a version with a wheel"
    )
    if lacking:
        return f"give its build what it lacked: {' '.join(lacking)}; or {other}"
    return f"read the log above: most often its build lacks a tool ({option}); or {other}"


def _of_python(flat: str, python: str) -> Iterator[Cause]:
    """What there is, but for another Python than the image's."""
    for has, needed, name, specifier in _OTHER_PYTHON.findall(flat):
        text = f"{name}{specifier} needs Python {needed}, and the image has {python or has}"
        yield Cause(name, text, _another_python(name))
    others = dict(_OTHER_WHEELS.findall(flat))
    for name, specifier, what in _NO_WHEEL.findall(flat):
        yield _no_wheel(f"{name}{specifier}", name, what, python, others.get(name, ""))
    ignored = _PIP_OTHER_PYTHON.search(flat)
    for name, specifier, _there in _PIP_NO_VERSION.findall(flat) if ignored else ():
        shown = f"the image's Python {python}".rstrip()
        text = f"no version of {name} fits {name}{specifier} and {shown}"
        yield Cause(name, text, _another_python(name))


def _no_wheel(shown: str, name: str, what: str, python: str, others: str) -> Cause:
    """Say which Pythons, or which platforms, have a wheel where the image's has none."""
    tags = re.findall(r"\w+", others)
    if what == "platform":
        text = f"{shown} has no wheel for the image's platform"
        only = f"; it has wheels for {', '.join(tags)} only" if tags else ""
        return Cause(name, text + only, f"choose another version of {name}, or another --platform")
    minors = sorted({int(found[1]) for tag in tags if (found := _CPYTHON.fullmatch(tag))})
    pythons = ", ".join(f"3.{minor}" for minor in minors)
    ours = f"Python {python}" if python else "the image's Python"
    text = f"{shown} has no wheel for {ours}"
    if not pythons:
        return Cause(name, text, _another_python(name))
    return Cause(
        name,
        f"{text}; it has wheels for Python {pythons} only",
        f"choose one of these with --python or --base, or another version of {name}",
    )


def _another_python(name: str) -> str:
    return f"choose another Python with --python or --base, or another version of {name}"


def _of_resolving(flat: str, python: str) -> Iterator[Cause]:
    lacking = [(name, "", "none") for name in _ABSENT.findall(flat)]
    lacking += [(*each, "") for each in (*_NO_VERSION.findall(flat), *_ONLY.findall(flat))]
    lacking += _PIP_NO_VERSION.findall(flat)
    yield from (_lacking(each, python) for each in lacking)
    if _NO_SOLUTION.search(flat):
        why = ["".join(each) for each in _BECAUSE.findall(flat)]
        shown = f": {' and '.join(why)}" if 0 < len(why) <= _SHORT_STORY else ""
        yield Cause(
            None,
            f"the requirements contradict each other{shown}",
            "loosen one of the versions",
        )


def _lacking(found_lacking: tuple[str, str, str], python: str) -> Cause:
    name, specifier, there = found_lacking
    if there == "none":
        return Cause(
            name,
            f"{name} is not in the package index",
            "check its spelling, or name the index that has it with --index-url in the file",
        )
    shown = (
        f"no version of {name} fits {name}{specifier}" if specifier else f"{name} has no version"
    )
    return Cause(
        name,
        f"{shown} for Python {python}" if python else shown,
        "loosen the version, or choose another Python with --python or --base",
    )


def _of_hashes(flat: str) -> Iterator[Cause]:
    for name in ("".join(each) for each in _OTHER_HASH.findall(flat)):
        yield Cause(
            name,
            f"{name} has another hash than the one that is asked for",
            "find out why before you change the hash: the file may have been tampered with",
        )
    for name in _NO_HASH.findall(flat):
        yield Cause(
            name,
            f"{name} needs a version with == and a hash, because other requirements have hashes",
            "give all requirements hashes, those that others need as well, or give none",
        )


def _of_log_in(flat: str) -> Iterator[Cause]:
    for url in ("".join(each) for each in _LOGIN.findall(flat)):
        host = urlsplit(url).hostname or url
        yield Cause(
            None,
            f"the package index at {host} wants another log-in than it got",
            f"give one for {host}: --secret id=netrc,src=FILE, --secret id=pip.conf,src=FILE, or "
            "in the address of the index",
        )


_INDEX: Final = Hint(
    "check the address of the package index, and whether the engine's network and proxies "
    "lead to it",
    check="net.index",
)


def _of_fetching(flat: str, known: Circumstances) -> Iterator[Cause]:
    hint = known.network.hint if known.network else _INDEX
    plain = known.network.text if known.network else ""
    for url in _NOT_FETCHED.findall(flat):
        yield Cause(None, f"{url} could not be fetched{plain and f': {plain}'}", hint)
    for why in ("".join(each) for each in _NOT_REACHED.findall(flat)):
        yield Cause(None, f"the package index could not be reached: {plain or why}", hint)
