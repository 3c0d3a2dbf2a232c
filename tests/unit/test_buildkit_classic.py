"""Podman's classic stream as steps: what is the builder's, what is a command's, what went wrong."""

from __future__ import annotations

import itertools

import pytest

from toolkit.dockerfile import Instruction
from toolkit.engine.buildkit.classic import Stream
from toolkit.engine.buildkit.progress import (
    BuildEvent,
    Progress,
    StepCompleted,
    StepFailed,
    StepLog,
    StepStarted,
)

FROM = "[1/2] STEP 1/3: FROM toolkit/base:bookworm-py3.11 AS build\n"
RUN = "[1/2] STEP 2/3: RUN echo hi\n"


def told(*texts: str, stream: Stream | None = None) -> list[BuildEvent]:
    """The events of a build whose stream has these texts."""
    stream = stream or Stream((), itertools.count(1).__next__)
    progress = Progress()
    events: list[BuildEvent] = []
    for text in texts:
        for status in stream.feed(text):
            events += progress.feed(status)
    return [*events, *progress.close()]


def test_steps_are_named_as_buildkit_names_them() -> None:
    events = told(
        FROM,
        RUN,
        "hi\nthere",
        "--> 7a7635db34a1\n",
        "[2/2] STEP 1/2: FROM scratch\n",
        "[2/2] STEP 2/2: COPY --from=build /f /f\n",
        "--> Using cache 17d60eabe3d311dc0c7e629862da7dcd015a20e22218bbc5ef5b1c908d36f3ad\n",
        "--> 17d60eabe3d3\n",
        "[2/2] COMMIT\n",
        "--> dbea2c63b3ba\n",
        "dbea2c63b3ba19c19a365798ff64489565c4aad4e45e2c57dbede4e6c679d17e\n",
        "Successfully built dbea2c63b3ba\n",
    )
    base = "[build 1/3] FROM toolkit/base:bookworm-py3.11 AS build"
    run, copy = "[build 2/3] RUN echo hi", "[stage-1 2/2] COPY --from=build /f /f"
    assert [event for event in events if not isinstance(event, StepCompleted)] == [
        StepStarted(base),
        StepStarted(run),
        StepLog(run, "hi"),
        StepLog(run, "there"),
        StepStarted("[stage-1 1/2] FROM scratch"),
        StepStarted(copy),
    ]
    done = [(event.name, event.cached) for event in events if isinstance(event, StepCompleted)]
    scratch = "[stage-1 1/2] FROM scratch"
    assert done == [(base, False), (run, False), (scratch, False), (copy, True)]


def test_one_stage_has_no_number_of_its_own() -> None:
    events = told("STEP 1/2: FROM a/b:1\n", "STEP 2/2: RUN true\n")
    names = [event.name for event in events if isinstance(event, StepStarted)]
    assert names == ["[stage-0 1/2] FROM a/b:1", "[stage-0 2/2] RUN true"]


@pytest.mark.parametrize(
    "text",
    [
        "[1/2] STEP 2/3: RUN once more\n",
        "[1/2] STEP 3/4: RUN of another build\n",
        "[2/2] STEP 2/3: RUN of a stage that has not begun\n",
        "STEP 3/3: RUN without its stage\n"[:-1],
        "x [1/2] STEP 3/3: RUN x\n",
        "--> 7a76 is no id\n",
        "--> Using cache none\n",
    ],
)
def test_output_that_looks_like_the_builders_is_output(text: str) -> None:
    events = told(FROM, RUN, text)
    run = "[build 2/3] RUN echo hi"
    assert [event for event in events if isinstance(event, StepLog)] == [
        StepLog(run, text.removesuffix("\n"))
    ]
    assert len([event for event in events if isinstance(event, StepStarted)]) == 2


