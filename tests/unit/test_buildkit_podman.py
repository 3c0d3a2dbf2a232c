"""What Podman is sent: the context, the Dockerfile and the parameters."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping

import pytest

from toolkit.engine.buildkit import podman, podman_context
from toolkit.engine.buildkit.classic import Stream
from toolkit.engine.buildkit.request import BuildRequest
from toolkit.engine.buildkit.status import Status
from toolkit.errors import BuildError
from toolkit.reference import ImageReference

DOCKERFILE = r"""ARG TAG=3
FROM base:$TAG AS build
RUN apt-get update
RUN --mount=type=cache,target=/c \
    --mount=source=install,target=/x \
    install
RUN --mount=type=bind,source=more,target=/x install
FROM base AS image
RUN --mount=type=bind,from=build,target=/x true
RUN --mount=type=secret,id=x true
FROM image
COPY a b
RUN --mount=type=bind,target=/x,rw true
"""
TOLD = DOCKERFILE.replace(
    "RUN --mount=type=cache", "ARG toolkit_context=DIGEST\nRUN --mount=type=cache"
)
TOLD = TOLD.replace(
    "RUN --mount=type=bind,target", "ARG toolkit_context=DIGEST\nRUN --mount=type=bind,target"
)


def packed(files: Mapping[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o640
            tar.addfile(entry, io.BytesIO(content))
    return written.getvalue()


def unpacked(data: bytes) -> dict[str, bytes | None]:
    """By name, in order; folders have no content."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        found = ((each.name, tar.extractfile(each)) for each in tar)
        return {name: file.read() if file else None for name, file in found}


def in_parts(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def test_the_digest_is_said_before_the_first_folder_that_each_stage_mounts() -> None:
    told = podman_context.told(podman_context.Found(DOCKERFILE, "0123456789abcdef"))
    assert told.text == TOLD.replace("DIGEST", "0123456789ab")
    keywords = [[step and step.keyword for step in stage] for stage in told.stages]
    assert keywords == [
        ["FROM", "RUN", None, "RUN", "RUN"],
        ["FROM", "RUN", "RUN"],
        ["FROM", "COPY", None, "RUN"],
    ]
    last = told.stages[2][3]
    assert last is not None
    assert last.lines == (13, 13)


@pytest.mark.parametrize("size", [1, 7, 512, 10240, 1 << 20])
def test_a_context_is_read_however_it_is_cut(size: int) -> None:
    content = packed({"a": b"x" * 1000, "sub/My.Dockerfile": b"FROM a\n"})
    whole = podman_context.look([content], "sub/My.Dockerfile")
    assert whole.dockerfile == "FROM a\n"
    assert podman_context.look(in_parts(content, size), "./sub/My.Dockerfile") == whole


def test_another_byte_is_another_digest() -> None:
    found = [podman_context.look([packed({"a": each})], "Dockerfile") for each in (b"1", b"2")]
    assert found[0].digest != found[1].digest
    assert found[0].dockerfile == ""


@pytest.mark.parametrize("size", [1, 513, 1 << 20])
def test_the_context_is_the_same_but_for_what_podman_needs(size: int) -> None:
    big = bytes(range(256)) * 1000
    content = packed(
        {"Dockerfile": b"FROM a\n", ".dockerignore": b"*\n", "deep/er/file": big, "empty": b""}
    )
    sent = b"".join(
        podman_context.changed(
            in_parts(content, size), ("Dockerfile", "FROM b\n"), {"1f": b"secret"}
        )
    )
    assert unpacked(sent) == {
        "1f": b"secret",
        "Dockerfile": b"FROM b\n",
        "deep": None,
        "deep/er": None,
        "deep/er/file": big,
        "empty": b"",
    }
    with tarfile.open(fileobj=io.BytesIO(sent)) as tar:
        assert tar.getmember("deep/er/file").mode == 0o640
        assert {each.mtime for each in tar} == {0}


def test_a_context_that_is_no_tar_is_our_error() -> None:
    with pytest.raises(BuildError) as caught:
        podman_context.look([b"no tar at all" * 100], "Dockerfile")
    assert str(caught.value).startswith("the build failed: the context is no tar")


def test_the_parameters_are_those_of_the_request() -> None:
    request = BuildRequest(
        b"",
        labels={"a": "b"},
        build_args={"A": "b"},
        target="image",
        platform="linux/amd64",
        no_cache=True,
        tags=(ImageReference.parse("x/y"),),
    )
    asked = podman.query(request, {"1f": "pw", "2e": "ca"})
    assert asked == {
        "dockerfile": "Dockerfile",
        "labels": json.dumps({"a": "b"}),
        "buildargs": json.dumps({"A": "b"}),
        "platform": "linux/amd64",
        "target": "image",
        "nocache": "1",
        "secrets": json.dumps(["id=pw,src=1f", "id=ca,src=2e"]),
        "t": ["x/y:latest"],
    }
    assert podman.query(BuildRequest(b""), {}) == {"dockerfile": "Dockerfile"}


def answered(*items: Mapping[str, object]) -> tuple[str, list[Status], list[BuildError]]:
    """The image of a build with that answer, what changed, and the errors that were made."""
    taken: list[Status] = []
    made: list[BuildError] = []

    def failed(words: str, lines: tuple[int, int] | None) -> BuildError:
        made.append(BuildError(words, hint="do x", lines=lines))
        return made[-1]

    told = podman_context.told(podman_context.Found("FROM a\n\nRUN x\n", "0"))
    build = podman._Build(Stream(told.stages, lambda: 1), taken.append, failed)
    data = b"".join(json.dumps(item).encode() for item in items)
    try:
        return build.read(iter(in_parts(data, 7))), taken, made
    except BuildError:
        return "", taken, made


def test_the_images_id_is_what_comes_back() -> None:
    image, taken, _ = answered(
        {"stream": "STEP 1/2: FROM a\n"},
        {"stream": "STEP 2/2: RUN x\n"},
        {"stream": "COMMIT\n"},
        {"aux": {"ID": "sha256:1"}},
        {"stream": "Successfully built 1\n"},
    )
    assert image == "sha256:1"
    names = [vertex.name for status in taken for vertex in status.vertexes if vertex.completed]
    assert names == ["[stage-0 1/2] FROM a", "[stage-0 2/2] RUN x"]


def test_a_failure_has_the_lines_of_its_step() -> None:
    words = 'building at STEP "RUN x": while running runtime: exit status 3\n'
    image, taken, made = answered(
        {"stream": "STEP 1/2: FROM a\n"},
        {"stream": "STEP 2/2: RUN x\n"},
        {"error": words, "errorDetail": {"message": words}},
    )
    assert image == ""
    assert [(str(error), error.lines) for error in made] == [("exit code: 3", (3, 3))]
    assert taken[-1].vertexes[0].error == "exit code: 3"


def test_an_answer_that_just_ends_has_no_image() -> None:
    assert answered({"stream": "STEP 1/2: FROM a\n"})[0] == ""
