"""Docker-out-of-Docker: the application in a container with the engine's socket, and no bind_dir.

In each shape a file of the application is read by a block, a file of the block by the application,
with the application's owner, and the engine's host has nothing that it had not, but for those.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import docker
import pytest

from tests.docker.conftest import RUN
from tests.docker.dood.conftest import KEY, SOCKET, Run
from tests.docker.outer import mount
from toolkit.engine import Engine

pytestmark = pytest.mark.docker

MADE: Final = frozenset({"asked.txt", "answer.txt", "block.py"})
TOP: Final = f"/toolkit-test-{RUN}"
"""A folder that only containers have."""
MOUNT_IT: Final = "mount a folder of the engine's host, or a named volume, where the work_dir is"


@dataclass(frozen=True, slots=True)
class Works:
    """A work dir, what the engine is given for it, and which folder of the host that is."""

    work_dir: str
    source: str
    folder: str | None
    asked: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fails:
    """A work dir that is an error."""

    work_dir: str
    error: str
    hint: str
    asked: Mapping[str, Any] = field(default_factory=dict)


MOUNTS: Final = (
    "type=bind,source={host}/bind,target={top}/bind",
    "type=bind,source={host}/a b: ä,target={top}/a b: ä",
    "type=bind,source={host}/link,target={top}/link",
    "type=bind,source={host}/same,target={host}/same",
    "type=bind,source={host}/nesting,target={top}/nesting",
    "type=bind,source={host}/locked,target={top}/locked,readonly",
    "type=volume,source={volume},target={top}/nesting/volume",
    "type=tmpfs,target={top}/tmpfs",
)
"""One application has all of them at once, as applications may."""

SHAPES: Final[Mapping[str, Works | Fails]] = {
    "bind": Works("{top}/bind", "{host}/bind", "bind"),
    "folder of a bind": Works("bind/new", "{host}/bind/new", "bind/new"),
    "odd letters": Works("{top}/a b: ä/co: ö", "{host}/a b: ä/co: ö", "a b: ä/co: ö"),
    # The mount's source is a link on the host, and the work dir one in the container.
    "links": Works("{top}/link/work", "{host}/link/data", "real/data"),
    "same path": Works("{host}/same", "{host}/same", "same"),
    "volume": Works("{top}/nesting/volume", "{volume}", None),
    # Engines before 25 cannot mount it as such; it has a path on the host, too.
    "folder of a volume": Works("{top}/nesting/volume/new", "{volumes}/{volume}/_data/new", None),
    "around a volume": Works("{top}/nesting", "{host}/nesting", "nesting"),
    "bind_dir": Works(
        "{top}/bind/given", "{host}/./bind/given", "bind/given", {"bind_dir": "{host}/./bind/given"}
    ),
    "TOOLKIT_BIND_DIR": Works(
        "{top}/bind/said",
        "{host}/./bind/said",
        "bind/said",
        {"env": {"TOOLKIT_BIND_DIR": "{host}/./bind/said"}},
    ),
    "TOOLKIT_PATH_MAP": Works(
        "{top}/bind/map",
        "{host}/./bind/map",
        "bind/map",
        {"env": {"TOOLKIT_PATH_MAP": "/x=/y; {top}={host}/."}},
    ),
    # What only this container has is copied: the executor's has a volume of its own.
    "overlay": Works("{top}/new", "", None),
    "tmpfs": Works("{top}/tmpfs", "", None),
    "copy": Works("{top}/bind/copied", "", "bind/copied", {"transfer": "copy"}),
    "overlay to be shared": Fails(
        "{top}/new",
        "folder {top}/new is on this container's own file system, which no other container can be "
        "given",
        MOUNT_IT,
        {"transfer": "bind"},
    ),
    "tmpfs to be shared": Fails(
        "{top}/tmpfs",
        "folder {top}/tmpfs is in this container's memory (tmpfs), which no other container can be "
        "given",
        MOUNT_IT,
        {"transfer": "bind"},
    ),
    "read-only": Fails(
        "{top}/locked",
        "folder {top}/locked is read-only: so is the mount at {top}/locked",
        "mount it for writing into the container that this process is in",
    ),
    "wrong bind_dir": Fails(
        "{top}/bind",
        "folder {host}/same of the engine's host is not the folder {top}/bind of this process",
        "leave bind_dir out, and TOOLKIT_BIND_DIR and TOOLKIT_PATH_MAP: it is found to be "
        "{host}/bind",
        {"bind_dir": "{host}/same"},
    ),
    "missing bind_dir": Fails(
        "{top}/nesting/volume",
        "folder /toolkit-test-nothing/x does not exist on the engine's host",
        "leave bind_dir out, and TOOLKIT_BIND_DIR and TOOLKIT_PATH_MAP: it is found to be "
        "volume {volume}",
        {"bind_dir": "/toolkit-test-nothing/x"},
    ),
}
FOLDERS: Final = ("bind", "a b: ä", "real/data", "same", "nesting/volume", "locked")


def content(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the engine's host."""
    folder = tmp_path_factory.mktemp("host")
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    (folder / "link").symlink_to(folder / "real")
    (folder / "real" / "work").symlink_to("data")
    return folder


