"""How long `toolkit doctor` takes beside one question to the engine: medians of one run.

    python benchmarks/doctor.py [ROUNDS]

The default set is to be under 2 s, the start of Python included. Needs an engine; changes nothing.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from toolkit.engine import connect

BUDGET = 2.0
COMMAND = (sys.executable, "-m", "toolkit", "doctor")


def doctor() -> None:
    """The whole command, as it is typed; a problem that it finds is no fault of the benchmark."""
    subprocess.run(COMMAND, capture_output=True, check=False)


def info() -> None:
    """The engine's own account of itself, which most of the checks are made from."""
    with connect() as engine:
        engine.info()


def seconds(act: Callable[[], None]) -> float:
    """By the wall clock."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    pairs = [(seconds(doctor), seconds(info)) for _ in range(rounds)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"toolkit doctor {ours:.2f} s (budget {BUDGET:g} s), one info {1000 * theirs:.0f} ms")
    sys.exit(ours > BUDGET)
