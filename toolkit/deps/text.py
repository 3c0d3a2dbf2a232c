"""From the bytes of a requirements file to its logical lines.

Hides what pip does before it looks at a line: the encoding, lines that go on after a back-slash,
comments, `${VARIABLES}`. Differs from pip where pip guesses or stays silent: without a mark the
encoding is UTF-8 and never the machine's own, a variable that is not set is a problem at once, and
no control character gets through.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from toolkit.deps import urls
from toolkit.errors import SpecError

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING = re.compile(rb"#.*coding[:=]\s*([-\w.]+)")  # PEP 263, in the first two lines
_NEWLINE = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")  # the one form that pip expands
_WORD = re.compile(r"[^\W_]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_SAVE_AS_UTF8 = "save the file as UTF-8, or name its encoding in a first line '# coding: …'"


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """What pip takes for one line: joined, without its comment, tabs turned into blanks.

    `number` is that of its first physical line, from 1. `text` has its variables expanded; `shown`
    has not, and is what may be said in a message. `hidden` pairs each expanded value with its name.
    """

    number: int
    text: str = field(repr=False)
    shown: str
    hidden: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def reveals(self, text: str) -> bool:
        """Whether a text has a word of what the line hides: logins, and values of variables."""
        hidden = (urls.userinfo(self.text), *(value for value, _ in self.hidden))
        words = {word.lower() for each in hidden for word in _WORD.findall(each)}
        said = {word.lower() for word in _WORD.findall(text)}
        # A short word is in many longer ones by chance.
        return bool(words & said) or any(
            word in each for word in words if len(word) > 2 for each in said
        )

    def cover(self, text: str) -> str:
        """Give a part of the line with each expanded value turned into its variable again."""
        for value, name in self.hidden:
            text = text.replace(value, f"${{{name}}}")
        return urls.masked(self.shown) if self.reveals(text) else text


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be lexed, and why."""

    number: int
    problem: str
    hint: str


def decode(data: bytes) -> str:
    """Decode as pip does: by a byte-order mark, by a coding line, else as UTF-8.

    Raises SpecError (without the file's name) for bytes that are none of these.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode(data[len(mark) :], encoding)
    for line in data.split(b"\n", 2)[:2]:
        if coding := _CODING.match(line):
            return _decode(data, coding[1].decode("ascii", "replace"))
    return _decode(data, "utf-8")


def logical_lines(text: str, env: Mapping[str, str]) -> Iterator[LogicalLine | BadLine]:
    """Yield the lines that say something. Nothing is raised: a bad line is a value too."""
    for number, joined in _joined(_NEWLINE.split(text)):
        shown = _COMMENT.sub("", joined).replace("\t", " ").strip()
        if shown:
            yield _expanded(number, shown, env)


def _decode(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except LookupError as error:
        raise SpecError(
            f"the encoding {encoding!r} that the file names is not known", hint=_SAVE_AS_UTF8
        ) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecError(
            f"the file is not valid {encoding} (byte {data[error.start]:#04x} on line {line})",
            hint=_SAVE_AS_UTF8,
        ) from error
    except UnicodeError as error:
        raise SpecError(f"the file is not valid {encoding}", hint=_SAVE_AS_UTF8) from error
    if "\0" in text:
        raise SpecError(
            "the file is binary, not a list of requirements",
            hint="name a text file with a requirement a line",
        )
    return text


def _joined(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Join each line that ends in a back-slash with the next.

    A comment line is never continued, and ends what went before it, as in pip.
    """
    parts: list[str] = []
    start = 1
    for number, line in enumerate(lines, 1):
        if not parts:
            start = number
        comment = _COMMENT.match(line) is not None
        if line.endswith("\\") and not comment:
            parts.append(line[:-1])
            continue
        parts.append(f" {line}" if comment else line)
        yield start, "".join(parts)
        parts = []
    if parts:
        yield start, "".join(parts)


def _expanded(number: int, shown: str, env: Mapping[str, str]) -> LogicalLine | BadLine:
    if control := _CONTROL.search(shown):
        return BadLine(
            number, f"the line holds the control character {control[0]!r}", "remove it from there"
        )
    if shown.endswith("\\"):
        return BadLine(
            number,
            "the back-slash at the end of the line continues nothing",
            "remove the white space or the comment after the back-slash, or the back-slash",
        )
    names = tuple(dict.fromkeys(_VARIABLE.findall(shown)))
    if not names:
        return LogicalLine(number, shown, shown)
    for name in names:
        if not env.get(name):
            state = "empty" if name in env else "not set"
            return BadLine(
                number,
                f"the environment variable {name} is {state}",
                f"set {name}, or remove ${{{name}}} from the file",
            )
    text = _VARIABLE.sub(lambda match: env[match[1]], shown)
    if any(pattern.search(text) for pattern in (_CONTROL, _VARIABLE, _COMMENT)):
        return BadLine(
            number,
            f"the value of {' or '.join(names)} holds a control character, a comment or a variable",
            "set it to plain text in one line",
        )
    return LogicalLine(number, text, shown, tuple((env[name], name) for name in names))