@pytest.fixture(scope="module")
def named(host: Path, volume: str, first_engine: Engine) -> Callable[[str], str]:
    """Put the names of this run into a text."""
    names = {
        "top": TOP,
        "host": str(host),
        "volume": volume,
        "volumes": f"{first_engine.info()['DockerRootDir']}/volumes",
    }
    return lambda text: text.format_map(names)


@pytest.fixture(scope="module")
def said(
    application: Run, host: Path, named: Callable[[str], str]
) -> Iterator[tuple[dict[str, dict[str, Any]], str]]:
    """What became of each shape, and what was warned of; the host has what it must have."""
    before = content(host)
    asked: list[dict[str, Any]] = []
    for shape in SHAPES.values():
        given = {key: _named(value, named) for key, value in shape.asked.items()}
        asked.append({"work_dir": named(shape.work_dir), **given})
    mounts = [mount(named(each)) for each in MOUNTS]
    answers, warnings = application({"mounts": mounts, "working_dir": TOP}, *asked)
    yield dict(zip(SHAPES, answers, strict=True)), warnings
    folders = {shape.folder for shape in SHAPES.values() if isinstance(shape, Works)}
    used = {folder for folder in folders if folder is not None}
    assert content(host) == before | used | {f"{each}/{name}" for each in used for name in MADE}
    made = [path for path in host.rglob("*") if path.name in MADE]
    assert {path.stat().st_uid for path in made} == {0}
    assert not Path(TOP).exists()
    assert not Path("/toolkit-test-nothing").exists()


def _named(value: Any, named: Callable[[str], str]) -> Any:  # noqa: ANN401 - an option's value
    if isinstance(value, dict):
        return {key: named(each) for key, each in value.items()}
    return named(value)


def check(answer: dict[str, Any], source: str, owner: Sequence[int] = (0, 0)) -> None:
    """Both have seen each other's file, and the engine was given what it had to be."""
    assert "error" not in answer, answer
    assert (answer["code"], answer["output"]) == (0, "by the application\n")
    assert (answer["answer"], answer["owner"]) == ("by the block", list(owner))
    assert answer["mount"] == ["bind" if source.startswith("/") else "volume", source]
    assert answer["bind_dir"] == str(Path(source)) or not source.startswith("/")


@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if type(shape) is Works])
def test_a_shape_that_works(
    said: tuple[dict[str, dict[str, Any]], str], named: Callable[[str], str], name: str
) -> None:
    shape = SHAPES[name]
    assert isinstance(shape, Works)
    check(said[0][name], named(shape.source))


@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if type(shape) is Fails])
def test_a_shape_that_cannot_work_is_an_error(
    said: tuple[dict[str, dict[str, Any]], str],
    named: Callable[[str], str],
    base_image: str,
    name: str,
) -> None:
    """Never an empty folder of the host instead."""
    shape = SHAPES[name]
    assert isinstance(shape, Fails)
    assert said[0][name] == {
        "error": f"Failed to start container from image {base_image}. Logs: {named(shape.error)}",
        "hint": named(shape.hint),
    }


def test_a_mount_inside_the_work_dir_is_warned_of(
    said: tuple[dict[str, dict[str, Any]], str],
) -> None:
    inner = f"{TOP}/nesting/volume"
    assert said[1] == f"folder {TOP}/nesting has mounts in it that code will not see: {inner}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[str]:
    """The options that mount a folder of the host at TOP; it is used, and nothing beside it."""
    place = tmp_path / "folder"
    place.mkdir()
    yield str(place)
    assert content(tmp_path) == {"folder", *(f"folder/{name}" for name in MADE)}


