"""Which lines a step came from, counted as BuildKit counts; the table has its names of steps."""

from __future__ import annotations

import pytest

from toolkit.engine.buildkit.origin import lines_of

# The lines are numbered from 1; `# escape` and the comment take theirs.
DOCKERFILE = r"""ARG TAG=3
FROM python:3 AS Build

# The packages.
RUN --mount=type=cache,target=/x \
    # not even this
    apt-get update && \

    apt-get install git
ENV A=1
WORKDIR /
COPY a b
from scratch as empty
COPY --from=build /a /
FROM --platform=linux/amd64 build
LABEL x=y
RUN ["sh", "-c", \
     "true"]
ADD x /
FROM localhost:5000/base AS image
USER 0
WORKDIR /workspace
RUN exit 1
"""


@pytest.mark.parametrize(
    ("step", "lines"),
    [
        ("[build 1/4] FROM docker.io/library/python:3@sha256:00", (2, 2)),
        ("[build 2/4] RUN --mount=type=cache,target=/x     apt-get update", (5, 9)),
        # `WORKDIR /` is one of the four and has no number.
        ("[build 3/4] COPY a b", (12, 12)),
        ("[build 4/4] COPY a b", None),
        # Neither `scratch` nor an earlier stage is a step.
        ("[empty 1/1] COPY --from=build /a /", (14, 14)),
        ("[stage-2 1/2] RUN sh -c true", (17, 18)),
        ("[stage-2 2/2] ADD x /", (19, 19)),
        ("[linux/arm64 stage-2 2/2] ADD x /", (19, 19)),
        ("[image  2/3] WORKDIR /workspace", (22, 22)),
        ("[image 3/3] RUN exit 1", (23, 23)),
        # The base brings two triggers.
        ("[image 1/5] FROM localhost:5000/base", (20, 20)),
        ("[image 2/5] ONBUILD RUN x", (20, 20)),
        ("[image 3/5] ONBUILD COPY x /", (20, 20)),
        ("[image 4/5] WORKDIR /workspace", (22, 22)),
        ("[image 5/5] RUN exit 1", (23, 23)),
        ("[internal] load metadata for docker.io/library/python:3", (2, 2)),
        ("[internal] load metadata for localhost:5000/base:latest", (20, 20)),
        # What does not add up gives no lines.
        ("[image 2/3] RUN exit 1", None),
        ("[image 2/2] WORKDIR /workspace", None),
        ("[image 4/3] RUN exit 1", None),
        ("[image 0/3] RUN exit 1", None),
        ("[empty 2/3] COPY --from=build /a /", None),
        ("[other 1/3] FROM x", None),
        ("[2/3] RUN exit 1", None),
        ("[internal] load metadata for docker.io/library/ruby:3", None),
        ("[internal] load build definition from Dockerfile", None),
        ("exporting to image", None),
        ("", None),
        ("[image 99999999999999999999/1] \x1b[2J", None),
    ],
)
def test_a_step_has_its_lines(step: str, lines: tuple[int, int] | None) -> None:
    assert lines_of(DOCKERFILE, step) == lines


@pytest.mark.parametrize(
    ("step", "lines"),
    [
        ("[2/3] RUN a", (2, 2)),
        ("[stage-0 2/3] RUN a", (2, 2)),
        ("[stage-0  2/3] RUN a", (2, 2)),
        ("[linux/amd64 3/3] RUN b", (3, 3)),
    ],
)
def test_a_single_stage_is_named_or_not(step: str, lines: tuple[int, int]) -> None:
    """A mount or `COPY --from` of an image makes the engine name it."""
    assert lines_of("FROM x\nRUN a\nRUN b\n", step) == lines


def test_another_escape_character_joins_lines() -> None:
    dockerfile = "# escape=`\nFROM x\nRUN a `\n b\nRUN c:\\\n"
    assert lines_of(dockerfile, "[2/3] RUN a") == (3, 4)
    assert lines_of(dockerfile, "[3/3] RUN c:\\") == (5, 5)


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("dockerfile parse error line 2: unknown instruction: RUNN", (2, 2)),
        ("the build failed: dockerfile parse error on line 2: unknown instruction", (2, 2)),
        ("dockerfile parse error line 9: unknown", None),
        ("dockerfile parse error line 0: unknown", None),
        ("anything else", None),
    ],
)
def test_a_parse_error_says_its_line_itself(words: str, lines: tuple[int, int] | None) -> None:
    assert lines_of("FROM x\nRUNN y\n", "", words) == lines


def test_an_empty_dockerfile_has_no_steps() -> None:
    assert lines_of("", "[1/1] FROM x") is None
    assert lines_of("RUN a \\", "[1/1] RUN a") is None
