"""The story's speed beside what anybody would do instead: ratios of medians, from one run.

    make bench        or        python benchmarks/story.py [--rounds N] [--only WORD]

Ours and theirs are run in turn, so that a machine whose speed drifts does both the same harm. The
figures are those of this machine in this hour; the ratios are what can be compared. Needs an engine
and a base image (`make engine base`); leaves neither images nor containers behind.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import docker

from toolkit import builder, deps, renderer, resources
from toolkit.builder import BuildOptions, Plan
from toolkit.coding import CodeBlock
from toolkit.coding.docker import DockerCommandLineCodeExecutor
from toolkit.engine import Engine, connect
from toolkit.spec import ImageSpec

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "images" / "demo" / "requirements.txt"
PYTHON = sys.executable
PING = "import docker; docker.from_env().ping()"
BUNDLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

CleanUp = Callable[[], None]
Act = Callable[[], CleanUp | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two ways to the same end. `bar` is what the issue allows ours to be, as a part of theirs."""

    what: str
    against: str
    bar: float
    rounds: int
    ours: Act
    theirs: Act


def seconds(act: Act) -> float:
    """How long it takes, by the wall clock; what is left to be cleaned up does not count."""
    start = time.perf_counter()
    clean_up = act()
    taken = time.perf_counter() - start
    if clean_up is not None:
        clean_up()
    return taken


def measured(comparison: Comparison) -> tuple[list[float], list[float]]:
    """Both ways, once to warm up where it is cheap, then in turn."""
    if comparison.rounds > 3:
        seconds(comparison.ours)
        seconds(comparison.theirs)
    ours, theirs = [], []
    for _ in range(comparison.rounds):
        ours.append(seconds(comparison.ours))
        theirs.append(seconds(comparison.theirs))
    return ours, theirs


def process(*argv: str) -> Act:
    """A whole process, its output thrown away. Byte-code is written, as it is for users."""
    environment = {key: value for key, value in os.environ.items() if key != DONT_WRITE}

    def act() -> None:
        subprocess.run(argv, check=True, capture_output=True, env=environment, cwd=ROOT)

    return act


DONT_WRITE = "PYTHONDONTWRITEBYTECODE"


def cold_build(engine: Engine) -> Act:
    """`build-image` of the demo with nothing cached: no step, no wheel, no uv."""

    def act() -> CleanUp:
        mark = secrets.token_hex(6)
        before = cache_records(engine)
        templates = {
            path: re.sub(r"id=toolkit-(python|bytecode)", rf"id=bench-{mark}-\1", text)
            for path, text in resources.templates().items()
        }
        options = BuildOptions(resources.cache(os.environ), no_cache=True, rebuild=True)
        spec = ImageSpec(deps.read([DEMO], env=os.environ), name=f"bench-{mark}")
        planned = builder.plan(spec, engine=engine, options=options)
        planned = replace(planned, rendered=renderer.render(spec, planned.base, templates))
        builder.build(planned, engine=engine, environment=os.environ, options=options)
        return lambda: forget(engine, planned, before)

    return act


def forget(engine: Engine, planned: Plan, before: set[str]) -> None:
    """Remove the image and all that one cold build added to the engine's build cache."""
    engine.remove_image(str(planned.reference))
    prune(engine, cache_records(engine) - before)


def prune(engine: Engine, records: set[str]) -> None:
    """Remove these records of the engine's build cache, but for what is in use."""
    for record in records:
        query = {"all": "1", "filters": json.dumps({"id": [record]})}
        engine.open("POST", "/build/prune", doing="pruning", params=query).close()


def cache_records(engine: Engine) -> set[str]:
    """The ids of what the engine's build cache holds."""
    with engine.open("GET", "/system/df", doing="asking for disk usage") as answer:
        usage = json.loads(b"".join(answer.chunks()))
    return {record["ID"] for record in usage.get("BuildCache") or ()}


