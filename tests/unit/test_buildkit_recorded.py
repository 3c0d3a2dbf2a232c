"""What a real engine said on /grpc and /session, cut anywhere and broken off anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.engine.buildkit import BuildRequest, details
from toolkit.engine.buildkit.calls import Call, Client, Ended, Message
from toolkit.engine.buildkit.origin import Lines
from toolkit.engine.buildkit.progress import Progress, StepCompleted, StepFailed, StepLog
from toolkit.engine.buildkit.services import Body, Reply, Services
from toolkit.engine.buildkit.session import Server
from toolkit.engine.buildkit.status import decode

WIRE = Path(__file__).parent.parent / "cases/wire"
SUCCESS = (WIRE / "grpc-20.10-success.bin").read_bytes()
NAMES = ("success", "failed", "parse-error", "pull")
PULL = "/moby.upload.v1.Upload/Pull"

Came = list[Message | Ended]


def _replayed(raw: bytes, cut: int) -> tuple[Came, Came, Client]:
    """What Solve and Status are told by these bytes, fed in pieces of that size."""
    solve: Came = []
    status: Came = []
    client = Client()
    client.start()
    for path, came in (("/Solve", solve), ("/Status", status)):
        call = Call(path, [], came.append)
        client.open(call)
        client.send(call, b"?", lambda: None)
        client.finish(call)
    client.outgoing()
    for at in range(0, len(raw), cut):
        client.receive(raw[at : at + cut])
        client.outgoing()
    return solve, status, client


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cut", [1, 7, 1024])
def test_a_build_is_understood_wherever_its_bytes_are_cut(name: str, cut: int) -> None:
    raw = (WIRE / f"grpc-20.10-{name}.bin").read_bytes()
    solve, status, client = _replayed(raw, cut)
    whole_solve, whole_status, _ = _replayed(raw, len(raw))
    assert (solve, status) == (whole_solve, whole_status)
    assert isinstance(solve[-1], Ended)
    assert not client.ended
    assert bool(solve[-1].code) == (name != "success")


def test_a_success_is_split_in_two_anywhere() -> None:
    whole = _replayed(SUCCESS, len(SUCCESS))[:2]
    for at in range(0, len(SUCCESS), 13):
        solve, status, client = _replayed(SUCCESS[:at], max(at, 1))
        client.receive(SUCCESS[at:])
        assert (solve, status) == whole


def test_a_success_that_breaks_off_before_its_end_is_lost() -> None:
    for end in range(0, len(SUCCESS), 13):
        solve, _, client = _replayed(SUCCESS[:end], max(end, 1))
        client.lost()
        assert isinstance(solve[-1], Ended)
        assert solve[-1].lost or solve[-1] == Ended()


def test_the_recorded_builds_tell_what_happened() -> None:
    def told(name: str) -> tuple[Ended, list[str], list[str], list[str]]:
        solve, status, _ = _replayed((WIRE / f"grpc-20.10-{name}.bin").read_bytes(), 4096)
        assert isinstance(solve[-1], Ended)
        progress = Progress()
        found = [
            event
            for item in status
            if isinstance(item, Message)
            for event in progress.feed(decode(item.payload))
        ]
        found += progress.close()
        lines = [event.line for event in found if isinstance(event, StepLog)]
        done = [event.name[:12] for event in found if isinstance(event, StepCompleted)]
        failed = [event.name[:12] for event in found if isinstance(event, StepFailed)]
        return solve[-1], lines, done, failed

    end, lines, done, failed = told("success")
    assert (end, failed) == (Ended(), [])
    assert {"out", "err", "7", "end"} <= set(lines)
    assert "exporting to" in done
    end, lines, _, failed = told("failed")
    assert (end.code, end.words[-14:], failed) == (2, " exit code: 17", ["[2/2] RUN se"])
    assert lines == [str(number) for number in range(1, 101)]
    end, _, _, _ = told("parse-error")
    assert "unknown instruction: RUNN" in end.words


@pytest.mark.parametrize(
    ("name", "lines", "words"),
    [("failed", (3, 5), "exit code: 17"), ("parse-error", (2, 2), "unknown instruction: RUNN")],
)
def test_the_details_of_a_newer_engine_name_lines_and_vertex(
    name: str, lines: Lines, words: str
) -> None:
    raw = (WIRE / f"grpc-28.5-{name}.bin").read_bytes()
    solve, status, _ = _replayed(raw, 1000)
    end = solve[-1]
    assert isinstance(end, Ended)
    assert words in end.words
    found = details.read(end.details, "Dockerfile")
    assert found.lines == lines
    progress = Progress()
    for item in status:
        if isinstance(item, Message):
            list(progress.feed(decode(item.payload)))
    culprit = progress.culprit(found.vertex)
    assert (culprit is not None) == (name == "failed")
    assert bool(found.vertex) == (name == "failed")
    assert details.read(end.details, "Other") == details.Details(None, found.vertex)


@settings(deadline=None, max_examples=50)
@given(st.binary(min_size=1, max_size=100), st.integers(0, len(SUCCESS)))
def test_spoilt_bytes_raise_nothing_and_end_every_call(data: bytes, at: int) -> None:
    solve, status, client = _replayed(SUCCESS[:at] + data + SUCCESS[at:], 500)
    client.lost()
    for came in (solve, status):
        assert [one for one in came if isinstance(one, Ended)] == came[-1:]


class Seen(Services):
    """The services, and which calls came."""

    def __init__(self) -> None:
        super().__init__({}, None, BuildRequest(b"context"))
        self.paths: list[str] = []

    def upload(self, path: str) -> Reply | Body | None:
        self.paths.append(path)
        return super().upload(path)


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 24])
def test_a_session_whose_context_is_pulled_is_understood_wherever_it_is_cut(cut: int) -> None:
    raw = (WIRE / "session-20.10-upload.bin").read_bytes()
    services = Seen()
    server = Server(services)
    server.start()
    said = b""
    for at in range(0, len(raw), cut):
        server.receive(raw[at : at + cut])
        said += server.outgoing()
    assert not server.ended
    assert services.paths.count(PULL) == 1
    services.close()
