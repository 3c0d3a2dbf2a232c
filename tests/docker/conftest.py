"""What the tests on a real engine share, and the proof that they leave nothing on it.

Other people's things are on the same engine: whatever a test makes carries the name of this run, or
names a command that it started as its owner, and only that is looked for. A pid alone would not do:
on a busy machine it is somebody else's within minutes.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from tests.docker.packages import download, write_wheel
from tests.docker.second_engine import make_disk, missing_tools, second_engine
from toolkit import labels
from toolkit.context import Tar
from toolkit.engine import Engine, buildkit, connect
from toolkit.image import local_bases
from toolkit.lifecycle.ownership import start_of
from toolkit.reference import ImageReference

RUN: Final = uuid.uuid4().hex[:8]
Pid: TypeAlias = tuple[str, str]
"""A process, by its number and the time of its start."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command came to."""

    code: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """What follows `error:`, a line each."""
        return self._said("error: ")

    @property
    def hint(self) -> str:
        return self._said("hint: ")

    def refused(self, code: int) -> tuple[str, str]:
        """Check the manners of every failure, and give its message and its hint."""
        assert self.code == code, self.stderr
        assert self.stdout == ""
        assert self.error, self.stderr
        assert self.hint, self.stderr
        assert not self.error.endswith(".")
        assert "\n" not in self.hint
        return self.error, self.hint

    def _said(self, prefix: str) -> str:
        lines = self.stderr.splitlines()
        return "\n".join(line.removeprefix(prefix) for line in lines if line.startswith(prefix))


@dataclass(slots=True)
class Cli:
    """The command `toolkit` in a folder of its own, as a user types it.

    `environment` is the whole of what it sees; `pids` are those of every command it started, each
    with the time of its start.
    """

    folder: Path
    environment: Mapping[str, str]
    pids: list[Pid]

    def __call__(self, *arguments: str, env: Mapping[str, str | None] | None = None) -> Answer:
        """Run to the end. `env` is put over the environment; None takes a variable away."""
        process = self.start(*arguments, env=env)
        return self.ended(process)

    def start(
        self,
        *arguments: str,
        env: Mapping[str, str | None] | None = None,
        **options: Any,  # noqa: ANN401 - Popen's own
    ) -> subprocess.Popen[str]:
        """Start it in a process group of its own, which a terminal's Ctrl-C would reach."""
        seen = {**self.environment, **(env or {})}
        process = subprocess.Popen(
            [sys.executable, "-m", "toolkit", *arguments],
            cwd=self.folder,
            env={name: value for name, value in seen.items() if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )
        self.pids.append(identified(process.pid))
        return process

    def ended(self, process: subprocess.Popen[str], *, seconds: float = 240) -> Answer:
        """Wait for its end; a command that hangs is killed, and fails the test."""
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"still running after {seconds} s:\n{process.communicate()[1]}")
        # In a build's log, behind a bar, it is somebody else's.
        assert not any(line.startswith("Traceback") for line in err.splitlines()), err
        return Answer(process.returncode, out, err)

    def write(self, *lines: str, file: str = "requirements.txt") -> str:
        """Write a file of these lines into the folder; gives its name."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines))
        return file

    def wheel(
        self,
        name: str,
        files: Mapping[str, str] | None = None,
        *,
        folder: str = ".",
        **options: Any,  # noqa: ANN401 - write_wheel's own
    ) -> str:
        """Write a wheel into a folder of the project; gives the line that requires it.

        Without files it is one that no cache has seen, so that building with it takes a build.
        """
        content = files or {f"{name}/__init__.py": f"# {uuid.uuid4().hex}\n"}
        return f"./{folder}/{write_wheel(self.folder / folder, name, content, **options).name}"


@dataclass(slots=True)
class Started:
    """What this run has started, for the proof that nothing of it is left."""

    pids: list[Pid] = field(default_factory=list)

    def left(self, engine: Engine) -> list[str]:
        """Name containers, volumes, networks and images of this run."""
        mine = frozenset((identified(os.getpid()), *self.pids))
        return [*_owned(engine, mine), *images_of(engine, f"t-{RUN}")]


def images_of(engine: Engine, name: str) -> list[str]:
    """Ids of the images that were built under that name or one that begins with it."""
    return [
        str(image["Id"])
        for image in engine.list_images(labels.NAME)
        if (image.get("Labels") or {}).get(labels.NAME, "").startswith(name)
    ]


def identified(pid: int) -> Pid:
    """Give a process's pid and start, as it labels what it makes; it has not been collected yet."""
    return str(pid), start_of(str(pid))


