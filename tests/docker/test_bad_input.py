"""What is wrong from the start: one sentence, a hint, the right exit code, nothing left behind."""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.docker.conftest import RUN, Cli, images_of
from tests.docker.packages import write_project
from toolkit import context, labels
from toolkit.engine import Engine, buildkit
from toolkit.reference import ImageReference

pytestmark = pytest.mark.docker

FAILS = 'def build_wheel(folder, settings=None, metadata=None):\n    raise SystemExit("no gcc")\n'
NEEDS_LIBGL = 'import ctypes\nctypes.CDLL("libGL.so.1")\n'
EXTENSION = (
    'from setuptools import Extension, setup\nsetup(name="tk-c", version="1.0", '
    'ext_modules=[Extension("tk_c", ["tk_c.c"])])\n'
)


@pytest.fixture
def refused(cli: Cli, first_engine: Engine, name: str) -> Refused:
    return Refused(cli, first_engine, name)


class Refused:
    """Builds that must fail, and must leave no image, named or not."""

    def __init__(self, cli: Cli, engine: Engine, name: str) -> None:
        self._cli = cli
        self._engine = engine
        self.name = name
        self.stderr = ""

    def __call__(
        self, code: int, *arguments: str, env: Mapping[str, str | None] | None = None
    ) -> tuple[str, str]:
        """Build `requirements.txt`; gives the message and the hint."""
        command = ("build-image", "--deps", "requirements.txt", "--name", self.name, *arguments)
        answer = self._cli(*command, env=env)
        self.stderr = answer.stderr
        said = answer.refused(code)
        assert images_of(self._engine, self.name) == []
        return said


def test_a_login_that_cannot_be_read_is_said_and_not_shown(refused: Refused, cli: Cli) -> None:
    """docker-py reads them all before it connects, also those of other registries."""
    cli.write("six")
    half = "c2VjcmV0"
    cli.write(
        f'{{"auths": {{"registry.example": {{"auth": "{half}"}}}}}}', file="docker/config.json"
    )
    message, hint = refused(5, env={"DOCKER_CONFIG": str(cli.folder / "docker")})
    assert message == "docker's config.json has a login that is not base64 of user:password"
    assert hint == "log in again, or take the entry out"
    assert "      `toolkit doctor --check client.config` explains it\n" in refused.stderr
    assert "secret" not in refused.stderr


# The file.


def test_a_file_that_does_not_exist(refused: Refused) -> None:
    assert refused(3) == ("requirements.txt: no such file", "check the name of the file")


def test_an_empty_file(refused: Refused, cli: Cli) -> None:
    cli.write()
    assert refused(3) == (
        "requirements.txt: the file asks for no package",
        "write at least one requirement, such as requests>=2",
    )


def test_all_problems_of_a_file_are_told_at_once(refused: Refused, cli: Cli) -> None:
    cli.write("good", "no such thing", "-r more.txt", "./gone.whl")
    error, _ = refused(3)
    assert [line.split(": ")[0] for line in error.splitlines()] == [
        "requirements.txt:2",
        "more.txt",
        "requirements.txt:4",
    ]


# The requirements.


def test_a_requirement_that_does_not_exist(refused: Refused, cli: Cli) -> None:
    cli.write("# a comment", "", "toolkit-test-no-such-thing==1.0  # not on any index")
    error, hint = refused(6)
    assert error == "requirements.txt:3: toolkit-test-no-such-thing is not in the package index", (
        refused.stderr
    )
    assert hint == (
        "check its spelling, or name the index that has it with --index-url in the file"
    )


def test_requirements_that_contradict_each_other(refused: Refused, cli: Cli) -> None:
    cli.wheel("tk_left", requires=["tk_both==1.0"])
    cli.wheel("tk_right", requires=["tk_both==2.0"])
    cli.wheel("tk_both", version="1.0")
    cli.wheel("tk_both", version="2.0")
    cli.write("--no-index", "--find-links .", "tk_left", "tk_right")
    error, hint = refused(6)
    assert error.startswith("the requirements contradict each other: "), refused.stderr
    assert "tk-both==1.0" in error
    assert "tk-both==2.0" in error
    assert hint == "loosen one of the versions"


