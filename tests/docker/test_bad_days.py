"""What goes wrong half-way: Ctrl-C, a killed client, a killed engine, a full disk.

Nothing hangs, nothing is left behind, and what is said is true.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docker.conftest import Cli, Started, images_of
from tests.docker.packages import write_project
from tests.docker.second_engine import (
    INDEX,
    SecondEngine,
    copy_disk,
    second_engine,
)
from toolkit import labels
from toolkit.context import ContextFile, pack
from toolkit.engine import Engine, connect
from toolkit.engine.buildkit import BuildRequest, build
from toolkit.errors import BuildError

pytestmark = pytest.mark.docker

BUILD = ("build-image", "--deps", "requirements.txt", "--name")
SLEEP = "import subprocess\nsubprocess.run(['sleep', '{seconds}'])\n"


def until(holds: Callable[[], bool], *, seconds: float = 60) -> bool:
    limit = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


class Sleep:
    """A program that takes its time, and is told apart by the fraction of a second."""

    def __init__(self, seconds: int = 600) -> None:
        self.seconds = f"{seconds}.{uuid.uuid4().int % 10**9:09}"
        self.code = SLEEP.format(seconds=self.seconds)

    def awaited(self, process: subprocess.Popen[str]) -> None:
        """Wait until it runs; a command that ended before has something to say."""
        assert until(lambda: self.runs() or process.poll() is not None)
        if not self.runs():
            pytest.fail(process.communicate()[1])

    def runs(self) -> bool:
        """Whether it runs anywhere on this machine, in whatever container."""
        wanted = f"sleep\0{self.seconds}\0".encode()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if path.read_bytes() == wanted:
                    return True
        return False


@pytest.fixture
def sleep(first_engine: Engine) -> Sleep:
    if first_engine.endpoint.socket_path is None:
        pytest.fail("this test looks at the processes of the engine's machine")
    return Sleep()


def require_a_long_build(cli: Cli, sleep: Sleep) -> None:
    """Write requirements whose installation takes ten minutes."""
    backend = f"def build_wheel(*_):\n{_indented(sleep.code)}"
    write_project(cli.folder / "tk_long", backend)
    cli.write("./tk_long")


def require_a_long_import(cli: Cli, sleep: Sleep) -> None:
    """Write requirements that are installed at once and take ten minutes to import."""
    cli.write(cli.wheel("tk_long", {"tk_long/__init__.py": sleep.code}))


def _indented(code: str) -> str:
    return "".join(f"    {line}\n" for line in code.splitlines())


# Ctrl-C.


def press(process: subprocess.Popen[str], *, times: int = 1) -> None:
    """Press Ctrl-C, if need be as those do who cannot wait."""
    for _ in range(times):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("require", "times"),
    [(require_a_long_build, 1), (require_a_long_import, 1), (require_a_long_import, 3)],
)
def test_control_c_ends_a_build_and_leaves_nothing(
    cli: Cli,
    sleep: Sleep,
    name: str,
    started: Started,
    require: Callable[[Cli, Sleep], None],
    times: int,
) -> None:
    """In a step, and in the verification: the running program is stopped, not left to itself."""
    require(cli, sleep)
    process = cli.start(*BUILD, name)
    sleep.awaited(process)
    press(process, times=times)
    answer = cli.ended(process, seconds=60)
    assert (answer.code, answer.stdout) == (130, "")
    assert answer.stderr.splitlines()[-1] == "interrupted"
    assert until(lambda: not sleep.runs())
    with connect() as engine:
        assert images_of(engine, name) == []
        assert started.left(engine) == []


def test_control_c_ends_a_run_and_leaves_nothing(
    cli: Cli, sleep: Sleep, base_image: str, first_engine: Engine, started: Started
) -> None:
    process = cli.start("run", "--image", base_image, "-c", sleep.code)
    sleep.awaited(process)
    press(process, times=3)
    answer = cli.ended(process, seconds=60)
    assert (answer.code, answer.stdout) == (130, "")
    assert not sleep.runs()
    assert started.left(first_engine) == []


# The client killed: nothing of ours runs any more, so nothing of ours can tidy up.


def test_a_killed_run_leaves_no_container(
    cli: Cli, sleep: Sleep, base_image: str, first_engine: Engine, started: Started
) -> None:
    """One second later, on a machine that has nothing else to do; here it may have."""
    process = cli.start("run", "--image", base_image, "-c", sleep.code)
    sleep.awaited(process)
    assert len(started.left(first_engine)) == 1
    process.kill()
    process.communicate()
    assert until(lambda: not started.left(first_engine), seconds=20)
    assert not sleep.runs()


def test_a_killed_build_stops_its_step(cli: Cli, sleep: Sleep, name: str) -> None:
    require_a_long_build(cli, sleep)
    process = cli.start(*BUILD, name)
    sleep.awaited(process)
    process.kill()
    process.communicate()
    assert until(lambda: not sleep.runs())


def test_what_a_build_killed_during_verification_leaves_is_taken_up_by_the_next(
    cli: Cli, name: str, first_engine: Engine, started: Started
) -> None:
    """The container goes by itself; the image without a name is made and named by the next one."""
    nap = Sleep(5)
    require_a_long_import(cli, nap)
    process = cli.start(*BUILD, name)
    nap.awaited(process)
    process.kill()
    process.communicate()
    left = images_of(first_engine, name)
    assert len(left) == 1
    assert until(lambda: started.left(first_engine) == left)

    answer = cli(*BUILD, name)
    assert answer.code == 0, answer.stderr
    assert images_of(first_engine, name) == left
    image = first_engine.inspect_image(answer.stdout.strip())
    assert image is not None
    assert image["Id"] == left[0]


# The engine killed, and its disk filled up: another engine, made for it.


@pytest.fixture(scope="module")
def disk(virgin_disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk with an engine's data: the base image, and what the tests here build."""
    copy = copy_disk(virgin_disk, tmp_path_factory.mktemp("disk") / "disk")
    yield copy
    copy.unlink()


