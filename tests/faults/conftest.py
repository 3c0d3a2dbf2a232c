"""The cells are played side by side, each test awaits its own, and a table says how it went."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import pytest

from tests.faults.cell import BAR, EXECUTORS, STAGES, Cell, Outcome, World, play, why_not_confined
from tests.faults.client import KEY
from tests.faults.images import REPOSITORY, RUN, image
from tests.faults.matrix import IMAGE_REMOVED
from toolkit.engine import Engine, connect
from toolkit.image import local_bases

Rounds = Callable[[Cell], list[Outcome]]
_JOBS: Final = 4
_ENOUGH: Final = 5
"""Rounds in which nothing waited for the next start, from which on their median keeps the bar."""
_results = pytest.StashKey[dict[Cell, list[Outcome]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption("--fault-rounds", type=int, help="Play every cell so many times (1).")
    group.addoption("--fault-jobs", type=int, help=f"Play so many cells side by side ({_JOBS}).")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_results] = {}


@pytest.fixture(scope="session")
def rounds(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--fault-rounds", default=None) or 1)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine; in the end it has nothing of any cell, and no image of ours."""
    with connect() as found:
        yield found
        labels = [
            *(each["Labels"][KEY] for each in found.list_containers(KEY)),
            *(each["Labels"][REPOSITORY] for each in found.list_images(REPOSITORY)),
        ]
        assert [label for label in labels if label.startswith(RUN)] == []


@pytest.fixture(scope="session")
def base(engine: Engine) -> str:
    return str(local_bases(engine)[0])


@pytest.fixture(scope="session")
def world(engine: Engine, base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with image(engine, base) as made:
        yield World(engine, made, tmp_path_factory.mktemp("cells"))


@pytest.fixture(scope="session")
def played(
    request: pytest.FixtureRequest, world: World, base: str, rounds: int
) -> Iterator[Rounds]:
    """All cells that are asked for are under way; this awaits one, however often it is played."""

    def one(cell: Cell) -> Outcome:
        if cell.fault is not IMAGE_REMOVED:
            return play(cell, world)
        with image(world.engine, base) as made:
            return play(cell, dataclasses.replace(world, image=made))

    jobs = request.config.getoption("--fault-jobs", default=None) or _JOBS
    pool = ThreadPoolExecutor(jobs)
    cells = _wanted(request.session.items)
    futures: dict[Cell, list[Future[Outcome]]] = {
        cell: [pool.submit(one, cell) for _ in range(rounds)] for cell in cells
    }
    yield lambda cell: [future.result() for future in futures[cell]]
    pool.shutdown(cancel_futures=True)


def _wanted(items: list[pytest.Item]) -> list[Cell]:
    """Find the cells whose tests will run, and can."""
    parameters = (getattr(item, "callspec", None) for item in items)
    found = (each.params.get("cell") for each in parameters if each is not None)
    return [
        cell
        for cell in found
        if isinstance(cell, Cell) and not (cell.fault.confined and why_not_confined())
    ]


@pytest.fixture
def judged(request: pytest.FixtureRequest) -> Callable[[Cell, list[Outcome]], None]:
    """Enter what came of a cell into the table, and fail for what went wrong."""

    def judge(cell: Cell, outcomes: list[Outcome]) -> None:
        request.config.stash[_results][cell] = outcomes
        wrong = [outcome for outcome in outcomes if outcome.problems]
        assert not wrong, f"{len(wrong)} of {len(outcomes)}: {wrong[0].explained()}"
        alone = [each.seconds for each in outcomes if not each.needed_next]
        if len(alone) >= _ENOUGH:
            assert statistics.median(alone) <= BAR

    return judge


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the matrix: passed/played, the median and the longest seconds until all was gone."""
    results = config.stash[_results]
    if not results or (config.getoption("--fault-rounds", default=None) or 1) < 2:
        return
    terminalreporter.section("fault matrix: passed/played median…longest s until gone")
    stages = (*STAGES, *EXECUTORS)
    faults = list(dict.fromkeys(cell.fault.name for cell in results))
    terminalreporter.write_line(f"{'':18}" + "".join(f"{stage:>20}" for stage in stages))
    for fault in faults:
        of_fault = {cell.stage: each for cell, each in results.items() if cell.fault.name == fault}
        entries = (_entry(of_fault[stage]) if stage in of_fault else "" for stage in stages)
        terminalreporter.write_line(f"{fault:18}" + "".join(f"{each:>20}" for each in entries))
    terminalreporter.write_line(
        "n: rounds that left what the next start cleared; l: the stage was over when the fault hit"
    )


def _entry(outcomes: list[Outcome]) -> str:
    passed = sum(not each.problems for each in outcomes)
    seconds = [each.seconds for each in outcomes]
    notes = [
        f"{count}{letter}"
        for letter, count in (
            ("n", sum(each.needed_next for each in outcomes)),
            ("l", sum(each.was_late for each in outcomes)),
        )
        if count
    ]
    took = f"{statistics.median(seconds):.2f}…{max(seconds):.2f}"
    return " ".join((f"{passed}/{len(outcomes)}", took, "".join(notes)))