@pytest.mark.parametrize("line", ["tk_broken @ ./tk_broken", "-e ./tk_broken"])
def test_a_requirement_whose_build_fails(refused: Refused, cli: Cli, line: str) -> None:
    write_project(cli.folder / "tk_broken", FAILS)
    cli.write("", line)
    error, hint = refused(6)
    assert error == "requirements.txt:2: tk-broken could not be built from its source"
    assert "no gcc" in refused.stderr
    assert hint.startswith("read the log above: ")


def test_a_source_that_needs_a_compiler(refused: Refused, cli: Cli) -> None:
    """As setuptools builds it, which looks for the compiler itself."""
    (cli.folder / "tk_c").mkdir()
    cli.write(EXTENSION, file="tk_c/setup.py")
    cli.write("./tk_c")
    error, hint = refused(6)
    assert error == "requirements.txt:1: tk-c could not be built from its source", refused.stderr
    assert hint == (
        "give its build what it lacked: --apt-build build-essential; or take a version with a wheel"
    )


def test_wheels_without_a_source_that_are_for_another_python(refused: Refused, cli: Cli) -> None:
    wheel = cli.wheel("tk_elder")
    for tag in ("cp39-cp39", "cp38-cp38"):
        shutil.copy(cli.folder / wheel, cli.folder / f"tk_elder-1.0-{tag}-linux_x86_64.whl")
    (cli.folder / wheel).unlink()
    cli.write("--no-index", "--find-links .", "tk_elder==1.0")
    error, hint = refused(6)
    told, _, there = error.partition("; ")
    assert told.startswith("requirements.txt:3: tk-elder==1.0 has no wheel for Python 3."), (
        refused.stderr
    )
    assert there == "it has wheels for Python 3.8, 3.9 only"
    assert hint == ("choose one of these with --python or --base, or another version of tk-elder")


