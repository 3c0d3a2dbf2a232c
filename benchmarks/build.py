"""The speed of building, its images and its client, beside what anybody would do instead.

    make bench     or     python -m benchmarks.build [--rounds N] [--only WORD]

Medians and their ratio, all of one run; ours and theirs in turn, so that a machine whose speed
drifts does both the same harm. Ours is always a verified image, theirs is whatever comes out. Each
run has cache mounts of its own, so that nothing is warm but what the row says. Needs an engine, a
base image and a package index (`make engine base`); leaves neither images nor caches behind.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import secrets
import statistics
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import docker

from benchmarks.story import (
    BUNDLES,
    DONT_WRITE,
    PING,
    PYTHON,
    cache_records,
    forget,
    process,
    prune,
)
from tests.peers.environments import Peer, interpreter
from toolkit import builder, deps, renderer, resources
from toolkit.builder import BuildOptions, Plan
from toolkit.engine import Engine, connect
from toolkit.image import local_bases
from toolkit.spec import ImageSpec

WANTED: Final = ("numpy", "pandas", "requests")
MORE: Final = ("rich", "jinja2", "click", "tqdm", "attrs", "tabulate", "networkx", "docutils")
"""The one requirement more: another one each round, for it must be new each time."""
UV: Final = Peer("uv", ("uv",), ours=False)
IMPORT: Final = (
    "import time; t = time.perf_counter(); import pandas; print(time.perf_counter() - t)"
)
MEGABYTES: Final = 500

Measure = Callable[[int], float]
"""What round number N comes to: seconds, or bytes."""


@dataclass(frozen=True, slots=True)
class Row:
    """`bar` is what ours may be, as a part of theirs. `prepare` makes both sides ready."""

    what: str
    against: str
    bar: float
    prepare: Callable[[Bench, ExitStack], tuple[Measure, Measure]]
    rounds: int = 5


@dataclass(slots=True)
class Bench:
    """What the rows are made from: an engine, a base, a folder, and what must go in the end."""

    engine: Engine
    base: str
    folder: Path
    mark: str = field(default_factory=lambda: f"bench-{secrets.token_hex(4)}")
    docker: docker.DockerClient = field(default_factory=docker.from_env)

    def ours(self, wanted: Sequence[str], *, cache: str, no_cache: bool = False) -> Plan:
        """Build and verify with cache mounts of that name; the time is the caller's business."""
        file = self._file(wanted)
        templates = {
            path: re.sub(r"id=toolkit-(python|bytecode)", rf"id={cache}-\1", text)
            for path, text in resources.templates().items()
        }
        options = BuildOptions(resources.cache(os.environ), rebuild=True, no_cache=no_cache)
        spec = ImageSpec(deps.read([file], env=os.environ), name=self.mark)
        planned = builder.plan(spec, engine=self.engine, options=options)
        planned = replace(planned, rendered=renderer.render(spec, planned.base, templates))
        builder.build(planned, engine=self.engine, environment=os.environ, options=options)
        return planned

    def theirs(self, wanted: Sequence[str], *, no_cache: bool = False) -> str:
        """What people write by hand: `pip install -r`, by the engine's classic builder."""
        bundle = next((Path(os.environ[name]) for name in BUNDLES if os.environ.get(name)), None)
        with tempfile.TemporaryDirectory() as folder:
            lines = [f"FROM {self.base}", "COPY . /build"]
            if bundle is not None:
                (Path(folder) / "ca.pem").write_bytes(bundle.read_bytes())
                lines.append("ENV PIP_CERT=/build/ca.pem")
            install = "/opt/venv/bin/pip install --no-cache-dir -r /build/requirements.txt"
            lines.append(f"RUN python3 -m venv /opt/venv && {install}")
            (Path(folder) / "Dockerfile").write_text("\n".join(lines) + "\n")
            (Path(folder) / "requirements.txt").write_bytes(self._file(wanted).read_bytes())
            image, _ = self.docker.images.build(path=folder, nocache=no_cache, forcerm=True)
        return str(image.id)

    def _file(self, wanted: Sequence[str]) -> Path:
        file = self.folder / "requirements.txt"
        file.write_text("".join(f"{each}\n" for each in wanted))
        return file


