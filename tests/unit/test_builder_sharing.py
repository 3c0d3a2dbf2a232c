"""The names of images in a registry, and what a registry's image is held against."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.builder import BuildOptions, registry_of
from toolkit.builder.sharing import check, push_failure, shared_name
from toolkit.errors import PullError, PushError, SpecError
from toolkit.image import Base, Stored
from toolkit.labels import DIGEST
from toolkit.reference import ImageReference

TAG = "0123456789ab"
WHOLE = TAG + "0" * 52
SHARED = ImageReference.parse(f"r.example/team/env:{TAG}")


@pytest.mark.parametrize(
    ("registry", "name"),
    [
        ("r.example/team", "r.example/team/env:0123456789ab"),
        ("r.example:5000", "r.example:5000/env:0123456789ab"),
        ("localhost/a/b", "localhost/a/b/env:0123456789ab"),
        ("docker.io/team", "docker.io/team/env:0123456789ab"),
    ],
)
def test_the_name_in_a_registry(registry: str, name: str) -> None:
    assert str(shared_name(registry, "env", TAG)) == name


@pytest.mark.parametrize(
    ("registry", "message", "hint"),
    [
        (
            "team/cache",
            "registry 'team/cache' has no host",
            "write HOST/REPO; Docker Hub's is docker.io/team/cache",
        ),
        (
            "r.example/Team",
            (
                "registry 'r.example/Team': image reference 'r.example/Team/name:tag' has upper"
                " case in 'Team'"
            ),
            "write it in lower case: team",
        ),
        (
            "https://r.example/team",
            (
                "registry 'https://r.example/team': image reference 'https://r.example/team/name:tag'"
                " is a URL"
            ),
            "write it without 'https://'",
        ),
    ],
)
def test_a_registry_that_is_none_is_refused_before_anything_is_done(
    registry: str, message: str, hint: str
) -> None:
    with pytest.raises(SpecError) as caught:
        BuildOptions(Path(), registry=registry)
    assert (str(caught.value), caught.value.hint) == (message, hint)


def test_a_push_needs_a_registry() -> None:
    with pytest.raises(SpecError) as caught:
        BuildOptions(Path(), push=True)
    assert (str(caught.value), caught.value.hint) == (
        "no registry is named to which the image could be pushed",
        "name one with --registry HOST/REPO or TOOLKIT_REGISTRY",
    )


def test_the_environment_may_name_the_registry() -> None:
    assert registry_of({"TOOLKIT_REGISTRY": "r.example/team"}) == "r.example/team"
    assert registry_of({"TOOLKIT_REGISTRY": ""}) is None
    assert registry_of({}) is None


def base(*, digest: str | None) -> Base:
    name = ImageReference.parse("python:3-slim")
    return Base(
        name=name,
        reference=name.with_digest(digest),
        digest=digest or "sha256:made-here",
        platform="linux/amd64",
        python="3.12.1",
        system="debian-trixie",
        layers=("sha256:a", "sha256:b"),
    )


def stored(
    *, label: str | None = WHOLE, layers: str = "abc", platform: str = "linux/amd64"
) -> Stored:
    return Stored(
        id="sha256:1",
        labels={} if label is None else {DIGEST: label},
        layers=tuple(f"sha256:{each}" for each in layers),
        repo_digests=(),
        platform=platform,
        user="",
        size=1,
        created="",
    )


FROM_A_REGISTRY = base(digest=f"sha256:{'d' * 64}")
MADE_HERE = base(digest=None)


def test_what_keeps_its_promise_passes() -> None:
    check(SHARED, stored(), digest=WHOLE, base=FROM_A_REGISTRY)


def test_a_base_that_was_made_here_has_other_layers_elsewhere() -> None:
    """It is the same one by what it was made from, which is in the digest."""
    check(SHARED, stored(layers="xyz"), digest=WHOLE, base=MADE_HERE)


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        # The first twelve digits, which are the tag, do not make it the same.
        (stored(label=TAG + "1" * 52), "it has the digest 0123456789ab1111…"),
        (stored(label=None), "it carries no digest of ours"),
        (stored(platform="linux/arm64"), "it is for linux/arm64, not for linux/amd64"),
        (
            stored(layers="axc"),
            f"it is not built on python:3-slim@sha256:{'d' * 64}",
        ),
        (stored(layers="a"), f"it is not built on python:3-slim@sha256:{'d' * 64}"),
    ],
)
def test_a_registry_that_lies_is_refused(lie: Stored, words: str) -> None:
    with pytest.raises(PullError) as caught:
        check(SHARED, lie, digest=WHOLE, base=FROM_A_REGISTRY)
    said = f"the registry's image {SHARED} is not what its name says: {words}"
    assert (str(caught.value), caught.value.trouble) == (said, "corrupt")
    assert caught.value.hint == (
        "remove it from the registry, or build with --rebuild --push to replace it"
    )


def test_an_image_that_could_not_be_pushed_is_there_nevertheless() -> None:
    error = PushError(
        "the image r.example/x:1 may not be pushed", hint="log in", reference="r.example/x:1"
    )
    told = push_failure(error, ImageReference.parse("toolkit/x:1"), "built")
    assert str(told) == "toolkit/x:1 was built, but the image r.example/x:1 may not be pushed"
