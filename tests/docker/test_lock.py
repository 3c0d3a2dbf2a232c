"""Locks, by uv and the package index: made, read, kept to, and found again in the image."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.docker.conftest import Cli
from tests.docker.package_index import serving
from toolkit.container import ContainerOptions
from toolkit.engine import Engine
from toolkit.lifecycle import ContainerManager

pytestmark = pytest.mark.docker

UV_LOCK = Path(__file__).parents[1] / "cases" / "uv_lock"
TARGET = ("--python", "3.11", "--platform", "linux/amd64")
NAMES = """
from importlib.metadata import distributions
print(*sorted(f"{each.name.lower()}=={each.version}" for each in distributions()))
"""


def locked(cli: Cli, file: str = "pylock.toml") -> dict[str, Any]:
    """The packages of a lock, by name."""
    packages = tomllib.loads((cli.folder / file).read_text())["packages"]
    return {each["name"]: each for each in packages}


def built(cli: Cli, *arguments: str) -> str:
    answer = cli("build-image", *arguments)
    assert answer.code == 0, answer.stderr
    return answer.stdout.strip()


def installed(engine: Engine, image: str) -> set[str]:
    """What is installed in an image, but for pip."""
    with ContainerManager(engine) as manager:
        container = manager.start(ContainerOptions(image=image, network="none"))
        result = container.run(["python", "-c", NAMES], timeout=60)
    assert result.exit_code == 0, result.stderr
    return {each for each in result.stdout.decode().split() if not each.startswith("pip==")}


def files(engine: Engine, image: str) -> dict[str, tuple[Any, ...]]:
    """Every file of the environment: its kind, mode, owner, time, and what is in it."""
    with ContainerManager(engine) as manager:
        container = manager.start(ContainerOptions(image=image, network="none"))
        where = f"/containers/{container.id}/archive"
        with engine.open("GET", where, doing="reading", params={"path": "/opt/venv"}) as answer:
            data = b"".join(answer.chunks())
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for each in tar:
            file = tar.extractfile(each) if each.isfile() else None
            content = hashlib.sha256(file.read()).hexdigest() if file else each.linkname
            found[each.name] = (each.type, each.mode, each.uid, each.gid, int(each.mtime), content)
    return found


def test_a_lock_is_made_and_kept_to(cli: Cli, name: str, first_engine: Engine) -> None:
    cli.write("idna<3.9", "six", "colorama ; sys_platform == 'win32'")
    answer = cli("lock", "--deps", "requirements.txt", *TARGET)
    assert (answer.code, answer.stdout) == (0, "pylock.toml\n"), answer.stderr
    packages = locked(cli)
    assert packages.keys() == {"idna", "six"}
    assert packages["idna"]["version"] == "3.8"
    image = built(cli, "--deps", "pylock.toml", "--locked", "--name", name)
    assert installed(first_engine, image) == {"idna==3.8", f"six=={packages['six']['version']}"}


def test_a_locked_version_stays_until_it_is_named(cli: Cli) -> None:
    cli.write("idna<3.9")
    assert cli("lock", "--deps", "requirements.txt", *TARGET).code == 0
    cli.write("idna")
    assert cli("lock", "--deps", "requirements.txt", *TARGET).code == 0
    assert locked(cli)["idna"]["version"] == "3.8"
    assert cli("lock", "--deps", "requirements.txt", *TARGET, "--upgrade", "idna").code == 0
    assert locked(cli)["idna"]["version"] != "3.8"


def test_what_was_uploaded_later_is_overlooked(cli: Cli) -> None:
    answer = cli("lock", "--with", "idna", *TARGET, "--exclude-newer", "2022-01-01", "-o", "-")
    assert answer.code == 0, answer.stderr
    assert [each["version"] for each in tomllib.loads(answer.stdout)["packages"]] == ["3.3"]


def test_a_lock_for_another_machine_has_its_wheels(cli: Cli) -> None:
    answer = cli("lock", "--with", "markupsafe", "--python", "3.12", "--platform", "linux/arm64")
    assert answer.code == 0, answer.stderr
    wheels = [each["url"] for each in locked(cli)["markupsafe"]["wheels"]]
    assert any("cp312" in each and "aarch64" in each for each in wheels)
    assert not any("win" in each or "x86_64" in each for each in wheels)


def test_a_lock_for_another_platform_takes_the_python_of_the_base(cli: Cli) -> None:
    """The base itself need not be for that platform: nothing is built."""
    answer = cli("lock", "--with", "markupsafe", "--platform", "linux/arm64")
    assert answer.code == 0, answer.stderr
    wheels = [each["url"] for each in locked(cli)["markupsafe"]["wheels"]]
    assert any("aarch64" in each for each in wheels)
    assert not any("x86_64" in each for each in wheels)


def test_without_a_python_a_lock_is_for_the_base(cli: Cli) -> None:
    answer = cli("lock", "--with", "six", "-o", "pylock.dev.toml")
    assert (answer.code, answer.stdout) == (0, "pylock.dev.toml\n"), answer.stderr
    document = tomllib.loads((cli.folder / "pylock.dev.toml").read_text())
    assert document["requires-python"].startswith(">=3.")


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (
            ["--with", "six==0.0.99", *TARGET],
            (
                "--with: No solution found when resolving dependencies cause: Because there is no "
                "version of six==0.0.99 and you require six==0.0.99, we can conclude that your "
                "requirements are unsatisfiable."
            ),
            "change what is asked for, or the Python, with --python",
        ),
        (
            ["--with", "six", *TARGET, "-o", "lock.toml"],
            "'lock.toml' is not the name of a lock of PEP 751",
            "name it pylock.toml, or pylock.NAME.toml",
        ),
        (
            ["--with", "six", "--python", "3.11", "--platform", "linux/s390x"],
            "no lock can be made for linux/s390x",
            "name linux/amd64 or linux/arm64 with --platform",
        ),
        (
            ["--with", "six", "--python", "3.11", "--platform", "windows"],
            "'windows' is not a platform of containers",
            "write it as in: linux/arm64",
        ),
        (
            ["--deps", "pylock.toml", *TARGET],
            "pylock.toml is a lock already",
            "give the file that it was made from",
        ),
    ],
)
def test_what_cannot_be_locked_is_refused(
    cli: Cli, arguments: list[str], message: str, hint: str
) -> None:
    cli.write('lock-version = "1.0"', 'created-by = "x"', "packages = []", file="pylock.toml")
    answer = cli("lock", *arguments)
    assert (answer.code, answer.error, answer.hint) == (3, message, hint)


def test_an_image_toml_names_its_lock_and_is_built_from_it(
    cli: Cli, name: str, first_engine: Engine
) -> None:
    """One command writes it, from a machine that need not be asked; then only it counts."""
    cli.write('packages = ["idna<3.9"]', 'lock = "pylock.toml"', file="a/image.toml")
    spec = ("--spec", "a/image.toml")
    refused = cli("build-image", *spec)
    assert refused.refused(3) == (
        "a/pylock.toml: there is no such lock",
        "write it with `toolkit lock --spec FILE`, or build with --unlocked",
    )
    answer = cli("lock", *spec, *TARGET)
    assert (answer.code, answer.stdout) == (0, "a/pylock.toml\n"), answer.stderr
    image = built(cli, *spec, "--locked", "--name", name)
    assert installed(first_engine, image) == {"idna==3.8"}

    more = cli("build-image", *spec, "--with", "six")
    assert more.refused(3) == (
        "a/pylock.toml: 'six' is asked for, and was not when it was locked",
        "lock again with `toolkit lock --spec FILE`, or build with --unlocked",
    )
    image = built(cli, *spec, "--with", "six", "--unlocked", "--name", f"{name}-more")
    assert {each.partition("=")[0] for each in installed(first_engine, image)} == {"idna", "six"}


def test_a_universal_lock_is_for_every_machine(cli: Cli) -> None:
    """Each Python has its newest version, each machine its wheels, and none of others is named."""
    answer = cli("lock", "--with", "numpy", "--universal", "--python", "3.11")
    assert answer.code == 0, answer.stderr
    text = (cli.folder / "pylock.toml").read_text()
    packages = tomllib.loads(text)["packages"]
    assert len({each["version"] for each in packages}) > 1
    names = {each["url"].rpartition("/")[2] for found in packages for each in found["wheels"]}
    for tag in ("cp311", "cp312", "cp313", "manylinux", "musllinux", "x86_64", "aarch64"):
        assert any(tag in each for each in names), tag
    assert not any(system in each for each in names for system in ("win", "macosx"))


def test_a_lock_names_no_mirror_and_is_of_use_without_it(
    cli: Cli, name: str, first_engine: Engine
) -> None:
    """What an index of this machine's settings has is known by its name and its hash."""
    folder = cli.folder / "mirror"
    folder.mkdir()
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run([*pip, "iniconfig"], check=True)
    (wheel,) = folder.iterdir()
    with serving(folder, "127.0.0.1") as port:
        settings = {"PIP_INDEX_URL": f"http://127.0.0.1:{port}/simple", "NO_PROXY": "127.0.0.1"}
        uv = cli("lock", "--with", "six", *TARGET, "-o", "-")  # which has uv fetched
        answer = cli("lock", "--with", "iniconfig", *TARGET, env=settings)
    assert (uv.code, answer.code) == (0, 0), answer.stderr
    (found,) = locked(cli)["iniconfig"]["wheels"]
    assert found["path"] == wheel.name
    assert "127.0.0.1" not in (cli.folder / "pylock.toml").read_text()
    image = built(cli, "--deps", "pylock.toml", "--locked", "--name", name)
    assert installed(first_engine, image) == {f"iniconfig=={locked(cli)['iniconfig']['version']}"}


