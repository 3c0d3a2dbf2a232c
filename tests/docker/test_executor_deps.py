"""An executor whose image is built of dependency files, and packages installed by its blocks."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.packages import write_wheel
from toolkit.coding import CodeBlock, DockerCommandLineCodeExecutor
from toolkit.coding.functions import with_requirements
from toolkit.engine import Engine
from toolkit.errors import SpecError

pytestmark = pytest.mark.docker

KEY = "toolkit-test-deps"
RUN = uuid.uuid4().hex
SYSTEMS_PIP = "export PYTHONPATH=/opt/venv/lib/python3.11/site-packages PIP_BREAK_SYSTEM_PACKAGES=1"
"""To install with an interpreter whose own folder this user cannot write to."""


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, base_image: str, first_engine: Engine
) -> Iterator[Path]:
    """A project that needs pip, and a package that no image has had before."""
    folder = tmp_path_factory.mktemp("project")
    name = write_wheel(folder, "tkdeps", {"tkdeps/__init__.py": f"run = {RUN!r}\n"}).name
    (folder / "requirements.txt").write_text(f"pip\n./{name}\n")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TOOLKIT_BASE_IMAGE", base_image)
        yield folder
    assert first_engine.list_containers(f"{KEY}={RUN}") == []


@pytest.fixture(scope="module")
def executor(
    project: Path, tmp_path_factory: pytest.TempPathFactory, first_engine: Engine
) -> Iterator[DockerCommandLineCodeExecutor]:
    """For a uid that the image has never heard of."""
    work = tmp_path_factory.mktemp("work")
    work.chmod(0o777)
    with DockerCommandLineCodeExecutor.from_deps(
        project / "requirements.txt", work_dir=work, user="1234:1234", labels={KEY: RUN}
    ) as made:
        found = first_engine.inspect_container(made.container_id)
        assert found is not None
        yield made
    first_engine.remove_image(found["Config"]["Image"])


def run(
    executor: DockerCommandLineCodeExecutor, code: str, language: str = "sh"
) -> tuple[int, str]:
    result = executor.execute_code_blocks([CodeBlock(code, language)])
    return result.exit_code, result.output


def test_the_image_has_what_the_file_names_and_is_reused(
    executor: DockerCommandLineCodeExecutor, project: Path, tmp_path: Path, first_engine: Engine
) -> None:
    assert run(executor, "import tkdeps; print(tkdeps.run)", "python") == (0, f"{RUN}\n")
    with DockerCommandLineCodeExecutor.from_deps(
        [str(project / "requirements.txt")],
        work_dir=tmp_path,
        labels={KEY: RUN},
        engine=first_engine,
    ) as again:
        one, two = (first_engine.inspect_container(each.container_id) for each in (executor, again))
    assert one is not None
    assert two is not None
    assert one["Image"] == two["Image"]


def test_a_block_installs_a_package_from_the_index(executor: DockerCommandLineCodeExecutor) -> None:
    """By HTTPS, with the caller's certificates where it has any, and without a word."""
    assert run(executor, "pip install iniconfig==2.0.0") == (0, "")
    code = "import iniconfig; print(iniconfig.__file__.split('/')[1:3])"
    assert run(executor, code, "python") == (0, "['opt', 'venv']\n")


def test_a_package_that_is_nowhere_is_an_error_in_the_output(
    executor: DockerCommandLineCodeExecutor,
) -> None:
    code, output = run(executor, "pip install toolkit-no-such-package-anywhere")
    assert code == 1
    assert output.startswith("ERROR: ")


def test_where_the_interpreters_folder_is_roots_packages_go_to_the_home(
    executor: DockerCommandLineCodeExecutor, tmp_path: Path
) -> None:
    """As in python:3-slim, for a uid without a home of its own."""
    wheel = write_wheel(tmp_path, "tkhome", {"tkhome/__init__.py": ""})
    executor.put(wheel, wheel.name)
    install = f"{SYSTEMS_PIP}; /usr/bin/python3 -m pip install -qqq ./{wheel.name}"
    assert run(executor, install) == (0, "")
    code, output = run(executor, "/usr/bin/python3 -c 'import tkhome; print(tkhome.__file__)'")
    assert code == 0
    assert "/.local/lib/python3.11/site-packages/tkhome/" in output


@pytest.mark.usefixtures("executor")  # it removes the image
def test_functions_have_their_packages_installed(project: Path, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, "tkneeded", {"tkneeded/__init__.py": "answer = 42\n"})

    @with_requirements(python_packages=[f"./{wheel.name}"], global_imports=["tkneeded"])
    def answer() -> int:
        return int(tkneeded.answer)  # type: ignore[name-defined] # noqa: F821 - in the container

    with DockerCommandLineCodeExecutor.from_deps(
        project / "requirements.txt", work_dir=tmp_path, labels={KEY: RUN}, functions=[answer]
    ) as made:
        code = "from functions import answer; print(answer())"
        assert run(made, code, "python") == (0, "42\n")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none\.txt"):
        DockerCommandLineCodeExecutor.from_deps(tmp_path / "none.txt", work_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_the_callers_credentials_is_in_the_container(
    executor: DockerCommandLineCodeExecutor,
) -> None:
    assert "INDEX" not in run(executor, "env")[1]
    assert (
        os.environ.get("PIP_CERT") is None or "/etc/toolkit/" in run(executor, "echo $PIP_CERT")[1]
    )
