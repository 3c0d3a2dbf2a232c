"""The speed of running blocks beside everybody else's: one table of ratios of medians, of one run.

    make bench     or     python -m benchmarks.execute [--quick] [--rounds N] [--only WORD]

Ours and theirs are run in turn, so that a machine whose speed drifts does both the same harm. The
peers are installed in environments of their own (`.venv-peers/`), and all containers are made from
one image. What cannot be installed or does not work is a line with the reason. Needs an engine and
a base image (`make engine base`); leaves neither images nor containers behind.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.cases import Bench, Case, cases
from toolkit import connect
from toolkit.image import local_bases

DONT_WRITE: Final = "PYTHONDONTWRITEBYTECODE"
IN_THE_IMAGE: Final = ("pip", "pandas", "jupyter_kernel_gateway", "ipykernel", "swe-rex")
HEAD: Final = f"{'ours':<32}{'theirs':<34}{'ours ms':>9}{'theirs ms':>11}{'ratio':>9}{'bar':>7}"


@contextmanager
def one_image(folder: Path) -> Iterator[str]:
    """The image of all containers, with what the peers want inside; removed at the end."""
    name = f"bench-{os.getpid()}"
    wanted = folder / "requirements.txt"
    wanted.write_text("".join(f"{line}\n" for line in IN_THE_IMAGE))
    with connect() as engine:
        base = str(local_bases(engine)[0])
        build = [sys.executable, "-m", "toolkit", "build-image", "--quiet", "--name", name]
        built = subprocess.run(
            [*build, "--base", base, "--no-verify", "--deps", wanted],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        image = built.stdout.strip()
        try:
            yield image
        finally:
            engine.remove_image(image, force=True)


def measured(case: Case, bench: Bench, rounds: int) -> tuple[list[float], list[float]]:
    """Both sides, once to warm up where it is cheap, then in turn."""
    with ExitStack() as stack:
        ours, theirs = case.prepare(bench, stack)
        if case.rounds > 1:
            ours()
            theirs()
        pairs = [(ours(), theirs()) for _ in range(rounds)]
    return [mine for mine, _ in pairs], [other for _, other in pairs]


def row(case: Case, ours: list[float], theirs: list[float]) -> str:
    """One line of the table: medians, ratio, the bar, `!` where it is missed, and the extremes."""
    mine, other = statistics.median(ours), statistics.median(theirs)
    ratio = mine / other
    scale = 1 if case.against.endswith("MB") else 1000
    pairs = sorted(one / two for one, two in zip(ours, theirs, strict=True))
    figures = f"{mine * scale:9.2f}{other * scale:11.2f}{ratio:9.4f}{case.bar:7.2f}"
    held = "  " if ratio <= case.bar else " !"
    return f"{case.what:<32}{case.against:<34}{figures}{held} {pairs[0]:.4f} to {pairs[-1]:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, help="instead of each row's own number")
    parser.add_argument("--quick", action="store_true", help="to see that it works; no figures")
    parser.add_argument("--only", default="", help="only rows with this in their words")
    arguments = parser.parse_args()
    os.environ.pop(DONT_WRITE, None)
    with tempfile.TemporaryDirectory() as folder, one_image(Path(folder)) as image:
        bench = Bench(image, Path(folder), part=0.01 if arguments.quick else 1.0)
        print(f"{HEAD}    pairs", flush=True)
        for case in cases():
            if arguments.only not in f"{case.what} {case.against}":
                continue
            rounds = arguments.rounds or (min(case.rounds, 2) if arguments.quick else case.rounds)
            try:
                print(row(case, *measured(case, bench, rounds)), flush=True)
            except Exception as error:  # noqa: BLE001 - a row that fails is a row, with the reason
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                print(f"{case.what:<32}{case.against:<34}  none: {reason}", flush=True)


if __name__ == "__main__":
    main()
