"""Docker-out-of-Docker as compose has it: a project of many services, each an application.

In each a file of the application is read by a block, a file of the block by the application, with
the application's owner, and the engine's host has nothing that it had not, but for those.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import docker
import pytest
from pytest_docker.plugin import get_docker_services

from tests.docker.compose import compose
from tests.docker.conftest import RUN
from tests.docker.dood.conftest import KEY, SOCKET
from tests.docker.dood.test_dood import MADE, check, content
from tests.docker.relay import listening
from toolkit.engine import Engine

pytestmark = pytest.mark.docker

OWN: Final = "toolkit-test-compose"
PROJECT: Final = f"{OWN}-{RUN}"
UP: Final = [
    "up --detach neighbour",
    # Each to its end: all at once they are more than a small machine can start in time.
    "up --no-deps bind folder link volume volumes-folder nested",
    "up --no-deps own-disk memory locked read-only named twins",
    "up --no-deps hosts-network beside somebody nobody far",
]
DOWN: Final = "down --volumes"
_HERE: Final = Path(__file__).parent

FOLDERS: Final[Mapping[str, str]] = {
    "bind": "bind",
    "folder": "folder/coding",
    "link": "real",
    "read-only": "read-only",
    "named": "named",
    "hosts-network": "hosts-network",
    "beside": "beside",
    "somebody": "somebody",
    "far": "far",
}
"""Which folder of the host a service's executor gets."""
VOLUMES: Final[Mapping[str, str]] = {
    "volume": f"{PROJECT}_work",
    # Engines before 25 cannot mount it as such; it has a path on the host, too.
    "volumes-folder": f"{{volumes}}/{PROJECT}_shared/_data/coding",
    "nested": f"{PROJECT}_inner",
    "own-disk": "",
    "memory": "",
}
"""What it gets that is none. Nothing is a copy in a volume of its own."""
UNUSED: Final = ("neighbour", "locked", "nobody", "nested/inner")

Said = Mapping[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the engine's host, with one for each service."""
    folder = tmp_path_factory.mktemp("compose")
    for name in {*FOLDERS, *UNUSED, "twins", "real"} - {"link"}:
        (folder / name).mkdir(parents=True)
    (folder / "link").symlink_to("real")
    os.chown(folder / "somebody", 1234, 1234)
    return folder


@pytest.fixture(scope="module")
def said(
    application_image: str, base_image: str, first_engine: Engine, host: Path
) -> Iterator[Said]:
    """What each service came to. Afterwards nothing of the project is left, but on the host."""
    before = content(host)
    with listening(SOCKET, "127.0.0.1", None) as port:
        usual = {"image": base_image, "labels": {KEY: RUN}, "network": "none"}
        variables = {
            "TOOLKIT_TEST_IMAGE": application_image,
            "TOOLKIT_TEST_PROGRAM": str(_HERE / "application.py"),
            "TOOLKIT_TEST_HOST": str(host),
            "TOOLKIT_TEST_GROUP": str(SOCKET.stat().st_gid),
            "TOOLKIT_TEST_TCP": f"127.0.0.1:{port}",
            "TOOLKIT_TEST_USUAL": json.dumps(usual),
            "TOOLKIT_TEST_RUN": RUN,
        }
        command, file = compose(variables), str(_HERE / "compose.yml")
        try:
            with get_docker_services(command, file, PROJECT, UP, [DOWN]):
                yield answers()
        except Exception:  # which does not take down what has not come up
            subprocess.run(f"{command} -f {file} -p {PROJECT} {DOWN}", shell=True)  # noqa: S602
            raise
    used = {*FOLDERS.values(), "twins"}
    made = {f"{folder}/{name}" for folder in used for name in MADE}
    assert content(host) == before | used | made
    label = f"{OWN}={RUN}"
    left = (first_engine.list_containers, first_engine.list_networks, first_engine.list_volumes)
    assert [each(label) for each in left] == [[], [], []]


def answers() -> Said:
    """Wait for each service's containers, but for those that others need."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    client = docker.from_env()
    for container in client.containers.list(all=True, filters={"label": f"{OWN}={RUN}"}):
        service = container.labels["com.docker.compose.service"]
        if service != "neighbour":
            code = container.wait(timeout=120)["StatusCode"]
            assert code == 0, (service, container.logs().decode())
            found[service] += json.loads(container.logs(stderr=False))
    client.close()
    return found


@pytest.mark.parametrize("service", FOLDERS)
def test_a_service_with_a_folder_of_the_host(said: Said, host: Path, service: str) -> None:
    """As the host sees it: the content, and the owner, who is the service's user."""
    (answer,) = said[service]
    folder = host / FOLDERS[service]
    owner = (1234, 1234) if service == "somebody" else (0, 0)
    source = host / "link" if service == "link" else folder
    check(answer, str(source), owner)
    for name in MADE:
        found = (folder / name).stat()
        assert (found.st_uid, found.st_gid) == owner
    assert (folder / "answer.txt").read_text() == "by the block"


@pytest.mark.parametrize("service", VOLUMES)
def test_a_service_whose_work_dir_is_not_the_hosts(
    said: Said, service: str, first_engine: Engine
) -> None:
    """Compose puts the project's name before a volume's."""
    (answer,) = said[service]
    volumes = f"{first_engine.info()['DockerRootDir']}/volumes"
    check(answer, VOLUMES[service].format(volumes=volumes))


def test_two_containers_of_one_service_in_one_folder(said: Said, host: Path) -> None:
    assert len(said["twins"]) == 2
    for answer in said["twins"]:
        check(answer, str(host / "twins"))


def test_services_that_cannot_work_say_so(said: Said) -> None:
    """And leave the host as it was: see `said`."""
    (locked,), (nobody,) = said["locked"], said["nobody"]
    assert locked["error"].endswith("folder /app is read-only: so is the mount at /app")
    assert locked["hint"] == ("mount it for writing into the container that this process is in")
    assert nobody["error"].endswith("docker.sock cannot be reached: permission denied)")
    assert nobody["hint"] == f"start this container with `--group-add {SOCKET.stat().st_gid}`"
