"""Status messages become steps: recorded builds of engine 20.10, and what other engines do."""

from __future__ import annotations

import base64
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.engine.buildkit.progress import (
    TAIL_LINES,
    BuildEvent,
    Progress,
    StepCompleted,
    StepFailed,
    StepLog,
    StepProgress,
    StepStarted,
    Warned,
)
from toolkit.engine.buildkit.roads import RoadTaken
from toolkit.engine.buildkit.status import (
    Status,
    Vertex,
    VertexLog,
    VertexStatus,
    VertexWarning,
    decode,
)
from toolkit.engine.wire import JsonDecoder

WIRE = Path(__file__).parent.parent / "cases/wire"


def _recorded(name: str) -> Iterator[Status]:
    raw = (WIRE / f"build-20.10-{name}.jsonl").read_bytes()
    for item in JsonDecoder().feed(raw):
        if item.get("id") == "moby.buildkit.trace":
            yield decode(base64.b64decode(item["aux"]))


def _run(progress: Progress, statuses: Iterator[Status]) -> list[BuildEvent]:
    events = [event for status in statuses for event in progress.feed(status)]
    return [*events, *progress.close()]


def _brief(events: list[BuildEvent]) -> list[str]:
    """One line an event, with the random part of a recorded step left out."""
    return [
        f"{type(event).__name__.removeprefix('Step')} {event.name[:12].strip()}"
        + (f" | {event.line}" if isinstance(event, StepLog) and len(event.line) < 12 else "")
        for event in events
        if not isinstance(event, RoadTaken | Warned | StepProgress)
        if event.name.startswith("[") and not event.name.startswith("[internal]")
    ]


def test_a_build_that_succeeds_is_told_step_by_step() -> None:
    brief = _brief(_run(Progress(), _recorded("success")))
    assert [line for line in brief if "Log" not in line] == [
        "Started [one 1/2] FR",
        "Completed [one 1/2] FR",
        "Started [one 2/2] RU",
        "Completed [one 2/2] RU",
        "Started [two 1/1] RU",
        "Completed [two 1/1] RU",
    ]
    for number in "123":
        assert f"Log [one 2/2] RU | out {number}" in brief
        assert f"Log [one 2/2] RU | err {number}" in brief
    assert "Log [two 1/1] RU | no newline" in brief


def test_the_seconds_of_a_step_are_those_of_its_runs() -> None:
    events = _run(Progress(), _recorded("success"))
    for event in events:
        if isinstance(event, StepCompleted):
            assert 0 <= event.seconds < 60


def test_steps_of_a_second_build_are_cached() -> None:
    events = _run(Progress(), _recorded("cached"))
    cached = [event.cached for event in events if isinstance(event, StepCompleted)]
    runs = [
        event.cached for event in events if isinstance(event, StepCompleted) and "RUN" in event.name
    ]
    assert runs == [True, True]
    assert not all(cached)
    assert not any(isinstance(event, StepLog) for event in events)


def test_the_failing_step_is_blamed_with_the_end_of_its_log() -> None:
    progress = Progress()
    events = _run(progress, _recorded("failed"))
    culprit = progress.culprit()
    assert culprit is not None
    assert culprit.name.startswith("[2/2] RUN echo ")
    assert culprit.reason.endswith("exit code: 17")
    assert culprit.log[-100:] == tuple(str(number) for number in range(1, 101))
    assert isinstance(events[-1], StepFailed)


def test_of_two_steps_that_ended_the_one_that_was_not_cancelled_is_blamed() -> None:
    """Two stages run side by side; the first fails with 3, the second is killed for it."""
    progress = Progress()
    _run(progress, _recorded("parallel"))
    culprit = progress.culprit()
    assert culprit is not None
    assert culprit.name.startswith("[one 2/2] ")
    assert culprit.reason.endswith("exit code: 3")


def test_a_cancelled_step_is_not_blamed_even_where_it_ended_first() -> None:
    progress = Progress()
    cancelled = "process x did not complete successfully: exit code: 137: context canceled"
    _feed(
        progress,
        Status((Vertex("a", "cancelled", started=1, completed=2, error=cancelled),)),
        Status((Vertex("b", "guilty", started=1, completed=3, error="exit code: 1"),)),
    )
    culprit = progress.culprit()
    assert culprit is not None
    assert culprit.name == "guilty"