def seconds(act: Callable[[], object]) -> float:
    """How long it takes, by the wall clock."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def cold(bench: Bench, _stack: ExitStack) -> tuple[Measure, Measure]:
    """No step, no wheel, no uv, no bytecode."""

    def ours(number: int) -> float:
        before, made = cache_records(bench.engine), []
        cache = f"{bench.mark}-{number}"
        taken = seconds(lambda: made.append(bench.ours(WANTED, cache=cache, no_cache=True)))
        forget(bench.engine, made[0], before)
        return taken

    def theirs(_number: int) -> float:
        made: list[str] = []
        taken = seconds(lambda: made.append(bench.theirs(WANTED, no_cache=True)))
        bench.docker.images.remove(made[0])
        return taken

    return ours, theirs


def _one_more(bench: Bench, stack: ExitStack) -> Measure:
    """Ours, on caches that have what was wanted before and nothing else."""
    before = cache_records(bench.engine)
    first = bench.ours(WANTED, cache=bench.mark)
    stack.callback(forget, bench.engine, first, before)

    def ours(number: int) -> float:
        made: list[Plan] = []
        wanted = (*WANTED, MORE[number])
        taken = seconds(lambda: made.append(bench.ours(wanted, cache=bench.mark)))
        stack.callback(bench.engine.remove_image, str(made[0].reference))
        return taken

    return ours


def one_more(bench: Bench, stack: ExitStack) -> tuple[Measure, Measure]:
    """Beside the same file given to pip again."""
    ours = _one_more(bench, stack)
    stack.callback(bench.docker.images.remove, bench.theirs(WANTED))

    def theirs(number: int) -> float:
        made: list[str] = []
        taken = seconds(lambda: made.append(bench.theirs((*WANTED, MORE[number]))))
        bench.docker.images.remove(made[0])
        return taken

    return ours, theirs


def limit(bench: Bench, stack: ExitStack) -> tuple[Measure, Measure]:
    """Beside what cannot be avoided without keeping results: uv on the host, and one layer."""
    ours = _one_more(bench, stack)
    uv = interpreter(UV).with_name("uv")
    environment = {**os.environ, "UV_CACHE_DIR": str(bench.folder / "uv")}
    venv, layer = bench.folder / "venv", bench.folder / "layer.tar"

    def install(wanted: Sequence[str]) -> None:
        options = {"check": True, "env": environment, "cwd": bench.folder}
        subprocess.run([uv, "venv", "--quiet", "--clear", venv], **options)  # type: ignore[call-overload]
        pip = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", venv]
        subprocess.run([*pip, *wanted], **options)  # type: ignore[call-overload]

    def theirs(number: int) -> float:
        wanted = (*WANTED, MORE[number])
        install(wanted)  # so that it is a warm cache

        def act() -> None:
            install(wanted)
            with tarfile.open(layer, "w") as tar:
                tar.add(venv, "opt/venv")
            hashlib.sha256(layer.read_bytes()).hexdigest()

        return seconds(act)

    return ours, theirs


def nothing(bench: Bench, stack: ExitStack) -> tuple[Measure, Measure]:
    """Whole processes."""
    bench.ours(WANTED, cache="toolkit")
    toolkit = str(Path(PYTHON).with_name("toolkit"))
    build = (toolkit, "build-image", "--quiet", "--name", bench.mark, "--base", bench.base)
    ours = process(*build, "--deps", str(bench.folder / "requirements.txt"))
    theirs = process(PYTHON, "-c", PING)
    stack.callback(_remove_named, bench)
    ours()
    theirs()
    return lambda _: seconds(ours), lambda _: seconds(theirs)


def _both_images(bench: Bench, stack: ExitStack) -> tuple[str, str]:
    plain = bench.theirs(WANTED)
    stack.callback(bench.docker.images.remove, plain)
    stack.callback(_remove_named, bench)
    return str(bench.ours(WANTED, cache="toolkit").reference), plain


def first_import(bench: Bench, stack: ExitStack) -> tuple[Measure, Measure]:
    """As the container's own clock tells it; nothing has run in the container before."""

    def of(image: str) -> Measure:
        command = ["/opt/venv/bin/python", "-c", IMPORT]
        run = bench.docker.containers.run
        return lambda _: float(run(image, command, remove=True, network_mode="none"))

    ours, theirs = map(of, _both_images(bench, stack))
    ours(0)
    theirs(0)
    return ours, theirs


