"""Engines whose users are others than the host's: whose files are whose, as the host sees them.

Under a user without rights (rootless) root inside is that user outside; with userns-remap nobody
inside is anybody outside.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.docker.conftest import copy_image
from tests.docker.somebody import as_somebody
from tests.engines.kinds import KEEPING, REMAPPED, ROOTLESS, Kind
from tests.engines.machines import ROOTLESS as NEEDED
from tests.engines.machines import UnavailableError, machine
from tests.engines.nested import Nested, nested
from tests.engines.test_containers import KEY, await_gone
from tests.engines.test_host_paths import said
from toolkit.coding import CodeBlock, DockerCommandLineCodeExecutor
from toolkit.engine import Engine
from toolkit.image import local_bases

pytestmark = pytest.mark.docker

FAR: Final = 70_000
"""More than the users that an engine has by default."""
TOP: Final = Path(__file__).parents[2]
APPLICATION: Final = TOP / "tests" / "docker" / "dood" / "application.py"

CODE: Final = """\
# filename: block.py
import getpass, os
from pathlib import Path
print(Path("asked").read_text(), getpass.getuser())
Path("answer").write_text("by the block")
(Path.home() / "mine").write_text("x")
"""


@contextmanager
def running(
    first: Engine, kind: Kind, folder: Path, more: tuple[str, ...] = ()
) -> Iterator[Nested]:
    try:
        with nested(first, kind, machine(first, kind.suite, more=more), folder) as found:
            copy_image(first, found.engine, str(local_bases(first)[0]))
            yield found
    except UnavailableError as error:
        pytest.skip(f"{kind.name} cannot be had here: {error}")


@pytest.fixture(scope="module")
def remapped(first_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nested]:
    with running(first_engine, REMAPPED, tmp_path_factory.mktemp("remapped")) as found:
        yield found


@pytest.fixture(scope="module", params=ROOTLESS, ids=[kind.name for kind in ROOTLESS])
def rootless(
    request: pytest.FixtureRequest, first_engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nested]:
    folder = tmp_path_factory.mktemp("rootless")
    with running(first_engine, request.param, folder, NEEDED) as found:
        yield found


def test_with_userns_remap_the_work_dir_is_copied_and_its_files_are_the_callers(
    remapped: Nested, caplog: pytest.LogCaptureFixture
) -> None:
    """Though it could be shared: the folder has the same path there."""
    caplog.set_level("INFO", "toolkit")
    run, work = uuid.uuid4().hex, remapped.folder / "work"
    work.mkdir()
    (work / "asked").write_text("by us")
    base = str(local_bases(remapped.engine)[0])
    with DockerCommandLineCodeExecutor(
        base, work_dir=work, labels={KEY: run}, engine=remapped.engine, network="none"
    ) as executor:
        result = executor.execute_code_blocks([CodeBlock(CODE, "python")])
        made = remapped.engine.inspect_container(executor.container_id)
    assert made is not None
    assert made["HostConfig"]["Mounts"][0]["Type"] == "volume"
    assert (result.exit_code, result.output.split()[:2]) == (0, ["by", "us"])
    assert {path.name: path.stat().st_uid for path in work.iterdir()} == dict.fromkeys(
        ("asked", "answer", "block.py"), os.getuid()
    )
    assert (
        f"the engine makes every user another (userns-remap): {work} is copied" in caplog.messages
    )
    await_gone(remapped.engine, run)


def test_with_userns_remap_code_is_nobody_outside(remapped: Nested) -> None:
    """The proof that it has to be copied: what it writes in a shared folder is another user's."""
    run, work = uuid.uuid4().hex, remapped.folder / "shared"
    work.mkdir()
    work.chmod(0o777)
    base = str(local_bases(remapped.engine)[0])
    with DockerCommandLineCodeExecutor(
        base, work_dir=work, labels={KEY: run}, engine=remapped.engine, transfer="bind"
    ) as executor:
        executor.run(["touch", "made"])
    assert (work / "made").stat().st_uid not in {0, os.getuid()}
    await_gone(remapped.engine, run)


