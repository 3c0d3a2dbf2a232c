"""`toolkit images` on a real engine: what is ours, what is in it, what goes."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.docker.conftest import RUN, Answer, Cli, Started, remove_named
from toolkit import context, labels
from toolkit.engine import Engine, buildkit
from toolkit.errors import SpecError
from toolkit.images import Built, listed, looked_at, prune
from toolkit.reference import ImageReference

pytestmark = pytest.mark.docker

NAME = f"t-{RUN}-listed-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory,
    environment: dict[str, str],
    started: Started,
    first_engine: Engine,
) -> Iterator[Cli]:
    """A folder in which the commands run."""
    yield Cli(tmp_path_factory.mktemp("images"), environment, started.pids)
    remove_named(first_engine, NAME)
    for each in listed(first_engine):
        if each.name == NAME:
            first_engine.remove_image(each.id)


@pytest.fixture(scope="module")
def newer(project: Cli, older: str) -> str:
    """An image that was really built, its bill in `built.json`.

    Its packages are like no other's: an image of cached layers is as old as they are.
    """
    unique = f"# {uuid.uuid4().hex}"
    data = {"tk_one/__init__.py": unique, "tk_one/data.bin": "x" * 300_000}
    project.write("--no-index", project.wheel("tk_one", data))
    asked = ("build-image", "--deps", "requirements.txt", "--name", NAME, "--no-verify")
    answer = project(*asked, "--sbom", "built.json")
    assert answer.code == 0, answer.stderr
    assert answer.stdout.strip() != older
    return answer.stdout.strip()


@pytest.fixture(scope="module")
def older(first_engine: Engine, base_image: str) -> str:
    """An image with the labels and the name of one of ours, and a file of 5000 bytes."""
    digest = uuid.uuid4().hex * 2
    name = f"toolkit/{NAME}:{digest[:12]}"
    packed = context.pack(
        [
            context.ContextFile("Dockerfile", f"FROM {base_image}\nCOPY data /\n".encode()),
            context.ContextFile("data", uuid.uuid4().bytes * 312 + b"12345678"),
        ]
    )
    carried = {labels.NAME: NAME, labels.DIGEST: digest, labels.BASE_NAME: base_image}
    image = buildkit.build(first_engine, buildkit.BuildRequest(packed, labels=carried), secrets={})
    first_engine.tag_image(image, ImageReference.parse(name))
    return name


@pytest.fixture
def derive(first_engine: Engine) -> Iterator[Callable[..., str]]:
    """Builds an image that has the labels of the one it is FROM, as anybody may."""
    made: list[str] = []

    def derive(dockerfile: str, carried: dict[str, str], *, tag: str = "") -> str:
        packed = context.pack([context.ContextFile("Dockerfile", dockerfile.encode())])
        request = buildkit.BuildRequest(packed, labels=carried)
        image = buildkit.build(first_engine, request, secrets={})
        if tag:
            first_engine.tag_image(image, ImageReference.parse(tag))
        made.append(tag or image)
        return image

    yield derive
    for image in made:
        first_engine.remove_image(image)


def ours(engine: Engine) -> dict[str, Built]:
    return {each.title: each for each in listed(engine) if each.name == NAME}


def said(answer: Answer) -> Any:  # noqa: ANN401 - JSON
    assert answer.code == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert document["version"] == 1
    return document


def labels_of(engine: Engine, image: str) -> dict[str, str]:
    found = engine.inspect_image(image)
    assert found is not None
    return dict(found["Config"]["Labels"])


def test_the_list_has_what_was_built(
    project: Cli, older: str, newer: str, first_engine: Engine, base_image: str
) -> None:
    document = said(project("images", "--json"))
    found = {each["references"][0]: each for each in document["images"] if each["name"] == NAME}
    assert list(found) == [newer, older]
    stored = first_engine.inspect_image(newer)
    assert stored is not None
    assert found[newer] | {"made": 0} == {
        "id": stored["Id"],
        "name": NAME,
        "references": [newer],
        "other_references": [],
        "digest": labels_of(first_engine, newer)[labels.DIGEST],
        "dependencies": ["tk-one"],
        "base": base_image,
        "size": stored["Size"],
        "made": 0,
        "verified": False,
        "used_by": [],
    }
    assert found[older]["dependencies"] is None


def test_what_was_made_from_ours_is_not_ours(
    newer: str, first_engine: Engine, derive: Callable[..., str]
) -> None:
    """Under a name or without one: it carries the labels of what it is FROM, and more steps."""
    before = ours(first_engine)
    derive(f"FROM {newer}\nENV DERIVED=1\n", {}, tag=f"{NAME}:derived")
    derive(f"FROM {newer}\nENV DERIVED=2\n", {})
    assert ours(first_engine) == before


def test_what_a_build_has_left_is_told_and_goes_only_later(
    newer: str, first_engine: Engine, derive: Callable[..., str]
) -> None:
    """The instructions that end our own Dockerfile, in an image that nobody has named."""
    carried = labels_of(first_engine, newer)
    arguments = {
        "RUN": "true",
        "COPY": "--from=ours /opt/venv /opt/venv",
        "ENV": "A=b",
        "USER": "0",
    }
    arguments |= {"ENTRYPOINT": "[]", "CMD": f'["{uuid.uuid4().hex}"]', "WORKDIR": "/"}
    own = [f"{each} {arguments[each]}" for each in carried[labels.INSTRUCTIONS].split()]
    stages = [f"FROM {newer} AS ours", f"FROM {carried[labels.BASE_NAME]}"]
    image = derive("\n".join([*stages, *own]), carried)
    left = [each for each in ours(first_engine).values() if each.is_leftover]
    assert [each.id for each in left] == [image]
    pruned = prune(first_engine, older=0, keep=9, names={NAME})
    assert pruned.removed == ()
    reasons = {each.image.id: each.stays for each in pruned.stayed}
    assert reasons[image] == "a build may just be proving it"


def test_what_is_in_an_image_is_told_and_nothing_is_left(
    newer: str, first_engine: Engine, base_image: str
) -> None:
    before = {each["Id"] for each in first_engine.list_containers(f"{labels.ROLE}=look")}
    seen = looked_at(first_engine, newer)
    sizes = {each.name: each.size for each in seen.contents.distributions}
    assert sizes["tk_one"] > 300_000
    assert list(sizes.values()) == sorted(sizes.values(), reverse=True)
    assert sum(each.size for each in seen.layers) == seen.stored.size
    base = first_engine.inspect_image(base_image)
    assert base is not None
    venv = sum(sizes.values()) + seen.contents.other
    assert venv == pytest.approx(seen.stored.size - base["Size"], rel=0.05)
    made = dict(seen.provenance)
    assert str(made["python"]).startswith("3.")
    assert (made["verified"], str(made["installer"]).partition(" ")[0]) == (False, "uv")
    assert str(made["digest"]).startswith(newer.rpartition(":")[2])
    assert "libc6" in {each.name for each in seen.contents.system.packages}
    after = {each["Id"] for each in first_engine.list_containers(f"{labels.ROLE}=look")}
    assert after - before == set()


def test_the_bill_of_a_build_is_that_of_its_image(project: Cli, newer: str) -> None:
    """Valid by CycloneDX's own schema, with what is installed and nothing else."""
    answer = project("images", "inspect", newer, "--sbom", "inspected.json")
    assert answer.code == 0, answer.stderr
    assert "tk_one" in answer.stdout
    assert answer.stdout.isascii()
    texts = [(project.folder / name).read_text() for name in ("built.json", "inspected.json")]
    for text in texts:
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bills = [json.loads(text) for text in texts]
    assert bills[0]["components"] == bills[1]["components"]
    python = {each["name"]: each for each in bills[0]["components"] if "pypi" in each["purl"]}
    assert python.keys() == {"pip", "tk_one"}
    wheel = (project.folder / "tk_one-1.0-py3-none-any.whl").read_bytes()
    assert python["tk_one"]["hashes"] == [
        {"alg": "SHA-256", "content": hashlib.sha256(wheel).hexdigest()}
    ]


