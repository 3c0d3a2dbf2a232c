"""The report: JSON keys, counters, redaction, and the lines for people."""

from __future__ import annotations

import json
from collections.abc import Callable

import jsonschema  # type: ignore[import-untyped]  # it has no types, and this is its only use
import pytest

from toolkit.doctor import schema, text
from toolkit.doctor.check import Check, Finding, Fix, Result, Status
from toolkit.doctor.report import Report, redact

ENVIRONMENT = {
    "endpoint": "tcp://ann:s3cret@far:2375",
    "origin": "DOCKER_HOST",
    "engine": "27.0",
    "api": "1.46",
}
PROBLEM = Finding(
    "cannot reach tcp://ann:s3cret@far:2375",
    problem="error",
    why="Nobody listens at tcp://ann:s3cret@far:2375.",
    fix=Fix("go elsewhere", ("export DOCKER_HOST=tcp://ann:s3cret@near:2375", "true")),
    data={"proxies": ["http://ann:s3cret@proxy"], "deep": {"url": "ssh://ann:s3cret@x"}},
)


def result(status: Status, finding: Finding = PROBLEM, *, counts: bool = True) -> Result:
    check = Check("a.one", "the first", "error", (), lambda _world: finding, counts=counts)
    return Result(check, status, finding, 0.0031)


REPORT = Report(ENVIRONMENT, (result("fail"), result("ok", Finding("fine", data={"n": 1}))))


def test_the_key_set_of_the_document_is_pinned() -> None:
    """Whoever changes it raises SCHEMA."""
    document = REPORT.document()
    assert document["schema"] == 1
    assert list(document) == [
        "schema",
        "tool",
        "status",
        "summary",
        "environment",
        "checks",
    ]
    assert set(document["tool"]) == {"name", "version", "docker_py", "python"}
    assert list(document["summary"]) == ["ok", "warn", "fail", "skip", "crash"]
    assert set(document["checks"][0]) == {
        "id",
        "group",
        "status",
        "level",
        "title",
        "summary",
        "why",
        "fix",
        "docs",
        "data",
        "duration_ms",
    }
    assert set(document["checks"][0]["fix"]) == {"text", "commands", "auto"}
    assert document["checks"][1]["fix"] is None
    assert document["checks"][0]["duration_ms"] == 3


def test_the_document_is_one_of_the_schema_that_is_shipped() -> None:
    shipped = schema()
    jsonschema.Draft202012Validator.check_schema(shipped)
    valid = jsonschema.Draft202012Validator(shipped)
    document = json.loads(json.dumps(REPORT.document()))
    valid.validate(document)
    assert shipped["properties"]["schema"]["const"] == document["schema"]
    assert not valid.is_valid({**document, "more": 1})
    del document["checks"][0]["why"]
    assert not valid.is_valid(document)


def test_no_password_is_in_the_document() -> None:
    written = json.dumps(REPORT.document())
    assert "s3cret" not in written
    assert "tcp://***@far:2375" in written


@pytest.mark.parametrize("verbose", [False, True])
def test_no_password_is_in_the_text(verbose: bool) -> None:
    written = "\n".join(text.lines(REPORT, text.Manner(verbose=verbose)))
    assert "s3cret" not in written
    assert "tcp://***@far:2375" in written


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("tcp://user:pass@host:2375", "tcp://***@host:2375"),
        ("http://token@proxy:3128/", "http://***@proxy:3128/"),
        ("http://user:p@ss/w@proxy", "http://***@proxy"),
        ("user:pass@proxy:3128", "***@proxy:3128"),
        ("HTTP_PROXY=user:pass@proxy:3128", "HTTP_PROXY=***@proxy:3128"),
        ("HTTP_PROXY=http://user:p@ss@proxy", "HTTP_PROXY=http://***@proxy"),
        ("python:3@sha256:0123", "python:3@sha256:0123"),
        ("localhost:5000/a:1@sha256:0123", "localhost:5000/a:1@sha256:0123"),
        ("unix:///var/run/docker.sock", "unix:///var/run/docker.sock"),
    ],
)
def test_logins_are_taken_out_of_addresses(given: str, shown: str) -> None:
    assert redact(given) == shown
    assert redact(f"at {given}, they say") == f"at {shown}, they say"


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ((result("ok"),), "ok"),
        ((result("skip"),), "ok"),
        ((result("ok"), result("warn")), "warn"),
        ((result("warn"), result("fail")), "fail"),
        ((result("crash"),), "fail"),
        ((result("crash", counts=False),), "warn"),
    ],
)
def test_the_whole_is_as_bad_as_its_worst_part_that_counts(
    results: tuple[Result, ...], status: str
) -> None:
    assert Report({}, results).status == status


def test_the_lines_have_reason_fix_counters_and_one_block_of_commands() -> None:
    assert list(text.lines(REPORT, text.Manner())) == [
        "tcp://***@far:2375 (DOCKER_HOST): 27.0, API 1.46",
        "[FAIL] a.one (the first): cannot reach tcp://***@far:2375",
        "    why: Nobody listens at tcp://***@far:2375.",
        "    fix: go elsewhere",
        "         export DOCKER_HOST=tcp://***@near:2375",
        "         true",
        "2 checks: 1 ok, 1 fail",
        "first: go elsewhere (a.one)",
        "All commands, to be pasted:",
        "    export DOCKER_HOST=tcp://***@near:2375",
        "    true",
    ]


def test_a_failure_is_first_whatever_warns_before_it() -> None:
    other = Finding("odd", problem="warn", why="It is odd.", fix=Fix("look at it"))
    report = Report({}, (result("warn", other), result("fail")))
    assert "first: go elsewhere (a.one)" in list(text.lines(report, text.Manner()))
    report = Report({}, (result("ok"), result("warn", other)))
    assert "first: look at it (a.one)" in list(text.lines(report, text.Manner()))


def test_verbose_shows_what_is_well_and_the_data() -> None:
    lines = list(
        text.lines(
            Report({}, (result("ok", Finding("fine", data={"n": 1})),)), text.Manner(verbose=True)
        )
    )
    assert lines == [
        "no endpoint: no engine",
        "[ok] a.one (the first): fine",
        "    n: 1",
        "1 checks: 1 ok",
    ]


def test_a_reason_that_only_repeats_the_summary_is_not_shown() -> None:
    finding = Finding("it is bad", problem="error", why="it is bad.")
    lines = list(text.lines(Report({}, (result("fail", finding),)), text.Manner()))
    assert lines[1:] == ["[FAIL] a.one (the first): it is bad", "1 checks: 1 fail"]


def test_glyphs_and_paint_are_the_callers() -> None:
    paint: Callable[[Status, str], str] = lambda status, glyph: f"<{status}>{glyph}"  # noqa: E731 - typed
    manner = text.Manner(glyphs=text.UNICODE, paint=paint)
    assert list(text.lines(REPORT, manner))[1].startswith("<fail>✗ a.one")


def test_ascii_is_ascii() -> None:
    assert "".join(text.ASCII.values()).isascii()