def size(bench: Bench, stack: ExitStack) -> tuple[Measure, Measure]:
    def of(image: str) -> Measure:
        return lambda _: float(bench.docker.images.get(image).attrs["Size"]) / 1e6

    ours, theirs = map(of, _both_images(bench, stack))
    return ours, theirs


def memory(bench: Bench, _stack: ExitStack) -> tuple[Measure, Measure]:
    """The client's largest resident set while it sends a project of 500 MB."""
    project = bench.folder / "project"
    project.mkdir()
    (project / "setup.py").write_text("from setuptools import setup\nsetup(name='large')\n")
    with (project / "data").open("wb") as data:
        for _ in range(MEGABYTES):
            data.write(os.urandom(1 << 20))
    file = bench.folder / "large.txt"
    file.write_text("./project\n")
    toolkit = str(Path(PYTHON).with_name("toolkit"))
    build = [toolkit, "build-image", "--quiet", "--no-verify", "--name", bench.mark]

    def ours(_number: int) -> float:
        before = cache_records(bench.engine)
        script = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True,"
            " stdout=subprocess.DEVNULL);"
            " print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        command = [PYTHON, "-c", script, *build, "--base", bench.base, "--deps", str(file)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        _remove_named(bench)
        prune(bench.engine, cache_records(bench.engine) - before)
        return int(told) / 1024

    return ours, lambda _: 120.0


def _remove_named(bench: Bench) -> None:
    for image in bench.docker.images.list(f"toolkit/{bench.mark}"):
        for tag in image.tags:
            bench.docker.images.remove(tag)


PIP: Final = "pip install -r, classic builder"
ROWS: Final = (
    Row("cold, verified", PIP, 0.45, cold),
    Row("one requirement more", PIP, 0.30, one_more),
    Row("one requirement more", "uv on the host, and a layer", 1.5, limit),
    Row("nothing to do", f'python -c "{PING}"', 1.5, nothing, 15),
    Row("first import of pandas", "in the image of pip", 1.1, first_import, 9),
    Row("size of the image, MB", "of the image of pip", 1.0, size, 1),
    Row("client, 500 MB of context, MB", "120 MB", 1.0, memory, 1),
)


def line(row: Row, ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Medians, their ratio, the bar, `!` where it is missed, and the pairs' extremes."""
    mine, other = statistics.median(ours), statistics.median(theirs)
    pairs = sorted(one / two for one, two in zip(ours, theirs, strict=True))
    held = " " if mine / other <= row.bar else "!"
    figures = f"{mine:9.3f}{other:9.3f}{mine / other:8.3f}{row.bar:6.2f} {held}"
    return f"{row.what:<32}{row.against:<46}{figures}  {pairs[0]:.2f} to {pairs[-1]:.2f}"


def measured(row: Row, bench: Bench, rounds: int) -> Iterator[tuple[float, float]]:
    with ExitStack() as stack:
        ours, theirs = row.prepare(bench, stack)
        for number in range(rounds):
            yield ours(number), theirs(number)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, help="instead of each row's own number")
    parser.add_argument("--only", default="", help="only rows with this in their words")
    arguments = parser.parse_args()
    os.environ.pop(DONT_WRITE, None)
    print(f"{'ours':<32}{'theirs':<46}{'ours':>9}{'theirs':>9}{'ratio':>8}{'bar':>6}    pairs")
    for row in ROWS:
        if arguments.only not in f"{row.what} {row.against}":
            continue
        with connect() as engine, tempfile.TemporaryDirectory() as folder:
            bench = Bench(engine, str(local_bases(engine)[0]), Path(folder))
            pairs = list(measured(row, bench, arguments.rounds or row.rounds))
            print(line(row, *zip(*pairs, strict=True)), flush=True)


if __name__ == "__main__":
    main()
