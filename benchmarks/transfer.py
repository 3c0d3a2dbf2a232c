"""A work dir that is copied, beside what anybody would do instead: ratios of medians, from one run.

    make bench     or     python -m benchmarks.transfer [--rounds N] [--only WORD]

A folder of 100 MB in 2,000 files. A sync is both ways: into the container as before a block, and
out of it as after one. Ours and theirs are run in turn. Needs an engine and a base image
(`make engine base`), and the docker command; leaves no container behind.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.cases import Bench, Case, Timed, process, timed
from benchmarks.execute import HEAD, measured, row
from toolkit import DockerCommandLineCodeExecutor, connect
from toolkit.image import local_bases
from toolkit.mirror import Mirror

FILES: Final = 2000
SIZE: Final = 50_000
FOLDERS: Final = 20


def cases() -> Iterator[Case]:
    """The issue's bars."""
    yield Case("first sync", "tar | docker exec -i tar", 1.2, 5, _first)
    yield Case("nothing changed", "os.scandir, stat", 3.0, 15, _unchanged)
    yield Case("nothing changed, into it", "os.scandir, stat", 3.0, 15, _unchanged_here)
    yield Case("nothing changed, out of it", "os.scandir, stat", 3.0, 15, _unchanged_there)
    yield Case("one file changed", "os.scandir, stat, and its copy", 3.0, 15, _one_changed)
    yield Case("one changed there", "os.scandir, stat, and its copy", 3.0, 15, _one_changed_there)


THERE: Final = "/workspace"


def _filled(bench: Bench) -> Path:
    folder = bench.folder / "filled"
    for number in range(bench.count(FILES)):
        path = folder / f"folder-{number % FOLDERS}" / f"file-{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(SIZE))
    return folder


def _opened(bench: Bench, stack: ExitStack) -> DockerCommandLineCodeExecutor:
    folder = bench.work_dir("empty")
    made = DockerCommandLineCodeExecutor(bench.image, work_dir=folder, transfer="copy")
    return stack.enter_context(made)


def _mirror(bench: Bench, stack: ExitStack) -> tuple[Path, Mirror]:
    """A folder that is the same on both sides."""
    folder, opened = _filled(bench), _opened(bench, stack)
    mirror = Mirror(opened._container, folder, python="python3")  # noqa: SLF001 - the executor's own
    _synced(mirror)()
    return folder, mirror


def _synced(mirror: Mirror) -> Callable[[], None]:
    def act() -> None:
        mirror.push()
        if problems := mirror.pull():
            raise RuntimeError("; ".join(problems))

    return act


def _first(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    """Either side begins with an empty folder."""
    folder, opened = _filled(bench), _opened(bench, stack)
    container = opened._container  # noqa: SLF001 - the executor's own

    def emptied() -> None:
        container.run(["sh", "-c", f"rm -rf {THERE}/*"])

    def ours() -> float:
        emptied()
        return timed(Mirror(container, folder, python="python3").push)()

    send = f"tar -C {folder} -cf - . | docker exec -i {opened.container_name} tar -C {THERE} -xf -"

    def theirs() -> float:
        emptied()
        return process("sh", "-c", send)()

    return ours, theirs


def _walk(folder: Path) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                _walk(Path(entry.path))


def _unchanged(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    folder, mirror = _mirror(bench, stack)
    return timed(_synced(mirror)), timed(lambda: _walk(folder))


def _unchanged_here(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    folder, mirror = _mirror(bench, stack)
    return timed(mirror.push), timed(lambda: _walk(folder))


def _unchanged_there(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    folder, mirror = _mirror(bench, stack)
    return timed(mirror.pull), timed(lambda: _walk(folder))


def _one_changed(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    folder, mirror = _mirror(bench, stack)
    file = folder / "folder-0" / "file-0"

    def ours() -> float:
        file.write_bytes(os.urandom(SIZE))
        return timed(_synced(mirror))()

    def copied() -> None:
        _walk(folder)
        shutil.copy2(file, bench.folder / "copy")

    return ours, timed(copied)


def _one_changed_there(bench: Bench, stack: ExitStack) -> tuple[Timed, Timed]:
    """Out of the container alone, as after a block."""
    folder, opened = _filled(bench), _opened(bench, stack)
    container = opened._container  # noqa: SLF001 - the executor's own
    mirror = Mirror(container, folder, python="python3")
    _synced(mirror)()
    change = ["sh", "-c", f"head -c {SIZE} /dev/urandom > {THERE}/folder-0/file-0"]

    def ours() -> float:
        container.run(change)
        return timed(mirror.pull)()

    def copied() -> None:
        _walk(folder)
        shutil.copy2(folder / "folder-0" / "file-0", bench.folder / "copy")

    return ours, timed(copied)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, help="instead of each row's own number")
    parser.add_argument("--only", default="", help="only rows with this in their words")
    arguments = parser.parse_args()
    with connect() as engine:
        image = str(local_bases(engine)[0])
    print(f"{HEAD}    pairs", flush=True)
    for case in cases():
        if arguments.only in f"{case.what} {case.against}":
            with tempfile.TemporaryDirectory() as folder:
                bench = Bench(image, Path(folder))
                figures = measured(case, bench, arguments.rounds or case.rounds)
            print(row(case, *figures), flush=True)


if __name__ == "__main__":
    main()
