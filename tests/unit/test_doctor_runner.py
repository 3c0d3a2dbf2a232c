"""Running checks: order, prerequisites, time limits, and crashes that are results."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.doctor import CHECKS, Question, diagnose
from toolkit.doctor.check import Check, Finding, Fix, Level
from toolkit.doctor.world import World
from toolkit.errors import EngineError, SpecError

QUESTION = Question(env={}, home=Path("/nonexistent"))
FINE = Finding("fine")


def check(
    name: str,
    run: Callable[[World], Finding] = lambda _world: FINE,
    *,
    needs: tuple[str, ...] = (),
    counts: bool = True,
    level: Level = "error",
    seconds: float = 60.0,
) -> Check:
    return Check(name, f"title of {name}", level, needs, run, counts=counts, seconds=seconds)


def found(problem: Level) -> Callable[[World], Finding]:
    finding = Finding("bad", problem=problem, why="It is bad.", fix=Fix("mend it", ("mend",)))
    return lambda _world: finding


def explode(_world: World) -> Finding:
    raise ZeroDivisionError("planted")


def statuses(
    *checks: Check, only: tuple[str, ...] = (), skip: tuple[str, ...] = ()
) -> dict[str, str]:
    report = diagnose(QUESTION, only=only, skip=skip, checks=checks)
    return {result.check.id: result.status for result in report.results}


def test_a_crash_in_a_check_is_a_result_and_the_others_are_made() -> None:
    report = diagnose(QUESTION, checks=(check("a.one", explode), check("b.two")))
    crash, fine = report.results
    assert crash.status == "crash"
    assert crash.finding.summary == "the check itself failed: ZeroDivisionError: planted"
    assert fine.status == "ok"
    assert report.status == "fail"


def test_a_check_behind_a_failed_one_is_skipped_and_says_why() -> None:
    report = diagnose(
        QUESTION,
        checks=(check("a.one", found("error")), check("b.two", explode, needs=("a.one",))),
    )
    assert report.results[1].status == "skip"
    assert report.results[1].finding.summary == "needs a.one"


def test_a_chain_of_prerequisites_falls_as_a_whole() -> None:
    chain = (
        check("a.one", explode),
        check("b.two", needs=("a.one",)),
        check("c.three", needs=("b.two",)),
    )
    assert statuses(*chain) == {"a.one": "crash", "b.two": "skip", "c.three": "skip"}


def test_a_warning_stops_nobody() -> None:
    checks = (check("a.one", found("warn")), check("b.two", needs=("a.one",)))
    assert statuses(*checks) == {"a.one": "warn", "b.two": "ok"}


def test_a_check_that_hangs_is_given_up_and_the_others_are_made() -> None:
    forever = threading.Event()

    def hang(_world: World) -> Finding:
        forever.wait()
        return FINE

    report = diagnose(QUESTION, checks=(check("a.one", hang, seconds=0.5), check("b.two")))
    forever.set()
    late, fine = report.results
    assert (late.status, late.finding.summary) == ("fail", "no result within 0.5 s")
    assert fine.status == "ok"


def test_a_socket_that_never_answers_ends_by_the_time_limit(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        question = Question(env={"DOCKER_HOST": f"unix://{path}"}, home=tmp_path)
        report = diagnose(question, only=("endpoint.reach", "engine.version"))
    outcome = {result.check.id: result for result in report.results}
    assert outcome["endpoint.reach"].status == "fail"
    assert "did not answer in time" in outcome["endpoint.reach"].finding.summary
    assert outcome["engine.version"].finding.summary == "needs endpoint.reach"


def test_an_error_of_the_engine_is_a_finding_with_its_hint() -> None:
    def refuse(_world: World) -> Finding:
        raise EngineError("the engine said no", hint="ask again")

    (result,) = diagnose(QUESTION, checks=(check("a.one", refuse),)).results
    assert (result.status, result.finding.summary) == ("fail", "the engine said no")
    assert result.finding.fix == Fix("ask again")


@pytest.mark.parametrize(
    ("problem", "counts", "asked", "status"),
    [
        ("error", True, False, "fail"),
        ("error", False, False, "warn"),
        ("error", False, True, "fail"),
        ("warn", True, False, "warn"),
        ("warn", True, True, "warn"),
        ("warn", False, True, "fail"),
        ("info", False, True, "ok"),
    ],
)
def test_what_counts_fails_and_the_rest_only_when_asked_for_by_name(
    problem: Level, counts: bool, asked: bool, status: str
) -> None:
    planted = check("a.one", found(problem), counts=counts)
    assert statuses(planted, only=("a.one",) if asked else ()) == {"a.one": status}


def test_a_group_is_not_a_name() -> None:
    planted = check("a.one", found("warn"), counts=False)
    assert statuses(planted, only=("a",)) == {"a.one": "warn"}


def test_the_prerequisites_of_a_chosen_check_are_made_too() -> None:
    checks = (check("a.one"), check("b.two", needs=("a.one",)), check("c.three"))
    assert statuses(*checks, only=("b.two",)) == {"a.one": "ok", "b.two": "ok"}


def test_a_check_that_was_left_out_stops_nobody() -> None:
    checks = (check("a.one", explode), check("b.two", needs=("a.one",)))
    assert statuses(*checks, skip=("a",)) == {"b.two": "ok"}


@pytest.mark.parametrize(
    ("deep", "only", "made"),
    [
        (False, (), {"a.one"}),
        (False, ("a",), {"a.one"}),
        (False, ("a.two",), {"a.one", "a.two"}),
        (True, (), {"a.one", "a.two"}),
    ],
)
def test_a_deep_check_is_made_on_demand_only(
    deep: bool, only: tuple[str, ...], made: set[str]
) -> None:
    checks = (check("a.one"), replace(check("a.two", needs=("a.one",)), deep=True))
    report = diagnose(replace(QUESTION, deep=deep), only=only, checks=checks)
    assert {result.check.id for result in report.results} == made


def test_offline_asks_nobody_else_and_says_so() -> None:
    outward = replace(check("a.one", explode), outward=True)
    report = diagnose(replace(QUESTION, offline=True), checks=(outward, check("b.two")))
    left_out, fine = report.results
    assert (left_out.status, left_out.finding.summary) == ("skip", "left out: it asks others")
    assert fine.status == "ok"
    assert diagnose(QUESTION, checks=(outward,)).results[0].status == "crash"


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        diagnose(QUESTION, only=("endpoint.sokcet",))
    assert str(caught.value) == "there is no check and no group 'endpoint.sokcet'"
    assert caught.value.hint == "list them with --list"


def test_prerequisites_stand_above_what_needs_them() -> None:
    """The list is read from top to bottom, and so it is made."""
    seen: set[str] = set()
    for planned in CHECKS:
        assert set(planned.needs) <= seen
        seen.add(planned.id)


def test_the_checks_are_those_of_the_reference_in_its_order() -> None:
    groups: dict[str, list[str]] = {}
    for planned in CHECKS:
        groups.setdefault(planned.group, []).append(planned.id.partition(".")[2])
    assert {group: " ".join(ids) for group, ids in groups.items()} == {
        "client": "python config env",
        "endpoint": "resolve socket permission reach kind proxy others",
        "engine": "version os build storage disk cgroup warnings security rootless runtimes gpu "
        "init liverestore clock latency",
        "dood": "in_container identity socket workdir bind roundtrip ownership sharing selinux",
        "workdir": "local",
        "image": "present contents stale orphans",
        "net": "registry proxy bridge dns index",
        "gc": "containers volumes files tether",
    }


def test_an_engine_that_is_down_is_reported_not_raised(tmp_path: Path) -> None:
    question = Question(env={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}, home=tmp_path)
    report = diagnose(question)
    assert report.status == "fail"
    assert report.counters["crash"] == 0
    assert json.dumps(report.document())


def test_a_context_that_is_gone_stops_what_needs_an_engine(tmp_path: Path) -> None:
    report = diagnose(Question(env={"DOCKER_CONTEXT": "gone"}, home=tmp_path))
    outcome = {result.check.id: result.status for result in report.results}
    assert outcome["endpoint.resolve"] == "fail"
    assert outcome["endpoint.socket"] == outcome["image.present"] == "skip"
    assert outcome["workdir.local"] == "ok"


@pytest.mark.parametrize(
    ("first", "second", "summary", "problem"),
    [
        (FINE, Finding("tried"), "fine; tried", None),
        (FINE, Finding("no image", skipped=True), "fine", None),
        (Finding("not seen", skipped=True), Finding("tried"), "tried", None),
        (Finding("old", problem="warn"), Finding("tried"), "old", "warn"),
        (Finding("old", problem="warn"), Finding("does not", problem="error"), "does not", "error"),
        (FINE, Finding("does not", problem="warn"), "does not", "warn"),
        (Finding("broken", problem="error"), Finding("unasked"), "broken", "error"),
    ],
)
def test_the_deeper_half_of_a_check_is_made_on_demand_and_not_after_an_error(
    first: Finding, second: Finding, summary: str, problem: str | None
) -> None:
    both = replace(check("a.one", lambda _world: first), deeper=lambda _world: second)
    (result,) = diagnose(replace(QUESTION, deep=True), checks=(both,)).results
    assert (result.finding.summary, result.finding.problem) == (summary, problem)
    (result,) = diagnose(QUESTION, checks=(both,)).results
    assert result.finding.summary == first.summary