def test_without_rights_the_code_is_who_runs_the_engine(rootless: Nested) -> None:
    """For an application in a container of it, as root inside; in a shared folder and a copied."""
    run, uid = uuid.uuid4().hex, rootless.kind.uid
    base = str(local_bases(rootless.engine)[0])
    shared, copied = (rootless.folder / name for name in ("app", "copied"))
    for folder in (shared, copied):
        folder.mkdir()
        os.chown(folder, uid, uid)
    mounts = [
        {"Type": "bind", "Source": str(each), "Target": f"/{each.name}"}
        for each in (shared, copied)
    ]
    usual = {"image": base, "labels": {KEY: run}, "network": "none"}
    asked = [
        {**usual, "work_dir": "/app", "transfer": "bind"},
        {**usual, "work_dir": "/copied", "transfer": "copy"},
    ]
    answers = said(rootless, base, run, mounts, asked)
    await_gone(rootless.engine, run)
    for answer in answers:
        assert "error" not in answer, answer
        assert (answer["code"], answer["output"]) == (0, "by the application\n")
        assert (answer["answer"], answer["owner"]) == ("by the block", [0, 0])
    for folder in (shared, copied):
        found = {path.name: path.stat().st_uid for path in folder.iterdir()}
        assert found == dict.fromkeys(("asked.txt", "answer.txt", "block.py"), uid)


def test_with_userns_remap_a_user_whom_the_engine_does_not_have_is_another_inside(
    remapped: Nested, tmp_path: Path
) -> None:
    """It has 65536 of them: the files come back as the caller's all the same."""
    base, run = str(local_bases(remapped.engine)[0]), uuid.uuid4().hex
    work = tmp_path / "work"
    work.mkdir()
    os.chown(work, FAR, FAR)
    asked = [{"image": base, "labels": {KEY: run}, "network": "none", "work_dir": str(work)}]
    (answer,) = said_here(remapped, tmp_path, FAR, asked)
    await_gone(remapped.engine, run)
    assert "error" not in answer, answer
    assert (answer["code"], answer["output"]) == (0, "by the application\n")
    assert (answer["answer"], answer["owner"]) == ("by the block", [FAR, FAR])


def test_without_rights_the_callers_files_are_its_own_on_this_machine_too(
    rootless: Nested, tmp_path: Path
) -> None:
    """Who runs the engine is root inside, whether it says so as Docker does or as Podman."""
    check_own(rootless, tmp_path)


def test_podmans_configuration_may_say_keep_id_for_all(
    first_engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "engine").mkdir()
    with running(first_engine, KEEPING, tmp_path / "engine", NEEDED) as found:
        check_own(found, tmp_path)


def check_own(nest: Nested, home: Path) -> None:
    """In a folder of the engine's user, the code's files are that user's, who runs the code."""
    base, run, uid = str(local_bases(nest.engine)[0]), uuid.uuid4().hex, nest.kind.uid
    work = nest.folder / "here"
    work.mkdir()
    os.chown(work, uid, uid)
    asked = {"image": base, "labels": {KEY: run}, "network": "none", "work_dir": str(work)}
    (answer,) = said_here(nest, home, uid, [{**asked, "transfer": "bind"}])
    await_gone(nest.engine, run)
    assert "error" not in answer, answer
    assert (answer["code"], answer["output"]) == (0, "by the application\n")
    assert (answer["answer"], answer["owner"]) == ("by the block", [uid, uid])


@pytest.mark.parametrize(
    ("host", "owner"),
    [({"User": "1234:1234"}, 1234), ({"UsernsMode": "keep-id"}, 1500)],
    ids=["another user inside", "keep-id"],
)
def test_without_rights_the_code_is_who_the_application_is(
    rootless: Nested, host: dict[str, str], owner: int
) -> None:
    """Its container has the users of others, or, with Podman's keep-id, users of its own."""
    if "UsernsMode" in host and rootless.kind.program != "podman":
        pytest.skip("only Podman has it")
    run, base = uuid.uuid4().hex, str(local_bases(rootless.engine)[0])
    folder = rootless.folder / f"app-{run}"
    folder.mkdir()
    folder.chmod(0o777)
    mounts = [{"Type": "bind", "Source": str(folder), "Target": "/app"}]
    asked = {"image": base, "labels": {KEY: run}, "network": "none", "work_dir": "/app"}
    (answer,) = said(rootless, base, run, mounts, [{**asked, "transfer": "bind"}], **host)
    await_gone(rootless.engine, run)
    assert "error" not in answer, answer
    assert (answer["code"], answer["output"]) == (0, "by the application\n")
    assert (answer["answer"], answer["owner"]) == ("by the block", [owner, owner])
    owners = {path.stat().st_uid for path in folder.iterdir()}  # as this machine sees them
    assert len(owners) == 1
    assert (owners == {rootless.kind.uid}) is ("UsernsMode" in host)


def said_here(
    nest: Nested, home: Path, uid: int, asked: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Run the application on this machine, as somebody."""
    command = [*as_somebody(uid=uid), sys.executable, "-B", str(APPLICATION), json.dumps(asked)]
    env = {**os.environ, "DOCKER_HOST": nest.address, "HOME": str(home), "PYTHONPATH": str(TOP)}
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return list(json.loads(ended.stdout))
