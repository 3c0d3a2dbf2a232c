"""Builds on a real engine: secrets, failures, interruption, and an engine that goes away."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import tarfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.docker.relay import Relay
from toolkit.engine import Engine, connect
from toolkit.engine.buildkit import (
    BuildEvent,
    BuildRequest,
    StepCompleted,
    StepFailed,
    StepLog,
    StepStarted,
    build,
)
from toolkit.errors import BuildError, EngineUnreachableError
from toolkit.image import local_bases
from toolkit.reference import ImageReference

pytestmark = pytest.mark.docker

LABEL, VALUE = "toolkit-test-buildkit", uuid.uuid4().hex


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The engine; the images that these tests made are removed, and nothing else is touched."""
    with connect() as found:
        yield found
        for image in found.list_images(f"{LABEL}={VALUE}"):
            found.remove_image(image["Id"], force=True)
        assert found.list_images(f"{LABEL}={VALUE}") == []


@pytest.fixture(scope="module")
def base(engine: Engine) -> str:
    return str(local_bases(engine)[0])


def _context(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def _request(dockerfile: str, **files: str) -> BuildRequest:
    context = _context({"Dockerfile": dockerfile, **files})
    return BuildRequest(context, labels={LABEL: VALUE})


def _fresh() -> str:
    """A text that no cache has seen."""
    return uuid.uuid4().hex


def _failure(engine: Engine, dockerfile: str, **secrets: bytes) -> BuildError:
    with pytest.raises(BuildError) as caught:
        build(engine, _request(dockerfile), secrets=secrets)
    return caught.value


def test_a_secret_is_used_and_leaves_no_trace(engine: Engine, base: str) -> None:
    """Neither in the image's bytes, nor its history, nor anything that was said."""
    secret = f"hunter-{_fresh()}"
    events: list[BuildEvent] = []
    image = build(
        engine,
        _request(
            f"FROM {base}\nRUN --mount=type=secret,id=pw,required=true"
            f" cat /run/secrets/pw; wc -c </run/secrets/pw >/size; echo {_fresh()}\n"
        ),
        secrets={"pw": secret.encode()},
        on_event=events.append,
    )
    logs = [event.line for event in events if isinstance(event, StepLog)]
    assert logs[0].startswith("***")
    assert secret not in repr(events)
    assert secret not in repr(engine.inspect_image(image))
    kept = b""
    with engine.open("GET", f"/images/{image}/get", doing="saving an image") as answer:
        for chunk in answer.chunks():
            window = kept + chunk
            assert secret.encode() not in window
            kept = window[-100:]


def test_a_secret_of_400_kb_arrives_whole(engine: Engine, base: str) -> None:
    lines: list[str] = []
    build(
        engine,
        _request(
            f"FROM {base}\nRUN --mount=type=secret,id=big,required=true"
            f" wc -c </run/secrets/big; echo {_fresh()}\n"
        ),
        secrets={"big": os.urandom(400_000)},
        on_event=lambda event: lines.append(event.line) if isinstance(event, StepLog) else None,
    )
    assert lines[0].strip() == "400000"


def test_a_secret_above_the_limit_is_refused_before_anything_is_sent() -> None:
    request = _request("FROM scratch\n")
    with connect("unix:///nowhere") as nowhere, pytest.raises(BuildError) as caught:
        build(nowhere, request, secrets={"ca": bytes(512_001)})
    assert str(caught.value) == "the build secret `ca` has 512001 bytes, and the limit is 512000"


def test_a_required_secret_that_is_missing_is_named(engine: Engine, base: str) -> None:
    error = _failure(
        engine, f"FROM {base}\nRUN --mount=type=secret,id=pw,required=true echo {_fresh()}\n"
    )
    assert str(error).endswith(": the build secret `pw` is required and was not given")
    assert error.hint == "give the build a secret with the id `pw`"


def test_an_optional_secret_that_is_missing_is_absent(engine: Engine, base: str) -> None:
    dockerfile = (
        f"FROM {base}\nRUN --mount=type=secret,id=pw test ! -e /run/secrets/pw; echo {_fresh()}\n"
    )
    assert build(engine, _request(dockerfile), secrets={}).startswith("sha256:")


def test_labels_arguments_target_and_dockerfile_reach_the_build(engine: Engine, base: str) -> None:
    request = BuildRequest(
        _context(
            {"sub/My.Dockerfile": f"FROM {base} AS one\nARG A\nENV B=$A\nFROM one\nENV B=no\n"}
        ),
        labels={LABEL: VALUE, "odd": 'quote " newline \n end'},
        build_args={"A": "b c"},
        target="one",
        dockerfile="sub/My.Dockerfile",
    )
    image = engine.inspect_image(build(engine, request, secrets={}))
    assert image is not None
    assert "B=b c" in image["Config"]["Env"]
    assert image["Config"]["Labels"]["odd"] == 'quote " newline \n end'
    assert image["RepoTags"] == []


class Parts:
    """A context in many small parts."""

    def __init__(self, whole: bytes) -> None:
        self._whole = whole

    def __iter__(self) -> Iterator[bytes]:
        return (self._whole[at : at + 777] for at in range(0, len(self._whole), 777))


def test_a_context_in_parts_and_tags(engine: Engine, base: str) -> None:
    tags = tuple(ImageReference.parse(f"{LABEL}/{_fresh()}{tag}") for tag in ("", ":one"))
    parts = Parts(_context({"Dockerfile": f"FROM {base}\nCOPY big /\n", "big": "x" * 100_000}))
    image = build(engine, BuildRequest(parts, labels={LABEL: VALUE}, tags=tags), secrets={})
    found = engine.inspect_image(str(tags[1]))
    assert found is not None
    assert found["Id"] == image
    assert set(found["RepoTags"]) == {f"{tags[0]}:latest", str(tags[1])}


def test_a_second_build_is_cached_and_gives_the_same_image(engine: Engine, base: str) -> None:
    request = _request(f"FROM {base}\nRUN echo {_fresh()}\n")
    first = build(engine, request, secrets={})
    events: list[BuildEvent] = []
    assert build(engine, request, secrets={}, on_event=events.append) == first
    ran = [event for event in events if isinstance(event, StepCompleted) and "RUN" in event.name]
    assert [event.cached for event in ran] == [True]


def test_no_cache_runs_every_step_again(engine: Engine, base: str) -> None:
    context = _context({"Dockerfile": f"FROM {base}\nRUN echo {_fresh()}\n"})
    request = BuildRequest(context, labels={LABEL: VALUE}, no_cache=True)
    build(engine, request, secrets={})
    events: list[BuildEvent] = []
    build(engine, request, secrets={}, on_event=events.append)
    ran = [event for event in events if isinstance(event, StepCompleted) and "RUN" in event.name]
    assert [event.cached for event in ran] == [False]


def test_a_failing_step_is_named_with_the_end_of_its_log(engine: Engine, base: str) -> None:
    events: list[BuildEvent] = []
    command = f"seq 100; echo {_fresh()} >/dev/null; exit 17"
    with pytest.raises(BuildError) as caught:
        build(
            engine,
            _request(f"FROM {base} AS made\nRUN true\nRUN {command}\nRUN echo never\n"),
            secrets={},
            on_event=events.append,
        )
    error = caught.value
    # One stage, whose name the engine leaves out, or not: it differs between versions.
    assert error.step is not None
    assert error.step.endswith(f"3/4] RUN {command}")
    assert str(error).startswith("the build failed at [")
    assert str(error).endswith(": its command ended with exit code 17")
    assert error.log == tuple(map(str, range(1, 101)))
    assert [event.name for event in events if isinstance(event, StepFailed)] == [error.step]
    assert not any(isinstance(event, StepStarted) and "never" in event.name for event in events)


def test_a_secret_in_the_log_of_a_failing_step_is_masked(engine: Engine, base: str) -> None:
    secret = f"hunter-{_fresh()}"
    error = _failure(
        engine,
        f"FROM {base}\nRUN --mount=type=secret,id=pw cat /run/secrets/pw >&2; exit 1\n",
        pw=secret.encode(),
    )
    assert error.log == ("***",)
    assert secret not in repr((str(error), error.step, error.log, error.hint))


def test_a_line_of_600_kb_passes(engine: Engine, base: str) -> None:
    """The engine clips its middle; the last line of a failing step is there in any case."""
    lines: list[str] = []
    program = "import os; os.write(1, b'x' * 150000); os.write(1, b'y' * 450000 + b'\\n')"
    dockerfile = f'FROM {base}\nRUN python3 -c "{program}"; echo end {_fresh()}; exit 1\n'
    with pytest.raises(BuildError) as caught:
        build(
            engine,
            _request(dockerfile),
            secrets={},
            on_event=lambda event: lines.append(event.line) if isinstance(event, StepLog) else None,
        )
    assert lines[0].startswith("x" * 150_000)
    assert lines[-1].startswith("end ")
    assert caught.value.log[-1] == lines[-1]


def test_a_full_disk_is_named(engine: Engine, base: str) -> None:
    error = _failure(engine, f"FROM {base}\nRUN cp /etc/passwd /dev/full; exit 1 # {_fresh()}\n")
    assert str(error).endswith(": no space is left on the engine's disk")
    assert error.hint is not None
    assert error.hint.startswith("free disk space")


@pytest.mark.parametrize(
    ("dockerfile", "words"),
    [
        ("FROM {base}\nRUNN x\n", "unknown instruction"),
        ("FROM {base}\nCOPY nothing /\n", "not found"),
        ("", "empty"),
        ("FROM localhost:1/toolkit-test/none:1\n", "connection refused"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(
    engine: Engine, base: str, dockerfile: str, words: str
) -> None:
    error = _failure(engine, dockerfile.format(base=base))
    assert words in str(error)
    assert str(error).startswith("the build failed")
    assert "\n" not in str(error)


def test_a_context_that_is_no_tar_is_our_error(engine: Engine) -> None:
    with pytest.raises(BuildError, match="the build failed"):
        build(engine, BuildRequest(b"no tar at all"), secrets={})


def _sleeping(seconds: str) -> bool:
    """Whether a process of that command line runs on this machine."""
    wanted = f"sleep\0{seconds}\0".encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes() == wanted:
                return True
    return False


def _until(holds: Callable[[], bool], *, seconds: float = 60) -> bool:
    limit = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def _sleep_for() -> str:
    return f"300.{uuid.uuid4().int % 10**9:09}"


def test_control_c_stops_the_running_step(engine: Engine, base: str) -> None:
    """A real SIGINT, while the caller waits for the engine; no thread stays behind."""
    if engine.endpoint.socket_path is None:
        pytest.fail("this test looks at the processes of the engine's machine")
    seconds = _sleep_for()
    before = set(threading.enumerate())

    def interrupt() -> None:
        if _until(lambda: _sleeping(seconds)):
            os.kill(os.getpid(), signal.SIGINT)

    helper = threading.Thread(target=interrupt)
    helper.start()
    with pytest.raises(KeyboardInterrupt):
        build(engine, _request(f"FROM {base}\nRUN sleep {seconds}\n"), secrets={})
    helper.join()
    assert set(threading.enumerate()) - before == set()
    assert _until(lambda: not _sleeping(seconds))


def test_a_listener_that_raises_stops_the_build(engine: Engine, base: str) -> None:
    seconds = _sleep_for()

    def listen(event: BuildEvent) -> None:
        if (
            isinstance(event, StepStarted)
            and seconds in event.name
            and _until(lambda: _sleeping(seconds))
        ):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        build(
            engine,
            _request(f"FROM {base}\nRUN sleep {seconds}\n"),
            secrets={},
            on_event=listen,
        )
    assert _until(lambda: not _sleeping(seconds))


@pytest.fixture
def relayed(engine: Engine, tmp_path: Path) -> Iterator[tuple[Relay, Engine]]:
    with Relay.before(engine, tmp_path) as found:
        yield found


def test_an_engine_that_goes_away_during_a_build_is_unreachable(
    relayed: tuple[Relay, Engine], base: str
) -> None:
    relay, through = relayed
    seconds = _sleep_for()

    def listen(event: BuildEvent) -> None:
        if (
            isinstance(event, StepStarted)
            and seconds in event.name
            and _until(lambda: _sleeping(seconds))
        ):
            threading.Timer(0.2, relay.cut).start()

    with pytest.raises(EngineUnreachableError) as caught:
        build(through, _request(f"FROM {base}\nRUN sleep {seconds}\n"), secrets={}, on_event=listen)
    assert str(caught.value) == (
        f"the Docker engine at {through.endpoint} closed the connection while building an image"
    )
    assert _until(lambda: not _sleeping(seconds))


def test_builds_may_run_side_by_side(engine: Engine, base: str) -> None:
    """Each with a session and secrets of its own, from threads of its own."""
    found: dict[int, str] = {}

    def run(number: int) -> None:
        dockerfile = (
            f"FROM {base}\nRUN --mount=type=secret,id=pw,required=true"
            f" wc -c </run/secrets/pw; echo {_fresh()}\n"
        )
        lines: list[str] = []
        build(
            engine,
            _request(dockerfile),
            secrets={"pw": b"x" * number},
            on_event=lambda event: lines.append(event.line) if isinstance(event, StepLog) else None,
        )
        found[number] = lines[0].strip()

    threads = [threading.Thread(target=run, args=(number,)) for number in (11, 222, 3333)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {11: "11", 222: "222", 3333: "3333"}
