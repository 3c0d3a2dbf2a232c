"""What is fuzzed: bytes go in; a value or our own error comes out, and the value keeps its word.

Hidden here: how bytes become a file with a name that says how it is read, and the first inputs,
which are the files of tests/cases.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from toolkit import spec
from toolkit.deps import Dependencies, Selection, Target, read, select
from toolkit.errors import SpecError

HERE: Final = Path(__file__).parent
CORPUS: Final = HERE / "corpus"
WORK: Final = HERE.parents[1] / ".fuzz"
_CASES: Final = HERE.parent / "cases"
_IMAGES: Final = HERE.parents[1] / "images"
_ENV: Final = {"TOKEN": "secret", "EMPTY": ""}
_MACHINE: Final = Target("3.11.2", "linux/amd64")
_SPEC: Final = "image.toml"
_DOCUMENTS: Final = ("pyproject.toml", "pylock.toml", "poetry.lock", "Pipfile", _SPEC)
"""The first byte of an input chooses one of these: it is the number of a name."""


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """A parser with its inputs. `play` raises for what is neither read nor refused in words."""

    name: str
    play: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]

    def kept(self) -> list[Path]:
        """The inputs of earlier runs that each reached something new."""
        folder = CORPUS / self.name
        return sorted(folder.iterdir()) if folder.is_dir() else []


def _lexer(data: bytes) -> None:
    _play("requirements.txt", data, Selection())


def _toml(data: bytes) -> None:
    name = _DOCUMENTS[data[0] % len(_DOCUMENTS)] if data else _SPEC
    groups = () if name == _SPEC else ("dev",)
    extras = ("x",) if groups and name != "Pipfile" else ()
    _play(name, data[1:], Selection(extras, groups))


def _play(name: str, content: bytes, selection: Selection) -> None:
    with _folder() as folder:
        path = folder / name
        path.write_bytes(content)
        try:
            if name == _SPEC:
                spec.load(path)
                return
            found = select(read([path], env=_ENV, selection=selection), _MACHINE)
        except SpecError as error:
            if not error.hint:
                raise
            return
        _keeps_its_word(found, folder)


def _keeps_its_word(found: Dependencies, folder: Path) -> None:
    """What is written for the build has no login, and is read as the same list again."""
    written = {file.path: file.read() for file in found.context_files()}
    if found.local:  # whose paths are those of the build
        return
    again = folder / "again.txt"
    again.write_bytes(written["requirements.txt"])
    reread = read([again], env={})
    if reread.credentials:
        raise AssertionError(written)
    (same,) = (file.read() for file in reread.context_files() if file.path == "requirements.txt")
    if same != written["requirements.txt"]:
        raise AssertionError(written, same)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def _lists() -> Iterator[bytes]:
    for pattern in ("requirements/*/*.txt", "formats/*/requirements.txt"):
        yield from (path.read_bytes() for path in sorted(_CASES.glob(pattern)))


def _documents() -> Iterator[bytes]:
    for number, name in enumerate(_DOCUMENTS):
        for path in sorted((*_CASES.glob(f"formats/*/{name}"), *_IMAGES.glob(f"*/{name}"))):
            yield bytes([number]) + path.read_bytes()


FUZZED: Final[Mapping[str, Fuzzed]] = {
    each.name: each for each in (Fuzzed("lexer", _lexer, _lists), Fuzzed("toml", _toml, _documents))
}
