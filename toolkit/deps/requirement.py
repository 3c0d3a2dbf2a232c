"""One requirement: understood from its text, and written again in the one form that we keep.

Hides the many ways of writing the same wish: PEP 508 names, `name @ url`, bare URLs with `#egg=`,
paths with extras and markers. The names, versions and markers themselves are read by `packaging`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from toolkit.deps import urls
from toolkit.deps.urls import path_of_url
from toolkit.errors import SpecError

ARCHIVES: Final = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar")

# The marker of a path or URL is set off by white space: either may hold a semicolon itself.
_MARKER = re.compile(r"\s+;\s*|;\s+")
_GLUED = re.compile(r";(?:python_|platform_|sys_platform|os_name|implementation_|extra\b)")
_EXTRAS = re.compile(r"(.+?)\s*\[([^\[\]]*)\]")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]/]*\])? *[<>=!~]")
_NAMED_URL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*@")
_FRAGMENT = re.compile(r"#(?=(?:egg|subdirectory|sha256|sha384|sha512)=)")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the text of a requirement says. At most one of `url` and `path` is set.

    `url` is as written, credentials and all, so this value is never kept nor shown; `path` is as
    written too, and `fragment` what stood behind it (`subdirectory=…`).
    """

    name: str | None
    extras: tuple[str, ...] = ()
    specifier: str = ""
    marker: str = ""
    url: str | None = None
    path: str | None = None
    fragment: str = ""


def understand(text: str, *, editable: bool = False) -> Wish:
    """Read the text of a requirement. Raises SpecError, without a place.

    An editable one is a URL or a folder, also where it looks like the name of a package.
    """
    if editable and not (urls.is_scp_style(text) or _NAMED_URL.match(text)):
        return _located(text)
    if _PLAIN.match(text) and not text.lower().endswith(ARCHIVES):
        return _named(text)  # what most are, without a look for what they are not
    if urls.is_scp_style(text):
        raise SpecError(
            f"{text!r} is git's short form of an address, not a URL",
            hint="write git+ssh://USER@HOST/PATH",
        )
    if urls.scheme_of(text):
        return _located(text)
    if _NAMED_URL.match(text):
        return _named(text)
    if _looks_like_path(text):
        return _located(text)
    return _named(text)


def wheel_name(file_name: str) -> str:
    """Give the normalised name of the distribution in a wheel's file name. Raises SpecError."""
    try:
        return parse_wheel_filename(file_name)[0]
    except (InvalidWheelFilename, ValueError) as error:
        raise SpecError(
            f"{file_name!r} is not the file name of a wheel",
            hint="give the wheel the name that it was built with",
        ) from error


def _looks_like_path(text: str) -> bool:
    text = _MARKER.split(text, maxsplit=1)[0]
    bare = _EXTRAS.fullmatch(text)
    text = bare[1] if bare else text
    head = re.split(r"[<>=!~;]", text, maxsplit=1)[0]
    return text.startswith((".", "/")) or "/" in head or text.lower().endswith(ARCHIVES)


def _named(text: str) -> Wish:
    try:
        parsed = Parsed(text)
    except InvalidRequirement as error:
        raise _refusal(text, str(error)) from error
    if parsed.url is not None and _GLUED.search(parsed.url):
        raise _glued(text)
    wish = Wish(
        # Checked again: `packaging` takes an underscore at the end, which the grammar does not.
        name=_name(parsed.name),
        extras=tuple(sorted({_name(extra) for extra in parsed.extras})),
        specifier=str(parsed.specifier),
        marker=str(parsed.marker or ""),
    )
    return wish if parsed.url is None else _placed(wish, parsed.url)


def _located(text: str) -> Wish:
    """Read a bare URL or path, with the marker behind it."""
    place, *marker = _MARKER.split(text, maxsplit=1)
    if _GLUED.search(place):
        raise _glued(text)
    wish = Wish(name=None, marker=_marker(marker[0]) if marker else "")
    if urls.scheme_of(place) is None and (bare := _EXTRAS.fullmatch(place)):
        return _placed(replace(wish, extras=_extras(bare[2])), bare[1])
    return _placed(wish, place)


def _placed(wish: Wish, place: str) -> Wish:
    """Say where the distribution is, at a URL or a path; take its name from there if need be."""
    scheme = urls.scheme_of(place)
    egg = urls.fragment_value(place, "egg")
    if egg and wish.name is None:
        name = _EXTRAS.fullmatch(egg)
        wish = replace(wish, extras=_extras(name[2])) if name else wish
        wish = replace(wish, name=_name(name[1] if name else egg))
    if scheme in (None, "file"):
        path, fragment = _split_fragment(place)
        path = path_of_url(path) if scheme else path
        wish = replace(wish, path=path, fragment=fragment)
    else:
        wish = replace(wish, url=urls.without_fragment_key(place, "egg"))
        path = unquote(re.split(r"[?#]", place, maxsplit=1)[0])
    if wish.name is None and path.lower().endswith(".whl"):
        return replace(wish, name=wheel_name(path.rpartition("/")[2]))
    return wish


def _split_fragment(path: str) -> tuple[str, str]:
    cut = _FRAGMENT.search(path)
    if cut is None:
        return path, ""
    path, _, fragment = urls.without_fragment_key(path, "egg").partition("#")
    return path, fragment


def _marker(text: str) -> str:
    try:
        return str(Marker(text))
    except InvalidMarker as error:
        raise _refusal(text, str(error), "marker") from error


def _extras(text: str) -> tuple[str, ...]:
    return tuple(sorted({_name(extra.strip()) for extra in text.split(",") if extra.strip()}))


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise SpecError(
            f"{text!r} is not the name of a distribution or extra",
            hint="use letters, digits, '.', '_' and '-', with a letter or digit at either end",
        )
    return canonicalize_name(text)


def _glued(text: str) -> SpecError:
    return SpecError(
        f"the marker in {urls.masked(text)!r} is glued to what is before it",
        hint="put a space before the ';'",
    )


def _refusal(text: str, reason: str, what: str = "requirement") -> SpecError:
    """Say where the text stops making sense: `packaging` points at it with a caret."""
    shown = urls.masked(text)
    at = reason.rpartition("\n")[2].find("^") - 4
    tail = text[at:].strip() if 0 <= at <= len(text) else text
    where = f"cannot be understood from {tail!r} on" if tail else "is not complete"
    if tail.startswith("=") and not tail.startswith("=="):
        hint = "write '==' for an exact version"
    else:
        hint = "write it as in: name[extra]>=1.0; python_version > '3.11'"
    return SpecError(f"the {what} {shown!r} {where}", hint=hint)