def test_a_step_that_has_said_something_is_not_from_the_cache() -> None:
    line = "--> Using cache 17d60eabe3d311dc0c7e629862da7dcd015a20e22218bbc5ef5b1c908d36f3ad\n"
    events = told(FROM, RUN, "hi\n", line, "--> 7a7635db34a1\n")
    assert [event.cached for event in events if isinstance(event, StepCompleted)][-1] is False


def test_a_step_of_ours_is_not_counted_and_not_told() -> None:
    written = [
        Instruction("FROM", "a AS build", (2, 2)),
        None,
        Instruction("RUN", "echo", (4, 6)),
    ]
    stream = Stream((tuple(written),), itertools.count(1).__next__)
    events = told(
        "STEP 1/4: FROM a AS build\n",
        "STEP 2/4: ARG ours=1\n",
        "--> 7a7635db34a1\n",
        "STEP 3/4: RUN echo\n",
        "said\n",
        "--> 7a7635db34a1\n",
        'STEP 4/4: LABEL "a"="b"\n',
        stream=stream,
    )
    names = [event.name for event in events if isinstance(event, StepStarted)]
    assert names == [
        "[build 1/2] FROM a AS build",
        "[build 2/2] RUN echo",
        '[build 4/4] LABEL "a"="b"',
    ]
    assert [event.line for event in events if isinstance(event, StepLog)] == ["said"]


def test_a_failure_is_told_in_buildkits_words_with_its_lines() -> None:
    written = (Instruction("FROM", "a", (1, 1)), Instruction("RUN", 'echo "x": ', (3, 4)))
    stream = Stream((written,), itertools.count(1).__next__)
    progress = Progress()
    for text in ("STEP 1/2: FROM a\n", 'STEP 2/2: RUN echo "x": \n', "out\n"):
        for status in stream.feed(text):
            list(progress.feed(status))
    words = 'building at STEP "RUN echo "x": ": while running runtime: exit status 17\n'
    events = list(progress.feed(stream.failed(words)))
    name = '[stage-0 2/2] RUN echo "x": '
    assert events == [StepFailed(name, "exit code: 17")]
    culprit = progress.culprit()
    assert culprit is not None
    assert (culprit.name, culprit.reason, culprit.log) == (name, "exit code: 17", ("out",))
    assert stream.step is not None
    assert stream.step.lines == (3, 4)


def test_what_does_not_stand_there_has_no_lines() -> None:
    stream = Stream(
        ((Instruction("FROM", "a", (1, 1)), Instruction("COPY", "x", (2, 2))),), lambda: 1
    )
    told("STEP 1/2: FROM a\n", "STEP 2/2: RUN x\n", stream=stream)
    assert stream.step is not None
    assert stream.step.lines is None


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        (
            (
                'building at STEP "RUN x": resolving mountpoints for container "1f":'
                ' secret required but no secret with id "pw" found\n'
            ),
            'resolving mountpoints for container "1f": secret pw: not found',
        ),
        (
            (
                'building at STEP "RUN x": resolving mountpoints for container "1f":'
                " secret required but no secret with id pw found\n"
            ),
            'resolving mountpoints for container "1f": secret pw: not found',
        ),
        (
            (
                'building at STEP "RUNN ": Build error: Unknown instruction: "RUNN"'
                ' &imagebuilder.Step{Env:[]string{"A=b"}}\n'
            ),
            'building at STEP "RUNN ": Build error: Unknown instruction: "RUNN"',
        ),
        (
            "creating build container: connection refused\n",
            "creating build container: connection refused",
        ),
    ],
)
def test_words_are_put_plainly(words: str, plain: str) -> None:
    stream = Stream((), lambda: 1)
    told("STEP 1/2: FROM a\n", "STEP 2/2: RUN x\n", stream=stream)
    assert stream.plain(words) == plain


def test_a_failure_before_any_step_changes_nothing() -> None:
    stream = Stream((), lambda: 1)
    assert stream.failed("no") == stream.failed("never")
    assert not stream.failed("no").vertexes
