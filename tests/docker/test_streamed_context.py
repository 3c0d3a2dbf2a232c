"""A context that is read from disk while it is sent to a real engine."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.context import CHUNK, ContextFile, DiskFile, pack
from toolkit.engine import Engine, connect
from toolkit.engine.buildkit import BuildRequest, build
from toolkit.errors import SpecError
from toolkit.image import local_bases

pytestmark = pytest.mark.docker

LABEL, VALUE = "toolkit-test-context", uuid.uuid4().hex


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with connect() as found:
        yield found
        for image in found.list_images(f"{LABEL}={VALUE}"):
            found.remove_image(image["Id"], force=True)
        assert found.list_images(f"{LABEL}={VALUE}") == []


def request(engine: Engine, place: Path) -> BuildRequest:
    """A build that holds the digest of `big` against what is there."""
    file = ContextFile("sub/big", DiskFile.read(place), 0o755)
    dockerfile = (
        f"FROM {local_bases(engine)[0]}\n"
        "RUN --mount=type=bind,target=/c"
        f" echo '{file.sha256}  /c/sub/big' | sha256sum -c && test -x /c/sub/big\n"
    )
    files = [ContextFile("Dockerfile", dockerfile.encode()), file]
    return BuildRequest(pack(files), labels={LABEL: VALUE})


def test_a_large_file_arrives_as_it_is(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(os.urandom(20 * CHUNK + 7))
    assert build(engine, request(engine, tmp_path / "big"), secrets={}).startswith("sha256:")


def test_a_file_that_changes_before_it_is_sent_is_never_built(
    engine: Engine, tmp_path: Path
) -> None:
    place = tmp_path / "big"
    place.write_bytes(os.urandom(20 * CHUNK))
    asked = request(engine, place)
    before = len(engine.list_images(f"{LABEL}={VALUE}"))
    with place.open("r+b") as file:
        file.seek(19 * CHUNK)
        file.write(b"changed")
    with pytest.raises(SpecError, match="changed while the image was built"):
        build(engine, asked, secrets={})
    assert len(engine.list_images(f"{LABEL}={VALUE}")) == before
    engine.ping()