def mounted(folder: str) -> dict[str, Any]:
    return {"mounts": [mount(f"type=bind,source={folder},target={TOP}")]}


@pytest.mark.parametrize(
    "options",
    [
        {"uts_mode": "host"},
        {"network_mode": "host"},
        {"hostname": "other", "cgroupns": "private", "network_mode": "none"},
    ],
    ids=str,
)
def test_whatever_names_the_container(
    application: Run, folder: str, options: Mapping[str, str]
) -> None:
    (answer,), warnings = application({**options, **mounted(folder)}, {"work_dir": TOP})
    check(answer, folder)
    assert warnings == ""


@pytest.fixture(scope="module")
def neighbour(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Another container, which has another folder at the same path; gives its id."""
    other = tmp_path_factory.mktemp("other")
    client = docker.from_env()
    command, options = ["sleep", "300"], mounted(str(other))
    made = client.containers.run(base_image, command, detach=True, labels={KEY: RUN}, **options)
    yield str(made.id)
    made.remove(force=True)
    client.close()
    assert content(other) == set()


@pytest.mark.parametrize("cgroup", ["host", "private"])
def test_the_network_of_another_container(
    application: Run, folder: str, neighbour: str, cgroup: str
) -> None:
    """The host name and the files in /etc name that one; with a private cgroup nothing the own."""
    options = {"network_mode": f"container:{neighbour}", "cgroupns": cgroup}
    (answer,), _ = application({**options, **mounted(folder)}, {"work_dir": TOP})
    check(answer, folder)


def test_a_user_without_roots_rights(application: Run, folder: str) -> None:
    os.chown(folder, 1234, 1234)
    options = {"user": "1234:1234", "group_add": [str(SOCKET.stat().st_gid)]}
    (answer,), _ = application({**options, **mounted(folder)}, {"work_dir": TOP})
    check(answer, folder, (1234, 1234))
    assert {path.stat().st_uid for path in Path(folder).iterdir()} == {1234}


def test_two_applications_at_once_in_one_folder(application: Run, folder: str) -> None:
    """Neither takes the other's proof for its own, nor for a leftover."""
    with ThreadPoolExecutor() as threads:
        asked = [{"work_dir": TOP}] * 2
        both = [threads.submit(application, mounted(folder), *asked) for _ in range(2)]
    for answers, _ in (each.result() for each in both):
        for answer in answers:
            check(answer, folder)


@pytest.mark.parametrize("transfer", ["bind", "copy"])
def test_two_executors_at_once_on_one_work_dir(
    application: Run, tmp_path: Path, transfer: str
) -> None:
    """What a block of the one makes is there for a block of the other, and the other way round."""
    asked = {"work_dir": TOP, "transfer": transfer, "executors": 2}
    (answer,), _ = application(mounted(str(tmp_path)), asked)
    check(answer, str(tmp_path) if transfer == "bind" else "")
    assert answer["second"] == [
        {"code": 0, "output": "by the block\n", "answer": "by the other block"}
    ]
    assert content(tmp_path) == MADE | {"second.py", "second.txt"}


def test_a_socket_without_permission(application: Run, tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1234)
    options = {"user": "1234:1234", **mounted(str(tmp_path))}
    (answer,), _ = application(options, {"work_dir": TOP})
    assert answer["error"].endswith("docker.sock cannot be reached: permission denied)")
    assert answer["hint"] == f"start this container with `--group-add {SOCKET.stat().st_gid}`"
    assert list(tmp_path.iterdir()) == []


def test_a_socket_that_is_a_folder(application: Run, tmp_path: Path) -> None:
    """As docker makes it where there was none."""
    (socket := tmp_path / "socket").mkdir()
    (answer,), _ = application(mounted(str(tmp_path)), {"work_dir": TOP}, socket=socket)
    assert answer["error"].endswith("the path is a directory, not a socket)")
    assert answer["hint"] == (
        "remove the directory, which is what mounting a missing socket makes, and mount the "
        "engine's socket"
    )
    assert content(tmp_path) == {"socket"}
