"""Ours, or made of ours by somebody else: what labels, names and history say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from toolkit import labels
from toolkit.image import Stored
from toolkit.images.listing import described, is_implied, is_leftover, layers

DIGEST = "1a2b3c4d5e6f" + "0" * 52
OURS = {
    labels.DIGEST: DIGEST,
    labels.NAME: "env",
    labels.BASE_NAME: "python:3-slim",
    labels.UNVERIFIED: "",
    labels.DEPENDENCIES: json.dumps(["numpy>=2", "./pkg"]),
    labels.INSTRUCTIONS: "USER RUN COPY ENV WORKDIR ENTRYPOINT CMD",
}
STORED = Stored(
    id="sha256:" + "a" * 64,
    labels=OURS,
    layers=("base", "empty", "venv", "workdir"),
    repo_digests=(),
    platform="linux/amd64",
    user="",
    size=258,
    created="2026-11-27T16:42:33.783062289Z",
    tags=("toolkit/env:1a2b3c4d5e6f",),
)


@pytest.mark.parametrize(
    ("tag", "implied"),
    [
        ("toolkit/env:1a2b3c4d5e6f", True),
        ("registry.example:5000/team/env:1a2b3c4d5e6f", True),
        ("team/env:1a2b3c4d5e6f", True),
        ("env:1a2b3c4d5e6f", False),  # a name of somebody's, that says nothing of a registry
        ("toolkit/env:latest", False),
        ("toolkit/env", False),
        ("toolkit/env:1a2b3c4d5e60", False),
        ("toolkit/other:1a2b3c4d5e6f", False),
        ("derived:1", False),
        ("<none>:<none>", False),
    ],
)
def test_only_the_tag_that_the_digest_implies_makes_an_image_ours(tag: str, implied: bool) -> None:
    assert is_implied(tag, OURS) is implied


def test_labels_that_are_cut_short_imply_nothing() -> None:
    assert not is_implied("toolkit/env:1a2b3c4d5e6f", {**OURS, labels.DIGEST: "1a2b3c4d5e6f"})
    assert not is_implied("toolkit/env:1a2b3c4d5e6f", {})


def test_an_image_is_described_by_its_labels() -> None:
    built = described(
        replace(STORED, tags=("toolkit/env:1a2b3c4d5e6f", "analysis:latest")), ["tk-1"]
    )
    assert (built.title, built.names, built.other_names) == (
        "toolkit/env:1a2b3c4d5e6f",
        ("toolkit/env:1a2b3c4d5e6f",),
        ("analysis:latest",),
    )
    assert (built.name, built.base, built.size) == ("env", "python:3-slim", 258)
    assert (built.dependencies, built.used_by) == (("numpy>=2", "./pkg"), ("tk-1",))
    assert (built.is_verified, built.is_leftover) == (True, False)


@pytest.mark.parametrize(
    ("created", "tagged", "made"),
    [
        ("2026-11-27T16:42:33.783062289Z", "", 1795797753.783062),
        ("2026-11-27T16:42:33Z", "2026-11-27T16:48:12.962900821Z", 1795798092.9629),
        ("2026-11-27T16:42:33Z", "0001-01-01T00:00:00Z", 1795797753.0),
        ("2026-11-27T17:42:33+01:00", "", 1795797753.0),
        ("yesterday", "", 0.0),
    ],
)
def test_an_image_is_as_old_as_its_name(created: str, tagged: str, made: float) -> None:
    """What is built from cached steps has their time; the engine notes when it got its tag."""
    found = described(replace(STORED, created=created, tagged=tagged)).made
    assert found == pytest.approx(made, abs=1e-3)


@pytest.mark.parametrize(("text", "found"), [(None, None), ("{", None), ("3", None), ("[]", ())])
def test_dependencies_that_nobody_recorded_are_none(
    text: str | None, found: tuple[str, ...] | None
) -> None:
    known = {key: value for key, value in OURS.items() if key != labels.DEPENDENCIES}
    if text is not None:
        known[labels.DEPENDENCIES] = text
    assert described(replace(STORED, labels=known)).dependencies == found


def history(*texts: str) -> list[dict[str, Any]]:
    """An engine's history, the newest first, of instructions in the order of a Dockerfile."""
    sizes = {"COPY": 135, "import": 124}
    return [
        {"CreatedBy": text, "Size": sizes.get(text.partition(" ")[0], 0)}
        for text in reversed(texts)
    ]


OWN = (
    "import a base",
    "USER 0",
    "RUN sh -c rm -rf /opt/venv # buildkit",
    "COPY /opt/venv /opt/venv # buildkit",
    "ENV VIRTUAL_ENV=/opt/venv",
    "WORKDIR /workspace",
    "ENTRYPOINT []",
    'CMD ["python"]',
)
NAMELESS = replace(STORED, tags=())


def test_an_image_without_a_name_is_a_leftover_when_its_history_ends_as_ours_does() -> None:
    assert is_leftover(NAMELESS, history(*OWN))


@pytest.mark.parametrize(
    "more",
    [
        ("RUN pip install six # buildkit",),
        ('CMD ["python"]',),
        ("LABEL a=b",),
        ("/bin/sh",),  # docker commit
        ("/bin/sh -c #(nop) COPY file:1 in / ",),
    ],
)
def test_what_was_made_of_ours_is_no_leftover(more: tuple[str, ...]) -> None:
    assert not is_leftover(NAMELESS, history(*OWN, *more))


def test_an_application_that_ends_with_the_same_keywords_is_no_leftover() -> None:
    own = [text.replace("/opt/venv /opt/venv", "dist /app") for text in OWN]
    assert not is_leftover(NAMELESS, history(*OWN, *own[1:]))


def test_a_name_a_registrys_digest_or_no_record_make_it_no_leftover() -> None:
    told = history(*OWN)
    assert not is_leftover(STORED, told)
    assert not is_leftover(replace(NAMELESS, repo_digests=("x@sha256:1",)), told)
    older = {key: value for key, value in OURS.items() if key != labels.INSTRUCTIONS}
    assert not is_leftover(replace(NAMELESS, labels=older), told)
    assert not is_leftover(NAMELESS, [])


def test_the_layers_have_the_sizes_of_what_made_them() -> None:
    found = layers(STORED, history(*OWN))
    assert [(layer.digest, layer.size, layer.instruction.partition(" ")[0]) for layer in found] == [
        ("base", 124, "import"),
        ("empty", 0, "RUN"),
        ("venv", 135, "COPY"),
        ("workdir", 0, "WORKDIR"),
    ]


def test_layers_that_cannot_be_told_apart_keep_the_sum() -> None:
    """An instruction that might have made a layer did not: those without bytes are passed over."""
    found = layers(replace(STORED, layers=("base", "venv")), history(*OWN))
    assert [(layer.digest, layer.size) for layer in found] == [("base", 124), ("venv", 135)]
    found = layers(replace(STORED, layers=("1", "2", "3")), history(*OWN))
    assert sum(layer.size for layer in found) == 259
