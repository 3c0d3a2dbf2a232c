"""Every image that is shipped is built, and proves by its own script what it is for.

It takes minutes, so `make test` leaves this folder out (pyproject, norecursedirs) and
`make test-images` names it. With --golden the sizes are written down, for the catalogue's page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.docker.conftest import Cli
from tests.docker.test_lock import files
from toolkit import CodeBlock, DockerCommandLineCodeExecutor, resources
from toolkit.engine import Engine
from toolkit.spec import catalogue, load

pytestmark = pytest.mark.docker

CATALOGUE: Final = resources.tree("images")
IMAGES = dict(catalogue.entries(CATALOGUE))
SIZES: Final = CATALOGUE / "sizes.json"
EPOCH: Final = {"SOURCE_DATE_EPOCH": "1767225600"}


@pytest.fixture(scope="module")
def sizes(
    pytestconfig: pytest.Config, first_engine: Engine, base_image: str
) -> Iterator[dict[str, int]]:
    """Bytes of each image that was built. With --golden they are written down."""
    measured: dict[str, int] = {}
    yield measured
    if pytestconfig.getoption("--golden"):
        base = {"name": base_image, "size": size_of(first_engine, base_image)}
        before = json.loads(SIZES.read_text(encoding="utf-8"))
        kept = before["images"] if before["base"] == base else {}
        found = kept | measured
        images = {name: found[name] for name in IMAGES if name in found}
        written = json.dumps({"base": base, "images": images}, indent=2)
        SIZES.write_text(f"{written}\n", encoding="utf-8")


def built(cli: Cli, *arguments: str) -> str:
    """An image, whatever that takes; verified."""
    answer = cli.ended(cli.start("build-image", *arguments, env=EPOCH), seconds=1800)
    assert answer.code == 0, answer.stderr
    assert "Verifying" in answer.stderr
    return answer.stdout.strip()


def size_of(engine: Engine, image: str) -> int:
    found = engine.inspect_image(image)
    assert found is not None
    return int(found["Size"])


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_of_the_catalogue_is_built_and_proven(
    cli: Cli, name: str, first_engine: Engine, sizes: dict[str, int], image: str
) -> None:
    """From its lock; and by a block as well, in a container with all that the image preloads."""
    reference = built(cli, image, "--locked", "--name", name)
    sizes[image] = size_of(first_engine, reference)
    (check,) = load(IMAGES[image]).values["verify"]
    language = "sh" if check.source.suffix == ".sh" else "python"
    block = CodeBlock(check.source.read_text(encoding="utf-8"), language)
    with DockerCommandLineCodeExecutor(reference, work_dir=cli.folder, timeout=300) as executor:
        result = executor.execute_code_blocks([block])
    assert result.exit_code == 0, result.output


def test_blocks_of_javascript_run_in_the_image_for_them(
    cli: Cli, name: str, tmp_path: Path
) -> None:
    block = CodeBlock("console.log([1, 2, 3].map((x) => x * x).join())", "javascript")
    with DockerCommandLineCodeExecutor(
        built(cli, "node", "--name", name),
        work_dir=tmp_path,
        execution_policies={"javascript": True},
    ) as executor:
        result = executor.execute_code_blocks([block])
    assert (result.exit_code, result.output) == (0, "1,4,9\n")


@pytest.mark.parametrize("image", ["python", "web"])
def test_two_builds_of_an_image_are_the_same_file_by_file(
    cli: Cli, name: str, first_engine: Engine, image: str
) -> None:
    """The environment, with modes, owners, times and bytes."""
    one, other = (
        files(first_engine, built(cli, image, "--no-cache", "--name", f"{name}-{number}"))
        for number in range(2)
    )
    assert len(one) > 100
    assert one == other