@pytest.fixture
def doomed(tmp_path: Path, disk: Path, downloads: Path) -> Iterator[SecondEngine]:
    folder = tmp_path / "engine"
    folder.mkdir()
    with second_engine(folder, disk, downloads) as engine:
        yield engine


@pytest.fixture
def there(doomed: SecondEngine, cli: Cli) -> Cli:
    """The command, at the engine that is going to have a bad day."""
    own = {"DOCKER_HOST": doomed.address, "UV_DEFAULT_INDEX": INDEX}
    return Cli(cli.folder, {**cli.environment, **own}, cli.pids)


def test_an_engine_killed_during_a_build(
    there: Cli, doomed: SecondEngine, sleep: Sleep, name: str
) -> None:
    require_a_long_build(there, sleep)
    process = there.start(*BUILD, name)
    sleep.awaited(process)
    doomed.kill()
    assert there.ended(process, seconds=60).refused(5) == (
        f"the Docker engine at {doomed.address} closed the connection while building an image",
        "look whether the engine still runs",
    )


def test_an_engine_restarted_during_a_build(
    there: Cli, doomed: SecondEngine, sleep: Sleep, name: str
) -> None:
    """The next build has nothing of it in its way."""
    require_a_long_build(there, sleep)
    process = there.start(*BUILD, name)
    sleep.awaited(process)
    doomed.stop()
    doomed.start()
    assert there.ended(process, seconds=60).refused(5) == (
        f"the Docker engine at {doomed.address} closed the connection while building an image",
        "look whether the engine still runs",
    )
    there.write(there.wheel("tk_plain"))
    answer = there(*BUILD, name)
    assert answer.code == 0, answer.stderr


GONE = (
    "the Docker engine at {address} cannot be reached: "
    "nothing listens on the socket, its engine has stopped"
)
START = "run `toolkit engine start`, or set DOCKER_HOST to where an engine listens"


def test_an_engine_killed_during_verification(
    there: Cli, doomed: SecondEngine, sleep: Sleep, name: str
) -> None:
    require_a_long_import(there, sleep)
    process = there.start(*BUILD, name)
    sleep.awaited(process)
    doomed.kill()
    expected = (GONE.format(address=doomed.address), START)
    assert there.ended(process, seconds=60).refused(5) == expected


