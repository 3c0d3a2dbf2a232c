"""A build as a value, and as `POST /build` takes it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from toolkit.engine.buildkit import BuildRequest, Cache
from toolkit.reference import ImageReference

ZSTD = {"compression": "zstd", "compression-level": "1"}


class Parts:
    """A context in parts, that can be read again."""

    def __iter__(self) -> Iterator[bytes]:
        yield from (b"a", b"b")


def outputs(**attributes: str) -> str:
    return json.dumps([{"Type": "moby", "Attrs": attributes}])


def test_the_least_request_says_what_must_be_said() -> None:
    assert BuildRequest(b"x").query("id") == {
        "version": "2",
        "session": "id",
        "dockerfile": "Dockerfile",
        "outputs": outputs(**ZSTD),
    }


def test_everything_has_its_parameter() -> None:
    request = BuildRequest(
        b"x",
        labels={"a": "b"},
        platform="linux/arm64",
        target="one",
        build_args={"A": "1"},
        no_cache=True,
        dockerfile="sub/Dockerfile",
        tags=(ImageReference.parse("x/y"), ImageReference.parse("localhost:5000/z:1")),
        cache_from=(Cache.registry(ImageReference.parse("localhost:5000/c")),),
        cache_to=(Cache.inline(),),
        compression="gzip",
    )
    assert request.query("id") == {
        "version": "2",
        "session": "id",
        "dockerfile": "sub/Dockerfile",
        "labels": '{"a": "b"}',
        "buildargs": '{"A": "1", "BUILDKIT_INLINE_CACHE": "1"}',
        "platform": "linux/arm64",
        "target": "one",
        "nocache": "1",
        "t": ["docker.io/x/y:latest", "localhost:5000/z:1"],
        "cachefrom": '["localhost:5000/c"]',
        "outputs": outputs(**{"compression": "gzip", "force-compression": "true"}),
    }


@pytest.mark.parametrize(("context", "parts"), [(b"ab", [b"ab"]), (Parts(), [b"a", b"b"])])
def test_a_context_is_given_from_its_start_each_time(context: bytes, parts: list[bytes]) -> None:
    request = BuildRequest(context)
    assert [list(request.parts()), list(request.parts())] == [parts, parts]


def test_the_context_and_what_it_holds_is_in_no_repr() -> None:
    assert "secret" not in repr(BuildRequest(b"secret"))
