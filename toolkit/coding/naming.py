"""What file a block becomes: by its first line, else by the md5 of its text. Pure.

Hidden here: that models write remarks after a name and comments that are none (reference,
autogen.md section 4.2), and what AutoGen's own suites demand all the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from toolkit.coding.languages import SUFFIXES

_SHELL: Final = (".sh", ".bash", ".ps1")
_LOOKS_LIKE: Final[Mapping[str, tuple[str, ...]]] = {
    "python": (".py", ".pyw", ".pyi"),
    "javascript": (".js", ".mjs", ".cjs"),
    "html": (".html", ".htm"),
    "css": (".css",),
    **dict.fromkeys(("sh", "bash", "shell", "pwsh", "powershell", "ps1"), _SHELL),
}
_COMMENT: Final = re.compile(
    r"(?:<!--(?P<html>.*)-->|/\*(?P<css>.*)\*/|//(?P<js>.*)|\#(?P<py>.*))", re.DOTALL
)
_PREFIX: Final = re.compile(r"filename\s*:\s*", re.IGNORECASE)
_REMARK: Final = re.compile(r"\s+(?:#.*|\(.*\))$")


def automatic(code: str, language: str) -> str:
    """The name of a block that named no file."""
    digest = hashlib.md5(code.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    return f"tmp_code_{digest}.{SUFFIXES[language]}"


def named_by(code: str, language: str, *, bare: bool = True) -> str | None:
    """The name that the first line gives, or None.

    `bare`: a comment that is nothing but the name of such a file counts, too.
    """
    comment = _COMMENT.fullmatch(code.split("\n", 1)[0].strip())
    if comment is None:
        return None
    text = next(group for group in comment.groups() if group is not None).strip()
    prefix = _PREFIX.match(text)
    if prefix is not None:
        return _bare(text[prefix.end() :]) or None
    if not bare or re.search(r"[\s:]", text) or not text.endswith(_LOOKS_LIKE[language]):
        return None
    return text


def as_argument(name: str) -> str:
    """The name as a program's argument: never an option."""
    return f"./{name}" if name.startswith("-") else name


def _bare(text: str) -> str:
    """The name without the remark after it and the quotes around it."""
    name = _REMARK.sub("", text.strip())
    while len(name) > 1 and name[0] == name[-1] and name[0] in "\"'`":
        name = name[1:-1].strip()
    return name
