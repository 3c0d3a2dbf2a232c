"""Fuzz one parser with atheris, from what was kept and the cases: `make fuzz FUZZ_SECONDS=600`.

Hidden here: libFuzzer's arguments. The corpus of the runs is in `.fuzz/NAME/`, what they found in
`.fuzz/NAME-found/`; `make fuzz-keep` chooses of it what is kept in tests/fuzz/corpus.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["toolkit", "packaging", "tomllib", "shlex"]):
    from tests.fuzz.targets import FUZZED, WORK

_LONGEST: Final = 4096
_SECONDS_OF_ONE: Final = 20
_WORDS: Final = (
    *("-r ", "-c ", "-e ", "--index-url ", "--hash=sha256:", "--no-binary ", "--pre", ":all:"),
    *("git+https://", "https://u:p@h/", "file:", " @ ", "#egg=", "&subdirectory=", "${TOKEN}"),
    *("; ", "python_version", "sys_platform", "extra", " in ", " and ", "[x]", "\\\n", " #", "'"),
    *("\ufeff", "# coding: latin-1\n", "[project]\n", "dependencies = [", "[[package]]\n"),
    *("requires-python", "dependency-groups", "include-group", "optional-dependencies"),
    *("[tool.uv.sources]\n", "version", "markers", "files", "wheels", "hashes", "path", "url"),
)


def main() -> None:
    """Run one of them for some seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(FUZZED))
    parser.add_argument("--seconds", type=int, default=600)
    asked = parser.parse_args()
    fuzzed = FUZZED[asked.name]
    work, found = WORK / fuzzed.name, WORK / f"{fuzzed.name}-found"
    for folder in (work, found):
        folder.mkdir(parents=True, exist_ok=True)
    words = WORK / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in _WORDS), encoding="ascii")
    limits = [
        f"-dict={words}",
        f"-max_len={_LONGEST}",
        f"-timeout={_SECONDS_OF_ONE}",
        f"-artifact_prefix={found}/",
    ]
    _put(work, (path.read_bytes() for path in fuzzed.kept()))
    _put(work, fuzzed.seeds())
    limits += [f"-max_total_time={asked.seconds}", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *limits, str(work)], fuzzed.play)
    atheris.Fuzz()


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


def _put(folder: Path, inputs: Iterable[bytes]) -> None:
    for data in inputs:
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data[:_LONGEST])


if __name__ == "__main__":
    main()
