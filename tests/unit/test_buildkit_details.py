"""The details of a failure: the reference vector, and everything that could be wrong with one."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.engine.buildkit import wire
from toolkit.engine.buildkit.details import Details, read
from toolkit.engine.buildkit.origin import Lines

VECTOR = (
    "CAISBGJvb20aYgosZ2l0aHViLmNvbS9tb2J5L2J1aWxka2l0L2VycmRlZnMuU291cmNlK2pzb24SMnsicmFuZ2VzIj"
    "pbeyJzdGFydCI6eyJsaW5lIjo1fSwiZW5kIjp7ImxpbmUiOjd9fV19"
)
SOURCE = "github.com/moby/buildkit/errdefs.Source+json"
VERTEX = "github.com/moby/buildkit/errdefs.Vertex+json"


def trailer(*details: tuple[str, object]) -> str:
    parts = [
        (3, wire.encode((1, kind), (2, said if isinstance(said, bytes) else json.dumps(said))))
        for kind, said in details
    ]
    return base64.b64encode(wire.encode((1, 2), (2, "boom"), *parts)).decode().rstrip("=")


def source(*ranges: object, name: str = "Dockerfile") -> tuple[str, object]:
    return SOURCE, {"info": {"filename": name, "data": "eA=="}, "ranges": list(ranges)}


def span(start: object, end: object = None) -> object:
    return {"start": {"line": start}, "end": {"line": end}} if end else {"start": {"line": start}}


def test_the_vector_has_the_lines() -> None:
    assert read(VECTOR, "Dockerfile") == Details((5, 7))


def test_the_vertex_is_found_among_other_details() -> None:
    found = trailer(("stack.Stack+json", {}), source(span(2, 2)), (VERTEX, {"digest": "sha256:a"}))
    assert read(found, "Dockerfile") == Details((2, 2), "sha256:a")


@pytest.mark.parametrize(
    ("details", "lines"),
    [
        ([source(span(3))], (3, 3)),
        ([source(span(3, 1))], (3, 3)),
        ([source(span(3, 4), span(7, 9))], (3, 9)),
        ([source(span(3), name="other")], None),
        ([source(span(3), name="other"), source(span(4))], (4, 4)),
        ([source()], None),
        ([source(span(0, 4))], None),
        ([source(span("3"), 7, None, [])], None),
        ([(SOURCE, {"ranges": 5, "info": []})], None),
        ([(SOURCE, [])], None),
        ([(SOURCE, b"{")], None),
        ([(SOURCE, b"[" * 100_000)], None),
        ([(VERTEX, {"digest": 5})], None),
    ],
)
def test_everything_is_optional(details: list[tuple[str, object]], lines: Lines | None) -> None:
    assert read(trailer(*details), "Dockerfile") == Details(lines)


@pytest.mark.parametrize("said", ["", "%%%", "x", "ä", "/w=="])
def test_what_cannot_be_read_counts_as_not_said(said: str) -> None:
    assert read(said, "Dockerfile") == Details()


@given(st.integers(0, len(VECTOR)), st.text(max_size=20))
def test_a_spoilt_trailer_raises_nothing(at: int, said: str) -> None:
    read(VECTOR[:at] + said + VECTOR[at:], "Dockerfile")
    read(VECTOR[:at], "Dockerfile")