def _owned(engine: Engine, pids: frozenset[Pid]) -> Iterator[str]:
    for path, key in (
        ("/containers/json?all=1", ""),
        ("/volumes", "Volumes"),
        ("/networks", ""),
    ):
        filters = json.dumps({"label": [f"{labels.MANAGED}=1"]})
        with engine.open("GET", path, doing="listing", params={"filters": filters}) as answer:
            said = json.loads(b"".join(answer.chunks()))
        for thing in (said[key] if key else said) or ():
            found = thing.get("Labels") or {}
            if (found.get(labels.OWNER_PID), found.get(labels.OWNER_START)) in pids:
                yield f"{path} {thing.get('Id') or thing.get('Name')}"


def of_this_run(listed: list[dict[str, Any]], key: str, run: str) -> list[str]:
    """Of what was listed by a label of the tests, the values that begin with this run's name."""
    values = [str(each["Labels"][key]) for each in listed]
    return [value for value in values if value.startswith(run)]


@pytest.fixture(scope="module")
def own_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Put this process and those that it starts on a machine of their own, as far as it is named.

    Else what a test has left is cleared before it looks at it by anybody's next start, such as that
    of another run of these tests on the same engine.
    """
    name = f"toolkit-test-{uuid.uuid4().hex}"
    folder = tmp_path_factory.mktemp("host")
    (folder / "sitecustomize.py").write_text(f"import platform\nplatform.node = lambda: {name!r}\n")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(platform, "node", lambda: name)
        patched.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield


@pytest.fixture(scope="session")
def first_engine() -> Iterator[Engine]:
    with connect() as engine:
        yield engine


@pytest.fixture(scope="session")
def base_image(first_engine: Engine) -> str:
    """The base that `make base` has made."""
    return str(local_bases(first_engine)[0])


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels that no build can do without, for an engine or an index that has no others."""
    return download(tmp_path_factory.mktemp("downloads"))


@pytest.fixture(scope="session")
def virgin_disk(
    tmp_path_factory: pytest.TempPathFactory, first_engine: Engine, base_image: str
) -> Iterator[Path]:
    """A disk for second engines, to be copied: it has the base image and nothing else."""
    if missing := missing_tools():
        pytest.skip(f"a second engine needs {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("virgin")
    make_disk(folder / "disk", megabytes=600)
    (folder / "engine").mkdir()
    with (
        second_engine(folder / "engine", folder / "disk", folder) as made,
        connect(made.address) as second,
    ):
        copy_image(first_engine, second, base_image)
    yield folder / "disk"
    (folder / "disk").unlink()


def copy_image(first: Engine, second: Engine, image: str) -> None:
    with first.open("GET", f"/images/{image}/get", doing="saving an image") as saved:
        doing = "loading an image"
        with second.open("POST", "/images/load", doing=doing, data=saved.chunks()) as loaded:
            for _ in loaded.chunks():
                pass
    assert second.inspect_image(image) is not None


@pytest.fixture(scope="session")
def started(first_engine: Engine) -> Iterator[Started]:
    """Whatever is started is entered here; the run ends by looking for it."""
    known = Started()
    yield known
    left = known.left(first_engine)
    for image in images_of(first_engine, f"t-{RUN}"):
        first_engine.remove_image(image, force=True)
    assert left == []


@pytest.fixture(scope="session")
def environment(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What the commands see: this environment, the local base, and a cache of their own."""
    own = {
        "TOOLKIT_BASE_IMAGE": base_image,
        "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")),
    }
    return {**os.environ, **own}


@pytest.fixture
def cli(tmp_path: Path, environment: Mapping[str, str], started: Started) -> Cli:
    """The command in a project folder of this test."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Cli(folder, environment, started.pids)


@pytest.fixture
def name(first_engine: Engine) -> Iterator[str]:
    """A name for the images of this test, or the beginning of one.

    Those that got it as a tag are removed afterwards; images without a tag stay, to be found as
    left.
    """
    unique = f"t-{RUN}-{uuid.uuid4().hex[:8]}"
    yield unique
    remove_named(first_engine, unique)


def remove_named(engine: Engine, name: str) -> None:
    """Remove the tags `toolkit/<name>…:…` of images that were built under such a name."""
    for image in engine.list_images(labels.NAME):
        if image["Labels"][labels.NAME].startswith(name):
            for tag in image.get("RepoTags") or ():
                if tag != "<none>:<none>":
                    engine.remove_image(tag)


MakeBase: TypeAlias = Callable[[str, Tar], str]


@pytest.fixture
def make_base(first_engine: Engine, name: str) -> Iterator[MakeBase]:
    """Builds bases of this test's, each from a context and under a tag of its own."""
    made: list[str] = []

    def build(tag: str, packed: Tar) -> str:
        reference = ImageReference.parse(f"toolkit/{name}:{tag}")
        buildkit.build(first_engine, buildkit.BuildRequest(packed, tags=(reference,)))
        made.append(str(reference))
        return made[-1]

    yield build
    for each in made:
        first_engine.remove_image(each)
