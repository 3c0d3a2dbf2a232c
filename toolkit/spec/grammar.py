"""What may stand in a spec: anchored grammars, each a function from text to a value or ValueError.

Hidden here: the patterns. The JSON Schema shows an editor the same ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from toolkit import labels
from toolkit.deps import urls
from toolkit.deps.debian import PACKAGE
from toolkit.reference import ImageReference

NAME: Final = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
PYTHON: Final = re.compile(r"3\.[0-9]{1,2}(?:\.[0-9]{1,3})?")
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?")
MODULE: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
# What begins with `-` is an option, with `!` a conflict, with `@` a group, with `/` a file.
APK: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*(?:[~=]=?[A-Za-z0-9][A-Za-z0-9._-]*)?")
RPM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._~^:-]*")
PLATFORM: Final = re.compile(r"linux/[a-z0-9]+(?:/v[0-9]+)?")
USER: Final = re.compile(r"[0-9]{1,10}(?::[0-9]{1,10})?")
# In a Dockerfile a `$` is expanded even in a list of strings, so that no path has one.
PATH: Final = re.compile(r"(?:/[A-Za-z0-9_.+@%=-]+)+")
MODE: Final = re.compile(r"0?[0-7]{3}")
SECRET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_LONGEST_NAME: Final = 64
_CONTRACT: Final = frozenset({"PATH", "HOME", "VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH"})
_NOT_OURS: Final = ("/dev", "/proc", "/sys", "/run/secrets", "/run/toolkit", "/opt/venv")


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"{text!r} is not {what}")
        return text

    return parse


package = _matching(PACKAGE, "the name of a Debian package")
apk = _matching(APK, "the name of an Alpine package")
rpm = _matching(RPM, "the name of an RPM package")
module = _matching(MODULE, "the name of a module")
python = _matching(PYTHON, "a Python version such as 3.12")
platform = _matching(PLATFORM, "a platform such as linux/arm64")
user = _matching(USER, "a uid, or uid:gid, in numbers")
secret = _matching(SECRET, "the id of a secret: letters, digits, `.`, `_` and `-`")


def index(text: str) -> str:
    """The URL of a package index; a login in it would be told to whoever reads the file."""
    line(urls.masked(text))
    found = urls.index(text)
    if found.credential is not None:
        raise ValueError(
            f"{urls.masked(text)!r} has a login, which belongs in a netrc file: --secret id=netrc"
        )
    return found.url


def name(text: str) -> str:
    if len(text) > _LONGEST_NAME or not NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not a name of lower-case letters, digits, `.`, `_` and `-`")
    return text


def variable(text: str) -> str:
    if not VARIABLE.fullmatch(text):
        raise ValueError(f"{text!r} is not the name of an environment variable")
    if text in _CONTRACT or text.startswith("LD_"):
        raise ValueError(f"{text!r} is set by the image itself: `python` must stay its own")
    return text


def label(text: str) -> str:
    if not LABEL.fullmatch(text):
        raise ValueError(f"{text!r} is not the name of a label")
    if text.startswith(f"{labels.NAMESPACE}."):
        raise ValueError(f"{text!r} is reserved: labels of {labels.NAMESPACE} are set by the build")
    return text


def line(text: str) -> str:
    """Any text of one line."""
    found = _CONTROL.search(text)
    if found:
        raise ValueError(f"{text!r} holds a control character at position {found.start()}")
    return text


def tag(text: str) -> ImageReference:
    reference = ImageReference.parse(text)
    if reference.digest is not None:
        raise ValueError(f"{text!r} has a digest, and a digest cannot be given to an image")
    return reference.tagged


def path(text: str) -> str:
    """An absolute path in the image, at which something of ours may lie."""
    if not PATH.fullmatch(text) or {".", ".."} & set(text.split("/")):
        raise ValueError(
            f"{text!r} is not an absolute path of letters, digits and `_.+@%=-` without `.` or `..`"
        )
    for kept in _NOT_OURS:
        if text == kept or text.startswith(f"{kept}/"):
            raise ValueError(f"{text!r} is in {kept}, which is not the spec's")
    return text


def mode(text: str) -> int:
    if not MODE.fullmatch(text):
        raise ValueError(f"{text!r} is not a mode such as 0644")
    return int(text, 8)


def command(text: str) -> str:
    """A command for a shell."""
    if not line(text).strip():
        raise ValueError("the command is empty")
    return text