def test_of_two_failed_steps_the_one_that_failed_first_is_blamed() -> None:
    progress = Progress()
    _feed(
        progress,
        Status((Vertex("a", "second", started=1, completed=9, error="exit code: 137"),)),
        Status((Vertex("b", "first", started=1, completed=3, error="exit code: 1"),)),
    )
    culprit = progress.culprit()
    assert culprit is not None
    assert culprit.name == "first"


def test_a_build_that_fails_before_any_step_blames_none() -> None:
    progress = Progress()
    _run(progress, _recorded("parse-error"))
    assert progress.culprit() is None


def test_the_order_within_a_message_does_not_matter() -> None:
    """Newer engines give children before parents."""
    shuffler = random.Random(7)  # noqa: S311 - not for secrets

    def shuffled() -> Iterator[Status]:
        for status in _recorded("parallel"):
            vertexes = list(status.vertexes)
            shuffler.shuffle(vertexes)
            yield Status(tuple(vertexes), status.logs)

    progress, again = Progress(), Progress()
    straight = _run(progress, _recorded("parallel"))
    assert sorted(map(repr, _run(again, shuffled()))) == sorted(map(repr, straight))
    assert progress.culprit() == again.culprit()


def test_a_message_that_comes_twice_changes_nothing() -> None:
    once = _run(Progress(), _recorded("cached"))
    twice = _run(Progress(), (status for status in _recorded("cached") for _ in range(2)))
    assert twice == once


def _feed(progress: Progress, *statuses: Status) -> list[BuildEvent]:
    return [event for status in statuses for event in progress.feed(status)]


def test_a_step_that_fails_after_it_was_completed_is_still_said_to_fail() -> None:
    """The look-up in the cache completes a step; the execution that follows may fail."""
    events = _feed(
        Progress(),
        Status((Vertex("d", "x", started=1, completed=2),)),
        Status((Vertex("d", "x", started=3),)),
        Status((Vertex("d", "x", started=3, completed=5, error="boom"),)),
    )
    assert events == [
        StepStarted("x"),
        StepCompleted("x", cached=False, seconds=1e-9),
        StepFailed("x", "boom"),
    ]


@pytest.mark.parametrize("cut", range(1, 12))
def test_log_lines_are_whole_wherever_they_are_cut(cut: int) -> None:
    raw = "grün\r\n\nende\n".encode()
    progress = Progress()
    _feed(progress, Status((Vertex("d", "x", started=1),)))
    logs = Status((), (VertexLog("d", 1, raw[:cut]), VertexLog("d", 1, raw[cut:])))
    events = _feed(progress, logs)
    assert [event.line for event in events if isinstance(event, StepLog)] == ["grün", "", "ende"]


def test_stdout_and_stderr_are_cut_into_lines_apart() -> None:
    progress = Progress()
    logs = (VertexLog("d", 1, b"out"), VertexLog("d", 2, b"err\n"), VertexLog("d", 1, b"put\n"))
    events = _feed(progress, Status((Vertex("d", "x"),), logs))
    assert events == [StepLog("x", "err"), StepLog("x", "output")]


def test_a_last_line_without_newline_is_given_out_at_the_end() -> None:
    progress = Progress()
    assert _feed(progress, Status((), (VertexLog("d", 1, b"half"),))) == []
    assert list(progress.close()) == [StepLog("", "half")]


def test_bytes_that_are_no_utf_8_are_replaced() -> None:
    events = _feed(Progress(), Status((), (VertexLog("d", 1, b"a\xffb\n"),)))
    assert events == [StepLog("", "a\ufffdb")]


def test_a_line_of_600_kb_is_given_out_whole_and_kept_short() -> None:
    progress = Progress()
    line = b"x" * 600_000
    parts = tuple(VertexLog("d", 1, line[at : at + 16384]) for at in range(0, len(line), 16384))
    failed = Vertex("d", "x", started=1, completed=2, error="exit code: 1")
    events = _feed(progress, Status((failed,), (*parts, VertexLog("d", 1, b"\nend\n"))))
    assert StepLog("x", "x" * 600_000) in events
    culprit = progress.culprit()
    assert culprit is not None
    assert [len(line) for line in culprit.log] == [4000, 3]


def test_of_a_long_log_only_the_end_is_kept() -> None:
    progress = Progress()
    raw = b"".join(b"%d\n" % number for number in range(TAIL_LINES + 5))
    failed = Vertex("d", "x", started=1, completed=2, error="exit code: 1")
    assert len(_feed(progress, Status((failed,), (VertexLog("d", 1, raw),)))) == TAIL_LINES + 7
    culprit = progress.culprit()
    assert culprit is not None
    assert culprit.log == tuple(str(number) for number in range(5, TAIL_LINES + 5))


