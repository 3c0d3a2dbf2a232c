"""Reading and rendering beside what they are made of: ratios of medians, in one process.

    python -m benchmarks.parse [ROUNDS]

A file of 3,000 requirements, each with two hashes on lines of their own as pip-compile writes them,
beside packaging's `Requirement` on the same 3,000 texts; and a Dockerfile with its digest, beside
one plain Jinja2 render of the same template. Each is to take three times as long at most. Needs no
engine and no network.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import DictLoader, Environment
from packaging.requirements import Requirement

from toolkit import deps, resources
from toolkit.image import Base
from toolkit.reference import ImageReference
from toolkit.renderer import TEMPLATE, render
from toolkit.spec import ImageSpec

BAR: Final = 3.0
REQUIREMENTS: Final = 3000
BASE: Final = Base(
    name=ImageReference.parse("python:3-slim"),
    reference=ImageReference.parse("python:3-slim@sha256:" + "1" * 64),
    digest="sha256:" + "1" * 64,
    platform="linux/amd64",
    python="3.14.0",
    system="debian-trixie",
)
VALUES: Final = {
    "base": str(BASE.reference),
    "build_packages": [],
    "packages": ["libgl1", "libpq5"],
    "manager": BASE.manager,
    "install": ["sh", "/run/toolkit/steps/apt.sh"],
    "system_key": BASE.system,
    "base_key": "1" * 16 + "-linux-amd64",
    "environment": [("MODE", "fast")],
    "labels": [("team", "red")],
    "user": "",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Ours, and what it is measured against."""

    what: str
    ours: Callable[[], object]
    against: str
    theirs: Callable[[], object]


def texts() -> list[str]:
    """Requirements as a lock has them."""
    marker = " ; python_version >= '3.9' and sys_platform == 'linux'"
    return [
        f"package-{n}[extra]=={n % 20}.{n % 7}.{n}{marker if n % 3 == 0 else ''}"
        for n in range(REQUIREMENTS)
    ]


def written(folder: Path) -> Path:
    """The same as a file, with hashes."""
    lines = []
    for text in texts():
        digests = [hashlib.sha256(f"{text}{n}".encode()).hexdigest() for n in range(2)]
        lines.append(" \\\n    ".join([text, *(f"--hash=sha256:{each}" for each in digests)]))
    path = folder / "requirements.txt"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def rendered_plainly() -> str:
    """The same template from its text, by Jinja2 alone, with filters that do the least."""
    environment = Environment(
        loader=DictLoader(dict(TEMPLATES)),
        autoescape=False,  # noqa: S701 - a Dockerfile is no HTML
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        reference=str, identifier=str, quoted=lambda value: f'"{value}"', exec_form=json.dumps
    )
    return environment.get_template(TEMPLATE).render(VALUES)


TEMPLATES: Final = resources.templates()


def pairs(folder: Path) -> tuple[Pair, ...]:
    """What is compared."""
    path = written(folder)
    lines = texts()
    (folder / "small.txt").write_text("numpy\n")
    table = {"apt": VALUES["packages"], "environment": {"MODE": "fast"}, "labels": {"team": "red"}}
    spec = ImageSpec.from_mapping(table, deps.read([folder / "small.txt"], env={}))
    return (
        Pair(
            f"reading {REQUIREMENTS} hashed requirements",
            lambda: deps.read([path], env={}),
            "packaging's Requirement on each",
            lambda: [Requirement(line) for line in lines],
        ),
        Pair(
            "rendering, checking and digesting",
            lambda: render(spec, BASE, TEMPLATES),
            "one plain Jinja2 render",
            rendered_plainly,
        ),
    )


def seconds(act: Callable[[], object]) -> float:
    """By the wall clock."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def ratio(pair: Pair, rounds: int) -> float:
    """Measure in turns, print, and give the ratio of the medians."""
    taken = [(seconds(pair.ours), seconds(pair.theirs)) for _ in range(rounds)]
    ours, theirs = (statistics.median(column) for column in zip(*taken, strict=True))
    print(
        f"{pair.what}: {1000 * ours:.1f} ms; {pair.against}: {1000 * theirs:.1f} ms; "
        f"ratio {ours / theirs:.2f} (bar {BAR:g})"
    )
    return float(ours / theirs)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as temporary:
        found = [ratio(pair, count) for pair in pairs(Path(temporary))]
    sys.exit(max(found) > BAR)
