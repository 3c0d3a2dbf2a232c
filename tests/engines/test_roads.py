"""What BuildKit's own calls bring, on every engine that has them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import pytest

from tests.engines.nested import Nested
from tests.engines.test_builds import fresh, request
from toolkit.engine import Engine
from toolkit.engine.buildkit import (
    BuildEvent,
    BuildRequest,
    Cache,
    RoadTaken,
    StepCompleted,
    StepLog,
    build,
    road,
)
from toolkit.engine.buildkit.request import Compression
from toolkit.reference import ImageReference

pytestmark = pytest.mark.docker

ZSTD = b"\x28\xb5\x2f\xfd"


@pytest.fixture
def native(nest: Nested, engine: Engine) -> Engine:
    if nest.kind.road != "grpc":
        pytest.skip(f"{nest.kind.name} has no BuildKit")
    return engine


def test_the_road_is_told_first(native: Engine, nest: Nested, base: str) -> None:
    events: list[BuildEvent] = []
    build(native, request(f"FROM {base}\n"), on_event=events.append)
    assert events[0] == RoadTaken(road(native))
    assert road(native).name == nest.kind.road


def test_a_large_context_and_a_large_request_arrive(native: Engine, base: str) -> None:
    asked = request(
        f"FROM {base}\nRUN --mount=source=large,target=/l wc -c < /l; echo {fresh()}\n",
        large="x" * 9_000_000,
    )
    asked = BuildRequest(asked.context, labels={"made": "here", "large": "y" * 300_000})
    lines: list[str] = []
    image = build(
        native,
        asked,
        on_event=lambda event: lines.append(event.line) if isinstance(event, StepLog) else None,
    )
    assert lines[0].strip() == "9000000"
    found = native.inspect_image(image)
    assert found is not None
    assert len(found["Config"]["Labels"]["large"]) == 300_000


def test_an_inline_cache_is_exported_and_imported(native: Engine, nest: Nested, base: str) -> None:
    tag = ImageReference.parse(f"toolkit/t-{fresh()}:1")
    context = request(f"FROM {base}\nRUN echo {fresh()}\n").context
    build(native, BuildRequest(context, tags=(tag,), cache_to=(Cache.inline(),)))
    assert any(b"moby.buildkit.cache.v0" in content for content in _saved(native, tag))
    events: list[BuildEvent] = []
    asked = BuildRequest(context, cache_from=(Cache.registry(tag),))
    build(native, asked, on_event=events.append)
    names = [event.name for event in events if isinstance(event, StepCompleted)]
    # The containerd store's engine asks the registry, even for the cache of a local image.
    imported = any(name.startswith("importing cache manifest") for name in names)
    assert imported != nest.kind.packed
    native.remove_image(str(tag))


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_new_layers_are_compressed_as_asked_where_they_are_at_all(
    native: Engine, nest: Nested, base: str, compression: Compression
) -> None:
    context = request(
        f"FROM {base}\nRUN head -c 100000 /dev/urandom | base64 > /{fresh()}\n"
    ).context
    tag = ImageReference.parse(f"toolkit/t-{fresh()}:1")
    build(native, BuildRequest(context, tags=(tag,), compression=compression))
    starts = {content[:4] for content in _saved(native, tag)}
    native.remove_image(str(tag))
    assert (ZSTD in starts) == (nest.kind.packed and compression == "zstd")


def _saved(engine: Engine, tag: ImageReference) -> Iterator[bytes]:
    """The files of an image's archive."""
    with engine.open("GET", f"/images/{tag}/get", doing="saving an image") as answer:
        saved = io.BytesIO(b"".join(answer.chunks()))
    with tarfile.open(fileobj=saved) as tar:
        for member in filter(tarfile.TarInfo.isreg, tar.getmembers()):
            file = tar.extractfile(member)
            assert file is not None
            yield file.read()