def classic_build(base: str) -> Act:
    """What people write by hand, on the engine's classic builder: `pip install -r`."""
    client = docker.from_env()
    bundle = next((Path(os.environ[name]) for name in BUNDLES if os.environ.get(name)), None)
    lines = [f"FROM {base}", "COPY . /build"]
    if bundle is not None:
        lines.append("ENV PIP_CERT=/build/ca.pem")
    lines.append(
        "RUN (pip --version && pip install --no-cache-dir -r /build/requirements.txt)"
        " || (python3 -m venv /opt/venv"
        " && /opt/venv/bin/pip install --no-cache-dir -r /build/requirements.txt)"
    )

    def act() -> CleanUp:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "Dockerfile").write_text("\n".join(lines) + "\n")
            (Path(folder) / "requirements.txt").write_bytes(DEMO.read_bytes())
            if bundle is not None:
                (Path(folder) / "ca.pem").write_bytes(bundle.read_bytes())
            image, _ = client.images.build(path=folder, nocache=True, forcerm=True)
        return lambda: client.images.remove(str(image.id))

    return act


def executor(image: str, folder: Path) -> Act:
    """Open, hello, close."""

    def act() -> None:
        with DockerCommandLineCodeExecutor(image=image, work_dir=folder) as opened:
            result = opened.execute_code_blocks([CodeBlock("print('hello')", "python")])
        if result.output != "hello\n":
            raise RuntimeError(f"the block said {result.output!r}")

    return act


def bare_container(image: str) -> Act:
    """Create, start, remove, by docker-py: nothing is run in it."""
    client = docker.from_env()

    def act() -> None:
        container = client.containers.create(image, "sleep 60")
        container.start()
        container.remove(force=True)

    return act


def comparisons(engine: Engine, image: str, base: str, folder: Path) -> list[Comparison]:
    """The table of the issue."""
    toolkit = str(Path(PYTHON).with_name("toolkit"))
    nothing = process(toolkit, "build-image", "--quiet", "--deps", str(DEMO))
    return [
        Comparison(
            "toolkit --help",
            'python -c "import click"',
            1.6,
            15,
            process(toolkit, "--help"),
            process(PYTHON, "-c", "import click"),
        ),
        Comparison(
            "build-image, nothing to do",
            f'python -c "{PING}"',
            2.0,
            15,
            nothing,
            process(PYTHON, "-c", PING),
        ),
        Comparison(
            "executor: open, hello, close",
            "docker-py: create, start, rm -f",
            1.5,
            9,
            executor(image, folder),
            bare_container(image),
        ),
        Comparison(
            "cold build of images/demo, verified",
            "pip install -r, classic builder",
            0.6,
            3,
            cold_build(engine),
            classic_build(base),
        ),
    ]


def row(comparison: Comparison, ours: list[float], theirs: list[float]) -> str:
    """One line of the table: medians, their ratio, the bar, and each pair's extremes."""
    ratio = statistics.median(ours) / statistics.median(theirs)
    pairs = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    out = io.StringIO()
    out.write(f"{comparison.what:<36}{comparison.against:<52}")
    out.write(f"{statistics.median(ours):8.3f}{statistics.median(theirs):9.3f}")
    out.write(f"{ratio:7.2f}{comparison.bar:6.1f}  {min(pairs):.2f} to {max(pairs):.2f}")
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, help="instead of each comparison's own number")
    parser.add_argument("--only", default="", help="only comparisons with this in their name")
    arguments = parser.parse_args()
    with connect() as engine, tempfile.TemporaryDirectory() as folder:
        spec = ImageSpec(deps.read([DEMO], env=os.environ), name="demo")
        options = BuildOptions(resources.cache(os.environ))
        planned = builder.plan(spec, engine=engine, options=options)
        built = builder.build(planned, engine=engine, environment=os.environ, options=options)
        head = f"{'ours':<36}{'theirs':<52}{'ours s':>8}{'theirs s':>9}{'ratio':>7}{'bar':>6}"
        print(f"{head}  pairs", flush=True)
        table = comparisons(engine, str(built.reference), str(planned.base.name), Path(folder))
        for comparison in table:
            if arguments.only in comparison.what:
                chosen = replace(comparison, rounds=arguments.rounds or comparison.rounds)
                print(row(chosen, *measured(chosen)), flush=True)


if __name__ == "__main__":
    main()