def test_an_image_that_is_missing_or_is_none_of_ours_is_refused(
    project: Cli, base_image: str, first_engine: Engine
) -> None:
    assert project("images", "inspect", "toolkit/none:1").refused(3) == (
        "there is no image 'toolkit/none:1' on this engine",
        "run `toolkit images` to see which there are",
    )
    with pytest.raises(SpecError) as caught:
        looked_at(first_engine, base_image)
    assert str(caught.value) == f"the image {base_image} has no /opt/venv"
    assert caught.value.hint == "name an image that `toolkit images` lists"


def test_pruning_takes_the_older_one_and_says_what_is_freed(
    project: Cli, older: str, newer: str, first_engine: Engine
) -> None:
    """What a container was made from stays, running or not; a dry run removes nothing."""
    config = {"Image": older, "Cmd": ["true"], "Labels": {"toolkit-test": RUN}}
    user = first_engine.create_container(config, name=f"{NAME}-user")
    try:
        assert ours(first_engine)[older].used_by == (f"{NAME}-user",)
        assert prune(first_engine, older=0, keep=1, names={NAME}).removed == ()
    finally:
        first_engine.remove_container(user)
    dry = prune(first_engine, older=0, keep=1, names={NAME}, dry_run=True)
    assert ([each.title for each in dry.removed], dry.freed) == ([older], 5000)
    assert ours(first_engine).keys() == {newer, older}
    pruned = said(project("images", "prune", "--name", NAME, "--keep", "1", "--json"))
    assert [each["references"] for each in pruned["removed"]] == [[older]]
    assert (pruned["dry_run"], pruned["freed"]) == (False, 5000)
    assert ours(first_engine).keys() == {newer}
    assert first_engine.inspect_image(older) is None
