"""What the contract of all engines shares: the engines, one after another, and a table in the end.

It takes minutes and needs Debian's packages, so `make test` leaves this folder out (pyproject,
norecursedirs) and `make test-engines` names it.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.docker.conftest import Cli, copy_image
from tests.engines.kinds import KINDS
from tests.engines.machines import UnavailableError, machine
from tests.engines.nested import Nested, nested
from toolkit.engine import Engine, connect
from toolkit.image import local_bases

_MARKS: Final = {"passed": "ok", "failed": "FAILED", "skipped": "-"}
_results = pytest.StashKey[dict[str, dict[str, str]]]()
_versions = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("engines")
    group.addoption("--engine", action="append", help="Try only this engine, e.g. podman-5.4.")
    group.addoption("--new-machines", action="store_true", help="Install the engines anew.")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_results], config.stash[_versions] = {}, {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "nest" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("--engine", default=None)
        kinds = [kind for kind in KINDS if not wanted or kind.name in wanted]
        metafunc.parametrize(
            "nest", kinds, ids=[kind.name for kind in kinds], indirect=True, scope="session"
        )


@pytest.fixture(scope="session")
def first_engine() -> Iterator[Engine]:
    with connect() as engine:
        yield engine


@pytest.fixture(scope="session")
def nest(
    request: pytest.FixtureRequest, first_engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nested]:
    """One engine at a time, with the first engine's base image and nothing else."""
    kind = request.param
    anew = bool(request.config.getoption("--new-machines", default=False))
    try:
        image = machine(first_engine, kind.suite, anew=anew)
        with nested(first_engine, kind, image, tmp_path_factory.mktemp(kind.name)) as found:
            version = found.engine.version().version
            request.config.stash[_versions][kind.name] = version
            assert version.startswith(kind.version)
            copy_image(first_engine, found.engine, str(local_bases(first_engine)[0]))
            yield found
    except UnavailableError as error:
        pytest.skip(f"{kind.name} cannot be had here: {error}")


@pytest.fixture(scope="session")
def engine(nest: Nested) -> Engine:
    return nest.engine


@pytest.fixture(scope="session")
def base(nest: Nested) -> str:
    """The name of the base image."""
    return str(local_bases(nest.engine)[0])


@pytest.fixture
def cli(nest: Nested, base: str, tmp_path: Path) -> Cli:
    """The command in a project folder of this test, speaking to the engine."""
    folder = tmp_path / "project"
    folder.mkdir()
    own = {
        "DOCKER_HOST": nest.address,
        "TOOLKIT_BASE_IMAGE": base,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    return Cli(folder, {**os.environ, **own}, [])


@pytest.fixture
def work_dir(nest: Nested, tmp_path: Path) -> Path:
    """A folder that the engine sees under the same path."""
    folder = nest.folder / tmp_path.name
    folder.mkdir()
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    callspec = getattr(item, "callspec", None)
    if (
        callspec is not None
        and "nest" in callspec.params
        and (call.when == "call" or report.failed or report.skipped)
    ):
        name, _, rest = item.name.partition("[")
        case = rest.rstrip("]").replace(callspec.params["nest"].name, "").strip("-")
        row = item.config.stash[_results].setdefault(" ".join(filter(None, (name, case))), {})
        row[callspec.params["nest"].name] = _MARKS[report.outcome]
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table: a line a test, a column an engine."""
    results, versions = config.stash[_results], config.stash[_versions]
    if not results:
        return
    names = [kind.name for kind in KINDS if any(kind.name in row for row in results.values())]
    terminalreporter.section("engines")
    for name in names:
        terminalreporter.write_line(f"{name}: {versions.get(name, 'not there')}")
    width = max(map(len, results))
    terminalreporter.write_line(" " * width + "".join(f"  {name:>12}" for name in names))
    for test, row in results.items():
        entries = "".join(f"  {row.get(name, ''):>{max(12, len(name))}}" for name in names)
        terminalreporter.write_line(f"{test:{width}}{entries}")