def test_a_source_whose_wheels_are_for_another_python(refused: Refused, cli: Cli) -> None:
    """Which Pythons these are, the build asks uv when it has failed."""
    wheel = cli.wheel("tk_elder")
    (cli.folder / wheel).rename(cli.folder / "tk_elder-1.0-cp39-none-any.whl")
    project = write_project(cli.folder / "tk_elder-1.0", FAILS)
    (project / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: tk-elder\nVersion: 1.0\n")
    with tarfile.open(cli.folder / "tk_elder-1.0.tar.gz", "w:gz") as archive:
        archive.add(project, "tk_elder-1.0")
    cli.write("--no-index", "--find-links .", "tk_elder==1.0")
    error, hint = refused(6)
    assert error == (
        "requirements.txt:3: tk-elder could not be built from its source; "
        "it has wheels for Python 3.9 only"
    ), refused.stderr
    assert hint.endswith("; or choose one of these with --python or --base")


def test_an_import_that_misses_a_shared_library(
    refused: Refused, cli: Cli, first_engine: Engine
) -> None:
    """The failure names module, object and package; excused by name, it is overlooked and told."""
    cli.write(cli.wheel("tk_needy", {"tk_needy/__init__.py": NEEDS_LIBGL}))
    expected = (
        "the image was built and does not work",
        "add --apt libgl1 for libGL.so.1",
    )
    assert refused(6) == expected
    assert "import tk_needy: OSError: libGL.so.1: cannot open shared object" in refused.stderr
    assert "(from tk_needy)" in refused.stderr

    build = ("build-image", "--deps", "requirements.txt", "--name", refused.name)
    excused = cli(*build, "--excuse-import", "tk_needy")
    assert excused.code == 0, excused.stderr
    image = first_engine.inspect_image(excused.stdout.strip())
    assert image is not None
    assert image["Config"]["Labels"][labels.EXCUSED] == "tk_needy"

    # The same image, for one who does not excuse it: not reused, not renamed, not removed.
    assert cli(*build).refused(6) == expected
    assert images_of(first_engine, refused.name) == [image["Id"]]
    again = cli(*build, "--excuse-import", "tk_needy")
    assert "nothing to do" in again.stderr


# The base.


@pytest.fixture
def bad_base(first_engine: Engine, base_image: str) -> Iterator[BadBase]:
    made = BadBase(first_engine, base_image)
    yield made
    made.remove()


class BadBase:
    """Bases that keep no contract."""

    def __init__(self, engine: Engine, good: str) -> None:
        self._engine = engine
        self._good = good
        self._made: list[str] = []

    def without_sh(self) -> str:
        """Nothing but one file that cannot even be run."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.addfile(tarfile.TarInfo("only"))
        packed.seek(0)
        return self._tagged(self._engine.import_image(packed), "no-sh")

    def without_python(self) -> str:
        # Of a distribution whose own Python is known it would be given that.
        other = "echo NAME=Odd > /usr/lib/os-release"
        gone = "rm /usr/bin/python* && ! command -v python python3"
        dockerfile = f"FROM {self._good}\nUSER 0\nRUN {other} && {gone}\n"
        packed = context.pack([context.ContextFile("Dockerfile", dockerfile.encode())])
        request = buildkit.BuildRequest(packed)
        return self._tagged(buildkit.build(self._engine, request, secrets={}), "no-python")

    def _tagged(self, image: str, kind: str) -> str:
        reference = f"t-{RUN}-{kind}:1"
        self._engine.tag_image(image, ImageReference.parse(reference))
        self._made.append(reference)
        return reference

    def remove(self) -> None:
        for reference in self._made:
            self._engine.remove_image(reference)


def test_a_base_without_sh(refused: Refused, cli: Cli, bad_base: BadBase) -> None:
    cli.write("requests")
    base = bad_base.without_sh()
    error, hint = refused(6, "--base", base)
    assert error == f"the base image {base} cannot be used: it contains no `sh`"
    assert hint == "name a base with `sh` and Python, such as python:3-slim, with --base"


def test_a_base_without_python(refused: Refused, cli: Cli, bad_base: BadBase) -> None:
    cli.write("requests")
    base = bad_base.without_python()
    error, hint = refused(6, "--base", base)
    assert error == (
        f"the base image {base} is Odd and has no Python, and which one its packages bring is not "
        "known"
    )
    assert hint == "name a base with `sh` and Python, such as python:3-slim, with --base"


def test_a_base_with_another_python_than_was_asked_for(
    refused: Refused, cli: Cli, base_image: str
) -> None:
    cli.write("requests")
    error, _ = refused(6, "--python", "3.99")
    assert error.startswith(f"the base image {base_image} has Python 3.")
    assert error.endswith(", and 3.99 was asked for")


def test_a_base_that_does_not_exist(refused: Refused, cli: Cli) -> None:
    """A base that was named is that base or none: nothing else is taken for it."""
    cli.write("requests")
    error, hint = refused(6, "--base", "localhost:1/toolkit-test/none:1")
    assert error.startswith(
        "the image localhost:1/toolkit-test/none:1 could not be pulled: "
        "its registry cannot be reached: "
    )
    assert hint.startswith("check the engine's network, proxy and certificates")
    assert "local base" not in refused.stderr


# The engine.


@pytest.fixture(params=["build-image", "run"])
def command(request: pytest.FixtureRequest) -> tuple[int, tuple[str, ...]]:
    """A command that needs an engine, and the code with which it says that there is none."""
    if request.param == "run":
        return 125, ("run", "-c", "print(1)")
    return 5, ("build-image", "--deps", "requirements.txt")


Command = tuple[int, tuple[str, ...]]


def test_no_engine(cli: Cli, command: Command) -> None:
    cli.write("requests")
    answer = cli(*command[1], env={"DOCKER_HOST": f"unix://{cli.folder}/gone.sock"})
    assert answer.refused(command[0]) == (
        f"no Docker engine at unix://{cli.folder}/gone.sock: the socket does not exist",
        "run `toolkit engine start`, or set DOCKER_HOST to where an engine listens",
    )


def test_an_engine_that_has_stopped_and_left_its_socket(cli: Cli, command: Command) -> None:
    cli.write("requests")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{cli.folder}/left.sock")
    answer = cli(*command[1], env={"DOCKER_HOST": f"unix://{cli.folder}/left.sock"})
    assert answer.refused(command[0])[0] == (
        f"the Docker engine at unix://{cli.folder}/left.sock cannot be reached: "
        "nothing listens on the socket, its engine has stopped"
    )


def test_an_address_where_nobody_listens(cli: Cli, command: Command) -> None:
    cli.write("requests")
    with socket.socket() as taken:  # and so nobody else's, but closed
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        answer = cli(*command[1], env={"DOCKER_HOST": address})
    assert answer.refused(command[0]) == (
        f"the Docker engine at {address} cannot be reached: connection refused",
        "run `toolkit engine start`, or set DOCKER_HOST to where an engine listens",
    )


def test_an_address_that_is_none(cli: Cli, command: Command) -> None:
    cli.write("requests")
    assert cli(*command[1], env={"DOCKER_HOST": "docker.example"}).refused(command[0]) == (
        "`docker.example`, given by DOCKER_HOST, is not the address of an engine",
        "write it as unix:///path/to/docker.sock, tcp://host:port or ssh://user@host",
    )


def test_a_context_that_is_gone(cli: Cli, command: Command) -> None:
    """It is never replaced by the default one, which may be another engine."""
    cli.write("requests")
    gone = {"DOCKER_HOST": None, "DOCKER_CONTEXT": "gone", "DOCKER_CONFIG": str(cli.folder)}
    assert cli(*command[1], env=gone).refused(command[0]) == (
        "the Docker context `gone`, named by DOCKER_CONTEXT, does not exist",
        "unset DOCKER_CONTEXT",
    )


def test_a_chosen_context_that_is_gone(cli: Cli, command: Command) -> None:
    cli.write("requests")
    cli.write('{"currentContext": "gone"}', file="config.json")
    gone = {"DOCKER_HOST": None, "DOCKER_CONTEXT": None, "DOCKER_CONFIG": str(cli.folder)}
    assert cli(*command[1], env=gone).refused(command[0]) == (
        f"the Docker context `gone`, named by {cli.folder}/config.json, does not exist",
        "run `docker context use default`",
    )


# Nobody's process, which may read every file (the virtual environment may be root's alone) and
# write to none: opening a socket is writing to it.
_AS_NOBODY = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    *("--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"),
    "--bounding-set=-all,+dac_read_search",
)


def test_an_engine_that_lets_nobody_in(
    cli: Cli, command: Command, first_engine: Engine, tmp_path: Path
) -> None:
    cli.write("requests")
    path = first_engine.endpoint.socket_path
    with socket.socket(socket.AF_UNIX) as listener:
        if os.geteuid() or path is None:
            path = tmp_path / "closed.sock"
            listener.bind(str(path))
            listener.listen()
            path.chmod(0)
        argv = [sys.executable, "-m", "toolkit", *command[1]]
        done = subprocess.run(
            argv if os.geteuid() else [*_AS_NOBODY, *argv],
            cwd=cli.folder,
            env={**cli.environment, "DOCKER_HOST": f"unix://{path}"},
            capture_output=True,
            text=True,
        )
    assert done.returncode == command[0], done.stderr
    assert done.stdout == ""
    error, hint, explained = done.stderr.splitlines()
    assert error == (
        f"error: the Docker engine at unix://{path} cannot be reached: permission denied"
    )
    assert hint.startswith(("hint: run ", "hint: start this container with `--group-add "))
    assert explained == "      `toolkit doctor --check endpoint.permission` explains it"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("", "image reference is empty"),
        ("http://x", "image reference 'http://x' is a URL"),
        ("UPPER", "image reference 'UPPER' has upper case in 'UPPER'"),
        ("0" * 12, f"there is no image '{'0' * 12}' on this engine"),
    ],
)
def test_what_is_no_image_is_told_before_the_engine_is_asked(
    cli: Cli, image: str, message: str
) -> None:
    """The engine would answer of a path that it does not know."""
    assert cli("images", "inspect", image).refused(3)[0] == message
