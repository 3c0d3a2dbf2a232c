"""An engine that is killed or restarted under its clients: clear words, and a clean engine after.

A second engine, in namespaces of its own, is what these tests may kill. Its containers live on
without it; that they are gone is its own next start's doing, or ours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import pytest

from tests.docker.second_engine import SecondEngine, make_disk, missing_tools, second_engine
from tests.faults.cell import Cell, Outcome, Scene, World, play
from tests.faults.images import image
from tests.faults.matrix import OF_ENGINES
from toolkit.engine import Engine, connect

pytestmark = pytest.mark.docker


@dataclasses.dataclass(frozen=True, slots=True)
class Mortal:
    """A second engine, and the image that it has."""

    engine: SecondEngine
    image: str

    def killed(self, _scene: Scene) -> None:
        self.engine.kill()

    def restarted(self, _scene: Scene) -> None:
        self.engine.stop()
        self.engine.start()

    def killed_with_its_client(self, scene: Scene) -> None:
        self.engine.kill()
        scene.process.kill()


@pytest.fixture(scope="module")
def mortal(engine: Engine, base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    if missing := missing_tools():
        pytest.skip(f"a second engine needs {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("second")
    make_disk(folder / "disk", megabytes=600)
    (folder / "engine").mkdir()
    with second_engine(folder / "engine", folder / "disk", folder) as made:
        with connect(made.address) as second:
            _copy_image(engine, second, base)
        with connect(made.address) as second, image(second, base) as found:
            yield Mortal(made, found)
    (folder / "disk").unlink()


def _copy_image(first: Engine, second: Engine, name: str) -> None:
    with first.open("GET", f"/images/{name}/get", doing="saving an image") as saved:
        doing = "loading an image"
        with second.open("POST", "/images/load", doing=doing, data=saved.chunks()) as loaded:
            for _ in loaded.chunks():
                pass


@pytest.mark.parametrize("cell", OF_ENGINES, ids=str)
def test_nothing_is_left_on_an_engine_that_was_gone(
    cell: Cell,
    mortal: Mortal,
    world: World,
    rounds: int,
    judged: Callable[[Cell, list[Outcome]], None],
) -> None:
    deeds = {
        "engine-killed": mortal.killed,
        "engine-restarted": mortal.restarted,
        "all-killed": mortal.killed_with_its_client,
    }
    is_up = cell.fault.name == "engine-restarted"
    fault = dataclasses.replace(cell.fault, deed=deeds[cell.fault.name])
    outcomes = []
    for _ in range(rounds):
        with connect(mortal.engine.address) as second:
            there = World(
                second,
                mortal.image,
                world.folder,
                mortal.engine.address,
                None if is_up else mortal.engine.start,
            )
            outcomes.append(play(Cell(cell.stage, fault), there))
    judged(cell, outcomes)