def test_an_engine_killed_during_a_run(
    there: Cli, doomed: SecondEngine, sleep: Sleep, base_image: str
) -> None:
    process = there.start("run", "--image", base_image, "-c", sleep.code)
    sleep.awaited(process)
    doomed.kill()
    error, hint = there.ended(process, seconds=60).refused(125)
    # What was under way says so; that nothing can be removed afterwards is no news.
    gone = GONE.format(address=doomed.address)
    assert re.fullmatch(rf"container tk-\w+-1 was lost with its engine: {re.escape(gone)}", error)
    assert hint == START


def test_an_engine_that_comes_back_after_a_run_has_no_container_of_it(
    tmp_path: Path, disk: Path, downloads: Path, sleep: Sleep, cli: Cli, base_image: str
) -> None:
    """Nobody could remove it while the engine was down; the engine does, as it starts."""
    for life in ("first", "second"):
        (tmp_path / life).mkdir()
    with second_engine(tmp_path / "first", disk, downloads) as engine:
        own = {"DOCKER_HOST": engine.address}
        process = cli.start("run", "--image", base_image, "-c", sleep.code, env=own)
        sleep.awaited(process)
        engine.kill()
        assert cli.ended(process, seconds=60).code == 125
    with (
        second_engine(tmp_path / "second", disk, downloads) as engine,
        connect(engine.address) as again,
    ):
        assert until(lambda: again.list_containers(labels.MANAGED) == [])


def test_a_full_disk_during_a_build(there: Cli, doomed: SecondEngine, name: str) -> None:
    """What was written is given back, and the engine goes on."""
    big = "def build_wheel(*_):\n    with open('big', 'wb') as file:\n"
    big += "        while True:\n            file.write(bytes(1 << 20))\n"
    write_project(there.folder / "tk_big", big)
    there.write("./tk_big")
    with connect(doomed.address) as engine:
        before, free = Started(there.pids).left(engine), doomed.free_megabytes()
        assert there(*BUILD, name).refused(6) == (
            "installing the requirements failed: no space is left on the engine's disk",
            "free disk space where the engine keeps its data, e.g. by `docker builder prune`",
        )
        assert Started(there.pids).left(engine) == before
    # But for the build's cache: uv and pip.
    assert until(lambda: doomed.free_megabytes() > free - 150)


def asked(base: str, steps: str, **files: str) -> BuildRequest:
    content = {"Dockerfile": f"FROM {base}\n{steps}", **files}
    return BuildRequest(pack([ContextFile(path, text.encode()) for path, text in content.items()]))


FILL = """
import os
for _ in range(5000):
    open("/d/" + os.urandom(90).hex(), "w").close()
os.sync()
disk = os.statvfs("/room")
file = os.open("/room/file", os.O_CREAT | os.O_WRONLY)
os.posix_fallocate(file, 0, disk.f_bavail * disk.f_frsize - 200 * 1024)
"""


def test_a_full_disk_in_the_export(doomed: SecondEngine, base_image: str) -> None:
    """The steps succeed, and then there is no room for what the engine notes of their files."""
    steps = "COPY fill /\nRUN --mount=type=cache,target=/room mkdir /d && python3 /fill\n"
    with connect(doomed.address) as engine:
        images = len(engine.list_images())
        with pytest.raises(BuildError) as caught:
            build(engine, asked(base_image, steps, fill=FILL), secrets={})
        assert str(caught.value) == (
            "the build failed at exporting to image: no space is left on the engine's disk"
        )
        assert caught.value.hint == (
            "free disk space where the engine keeps its data, e.g. by `docker builder prune`"
        )
        # As the hint says; then it is as it was.
        with engine.open("POST", "/build/prune?all=1", doing="pruning") as answer:
            assert b"SpaceReclaimed" in b"".join(answer.chunks())
        assert build(engine, asked(base_image, "RUN true\n"), secrets={}).startswith("sha256:")
        assert len(engine.list_images()) == images + 1