def test_lines_that_come_after_the_end_of_their_step_belong_to_it() -> None:
    """The engine sends the end of a clipped log once the step has failed."""
    progress = Progress()
    failed = Vertex("d", "x", started=1, completed=2, error="exit code: 1")
    _feed(progress, Status((failed,)), Status((), (VertexLog("d", 1, b"late\n"),)))
    culprit = progress.culprit()
    assert culprit is not None
    assert culprit.log == ("late",)


def test_every_text_goes_through_the_mask() -> None:
    progress = Progress(lambda text: text.replace("pw", "***"))
    vertex = Vertex("d", "RUN pw", started=1, completed=2, error="failed: pw")
    status = Status(
        (vertex,),
        (VertexLog("d", 1, b"p"), VertexLog("d", 1, b"w\n")),
        (VertexStatus("d", "from pw"),),
        (VertexWarning("d", "pw is bad", "http://pw"),),
    )
    events = _feed(progress, status)
    assert "pw" not in repr(events)
    assert "pw" not in repr(progress.culprit())
    assert len(events) == 5


def test_the_engine_s_own_culprit_is_believed() -> None:
    """Newer engines name the vertex in the details of their error."""
    progress = Progress()
    first = Vertex("a", "first", started=1, completed=3, error="exit code: 1")
    named = Vertex("b", "named", started=1, completed=9, error="exit code: 2")
    _feed(progress, Status((first, named)))
    for digest, name in (("b", "named"), ("a", "first"), ("", "first"), ("unknown", "first")):
        culprit = progress.culprit(digest)
        assert culprit is not None
        assert culprit.name == name


def test_the_bytes_of_a_pull_are_told_when_they_change() -> None:
    """The engine repeats every part in every message."""
    blob = VertexStatus("d", "sha256:1", current=10, total=100)
    naming = VertexStatus("d", "naming to docker.io/x")
    events = _feed(
        Progress(),
        Status((Vertex("d", "FROM x", started=1),)),
        Status(statuses=(blob, naming)),
        Status(statuses=(blob, naming)),
        Status(statuses=(VertexStatus("d", "sha256:1", current=100, total=100),)),
    )
    assert events == [
        StepStarted("FROM x"),
        StepProgress("FROM x", "sha256:1", 10, 100),
        StepProgress("FROM x", "naming to docker.io/x", 0, 0),
        StepProgress("FROM x", "sha256:1", 100, 100),
    ]


def test_parts_without_end_do_not_fill_the_memory() -> None:
    parts = tuple(VertexStatus("d", str(number), 1, 1) for number in range(5000))
    warnings = tuple(VertexWarning("d", str(number)) for number in range(5000))
    progress = Progress()
    assert len(_feed(progress, Status(statuses=parts, warnings=warnings))) == 2000
    assert _feed(progress, Status(statuses=(VertexStatus("d", "0", 2, 2),))) == [
        StepProgress("", "0", 2, 2)
    ]


def test_what_the_engine_has_against_the_dockerfile_is_said_once() -> None:
    warning = VertexWarning("d", "FromAsCasing", "https://docs.example/x", 3)
    events = _feed(Progress(), Status(warnings=(warning,)), Status(warnings=(warning,)))
    assert events == [Warned("FromAsCasing", "https://docs.example/x", 3)]


def test_the_export_of_a_recorded_build_is_told() -> None:
    events = _run(Progress(), _recorded("success"))
    parts = [event.part for event in events if isinstance(event, StepProgress)]
    assert "exporting layers" in parts
    assert any(part.startswith("writing image sha256:") for part in parts)


def test_a_long_log_takes_no_memory() -> None:
    """Also one whose lines have no end; 100 MB differ from these 8 in nothing but time."""
    progress = Progress()
    _feed(progress, Status((Vertex("d", "x", started=1),)))
    chunk = (b"a usual line of a log, of no great length\n" * 800)[: 1 << 15]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for data in (chunk, b"x" * len(chunk)):
            status = Status((), (VertexLog("d", 1, data),))
            for _ in range(128):
                for event in progress.feed(status):
                    assert isinstance(event, StepLog)
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert kept < 5_000_000  # a line may have 4 MiB before it is cut
