"""Which base an image is built on, on an engine that reaches no registry.

It is an engine of its own, in a network of its own: here a registry never answers, whatever the
machine that runs the tests has in reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.docker.conftest import Cli
from tests.docker.second_engine import copy_disk, second_engine
from toolkit import builder, context, labels
from toolkit.builder import BuildOptions, Plan, Said
from toolkit.deps import Dependencies
from toolkit.engine import Engine, buildkit, connect
from toolkit.errors import PullError
from toolkit.reference import ImageReference
from toolkit.spec import DEFAULT_BASE, ImageSpec

pytestmark = pytest.mark.docker

NEVER_ANSWERED = f"the image {DEFAULT_BASE} could not be pulled: its registry cannot be reached: "


@pytest.fixture(scope="module")
def engine(
    virgin_disk: Path, downloads: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """An engine that has the local base and nothing else."""
    folder = tmp_path_factory.mktemp("without-registry")
    (folder / "engine").mkdir()
    disk = copy_disk(virgin_disk, folder / "disk")
    with second_engine(folder / "engine", disk, downloads) as made, connect(made.address) as found:
        yield found
    disk.unlink()


class Planned:
    """Plans that are made on that engine, and what was said meanwhile."""

    def __init__(self, engine: Engine, cache: Path) -> None:
        self._engine = engine
        self._cache = cache
        self.said: list[str] = []

    def __call__(self, *, made: ImageReference | None = None, **how: str | bool) -> Plan:
        """Plan an image; `made` is the base that would be made where there is none."""
        self.said.clear()
        pull = bool(how.pop("pull", False))
        spec = ImageSpec.from_mapping(how, Dependencies())

        def make() -> ImageReference:
            assert made is not None
            self._engine.tag_image(HELD, made)
            return made

        options = BuildOptions(self._cache, pull=pull, make_base=make if made else None)
        return builder.plan(spec, engine=self._engine, options=options, listener=self._listen)

    def _listen(self, event: builder.Event) -> None:
        if isinstance(event, Said):
            self.said.append(event.text)


@pytest.fixture
def planned(engine: Engine, tmp_path: Path) -> Planned:
    return Planned(engine, tmp_path)


HELD = "held:1"


@contextmanager
def without_a_local_base(engine: Engine, base: str) -> Iterator[None]:
    """Take the base its name, and give it back."""
    engine.tag_image(base, ImageReference.parse(HELD))
    engine.remove_image(base)
    try:
        yield
    finally:
        engine.tag_image(HELD, ImageReference.parse(base))
        engine.remove_image(HELD)


def instead(base: str) -> str:
    return (
        f"using the local base {base} instead of {DEFAULT_BASE}, which is not here; "
        "--pull asks the registry again, --base names another"
    )


def test_the_local_base_stands_in_for_the_default_one_and_no_registry_is_asked(
    planned: Planned, base_image: str
) -> None:
    assert str(planned().base.name) == base_image
    assert planned.said == [instead(base_image)]


def test_pull_asks_the_registry_again(planned: Planned, base_image: str) -> None:
    assert str(planned(pull=True).base.name) == base_image
    assert planned.said == [f"pulling the base image {DEFAULT_BASE}", instead(base_image)]


def test_a_base_that_was_named_is_used_without_a_word(planned: Planned, base_image: str) -> None:
    assert str(planned(base=base_image).base.name) == base_image
    assert planned.said == []


def test_the_packages_of_a_base_of_ours_are_not_dropped_without_a_word(
    planned: Planned, engine: Engine, base_image: str
) -> None:
    """Its environment makes room for the new one; what is made from ours has the labels, too."""
    tag = ImageReference.parse("made:from-ours")
    text = context.ContextFile("Dockerfile", f"FROM {base_image}\n".encode())
    request = buildkit.BuildRequest(
        context.pack([text]), labels={labels.DIGEST: "0" * 64}, tags=(tag,)
    )
    buildkit.build(engine, request)
    try:
        assert str(planned(base=str(tag)).base.name) == str(tag)
        assert planned.said == [
            f"not taking over the Python packages of {tag}, which is an image of ours"
        ]
    finally:
        engine.remove_image(str(tag))


def test_the_default_base_is_used_where_it_is(
    planned: Planned, engine: Engine, base_image: str
) -> None:
    """Also after its registry was asked in vain."""
    engine.tag_image(base_image, ImageReference.parse(DEFAULT_BASE))
    try:
        assert str(planned().base.name) == DEFAULT_BASE
        assert planned.said == []
        assert str(planned(pull=True).base.name) == DEFAULT_BASE
        assert planned.said == [
            f"pulling the base image {DEFAULT_BASE}",
            f"using {DEFAULT_BASE} as it is here: its registry did not answer",
        ]
    finally:
        engine.remove_image(DEFAULT_BASE)


def test_a_local_base_with_another_python_does_not_stand_in(
    planned: Planned, base_image: str
) -> None:
    """And none is made: it would have the distribution's Python again."""
    minor = base_image.rpartition("-py")[2]
    assert str(planned(python=minor).base.name) == base_image
    with pytest.raises(PullError) as caught:
        planned(python="3.99", made=ImageReference.parse(base_image))
    assert str(caught.value).startswith("the image python:3.99-slim could not be pulled: ")
    assert caught.value.hint == (
        "name a base that the engine has with --base; it must have Python 3.99"
    )


def test_a_local_base_is_made_where_there_is_none_and_no_registry_answers(
    planned: Planned, engine: Engine, base_image: str
) -> None:
    with without_a_local_base(engine, base_image):
        base = planned(made=ImageReference.parse(base_image)).base
        assert str(base.name) == base_image
        assert planned.said == [f"pulling the base image {DEFAULT_BASE}", instead(base_image)]


def test_where_none_may_be_made_the_command_that_makes_one_is_named(
    planned: Planned, engine: Engine, base_image: str
) -> None:
    with without_a_local_base(engine, base_image), pytest.raises(PullError) as caught:
        planned()
    assert str(caught.value).startswith(NEVER_ANSWERED)
    assert caught.value.hint == (
        "run `toolkit base-image` to make a base from Debian's packages, "
        "or name a base that the engine has with --base"
    )


def test_the_command_says_that_it_fell_back_and_how_to_avoid_it(
    cli: Cli, engine: Engine, base_image: str
) -> None:
    cli.write("requests")
    there = {"DOCKER_HOST": str(engine.endpoint), "TOOLKIT_BASE_IMAGE": None}
    answer = cli("render", "--deps", "requirements.txt", env=there)
    assert answer.code == 0, answer.stderr
    assert answer.stderr == f"U{instead(base_image)[1:]}\n"
    assert answer.stdout.startswith(f"FROM {base_image} AS ")
    named = cli(
        "render", "--deps", "requirements.txt", env={**there, "TOOLKIT_BASE_IMAGE": base_image}
    )
    assert (named.stderr, named.stdout) == ("", answer.stdout)