def test_a_build_that_must_be_locked_takes_nothing_else(cli: Cli) -> None:
    cli.write("six", "idna==3.8")
    answer = cli("build-image", "--deps", "requirements.txt", "--locked")
    assert answer.refused(3) == (
        "requirements.txt:1: six is not locked\nrequirements.txt:2: idna is not locked",
        "write a lock with `toolkit lock`, and give that with --deps",
    )


def test_two_builds_from_a_lock_are_the_same_file_by_file(
    cli: Cli, name: str, first_engine: Engine
) -> None:
    """Names, kinds, modes, owners, times and bytes, whatever had been there before."""
    environment = {"SOURCE_DATE_EPOCH": "1767225600"}
    assert cli("lock", "--with", "markupsafe", "--with", "idna", *TARGET).code == 0
    command = ("build-image", "--deps", "pylock.toml", "--locked", "--no-cache")
    images = [cli(*command, "--name", f"{name}-{n}", env=environment) for n in range(2)]
    assert [each.code for each in images] == [0, 0], images[0].stderr
    one, other = (files(first_engine, each.stdout.strip()) for each in images)
    assert len(one) > 100
    assert one == other


def test_the_record_of_an_image_is_a_lock(cli: Cli, name: str, first_engine: Engine) -> None:
    """What was resolved once can be built again, exactly."""
    cli.write("idna<3.9", "six")
    first = built(cli, "--deps", "requirements.txt", "--name", name)
    shown = cli("images", "inspect", first, "--lock")
    assert shown.code == 0, shown.stderr
    assert {each["name"] for each in tomllib.loads(shown.stdout)["packages"]} == {"idna", "six"}
    (cli.folder / "pylock.toml").write_text(shown.stdout)
    again = built(cli, "--deps", "pylock.toml", "--locked", "--name", f"{name}-again")
    assert installed(first_engine, again) == installed(first_engine, first)


def test_a_lock_of_uv_is_installed_as_it_is(cli: Cli, name: str, first_engine: Engine) -> None:
    """With what was asked for by name, and the folders of its workspace, but not the project."""
    shutil.copytree(UV_LOCK, cli.folder, dirs_exist_ok=True)
    names = ("--extra", "net", "--group", "test")
    image = built(cli, "--deps", ".", *names, "--locked", "--name", name)
    versions = {
        each["name"]: each["version"]
        for each in tomllib.loads((UV_LOCK / "uv.lock").read_text())["package"]
    }
    wanted = {"idna", "core", "certifi", "iniconfig"}
    assert installed(first_engine, image) == {f"{each}=={versions[each]}" for each in wanted}


def test_a_lock_of_uv_that_is_out_of_date_is_refused(cli: Cli) -> None:
    shutil.copytree(UV_LOCK, cli.folder, dirs_exist_ok=True)
    project = cli.folder / "pyproject.toml"
    project.write_text(project.read_text().replace('"idna"', '"idna", "tomli"'))
    answer = cli("build-image", "--deps", "uv.lock")
    assert answer.refused(3) == (
        "uv.lock: the lock is older than the pyproject.toml beside it, and says something else",
        "run `uv lock`",
    )
