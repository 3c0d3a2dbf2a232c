"""Choose what is kept of fuzzing: small inputs that together reach all that was reached.

Hidden here: how it is seen what an input reaches, which is every step from one line of our readers
to another. `make fuzz-keep` writes them to tests/fuzz/corpus, in place of what is there.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import toolkit
from tests.fuzz.targets import CORPUS, FUZZED, WORK, Fuzzed

_OURS: Final = tuple(f"{Path(toolkit.__file__).parent}/{name}/" for name in ("deps", "spec"))
Step = tuple[CodeType, int, int]


def reached(fuzzed: Fuzzed, data: bytes) -> set[Step]:
    """The steps that an input takes."""
    found: set[Step] = set()
    last: dict[FrameType, int] = {}

    def local(frame: FrameType, event: str, _: Any) -> Any:  # noqa: ANN401 - sys.settrace's own
        if event == "line":
            found.add((frame.f_code, last.get(frame, 0), frame.f_lineno))
            last[frame] = frame.f_lineno
        elif event == "return":
            last.pop(frame, None)
        return local

    def entered(frame: FrameType, _event: str, _: Any) -> Any:  # noqa: ANN401 - sys.settrace's own
        return local if frame.f_code.co_filename.startswith(_OURS) else None

    sys.settrace(entered)
    try:
        fuzzed.play(data)
    finally:
        sys.settrace(None)
    return found


def chosen(fuzzed: Fuzzed) -> Iterator[bytes]:
    """Of the runs so far and of what is kept, each input that reaches more than smaller ones."""
    known: set[Step] = set()
    for seed in fuzzed.seeds():  # which are replayed anyway
        known |= reached(fuzzed, seed)
    inputs = [*(WORK / fuzzed.name).iterdir(), *fuzzed.kept()]
    for data in sorted({path.read_bytes() for path in inputs}, key=lambda each: (len(each), each)):
        steps = reached(fuzzed, data)
        if not steps <= known:
            known |= steps
            yield data


def main() -> None:
    """Choose for each of them."""
    for fuzzed in FUZZED.values():
        found = list(chosen(fuzzed))
        for path in fuzzed.kept():
            path.unlink()
        for data in found:
            name = hashlib.sha256(data).hexdigest()[:16]
            (CORPUS / fuzzed.name / name).write_bytes(data)
        sys.stdout.write(f"{fuzzed.name}: {len(found)}, of {sum(map(len, found))} bytes\n")


if __name__ == "__main__":
    main()
