"""`toolkit build-image` on a real engine: what it reuses, what it builds, what it says."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.docker.conftest import RUN, Answer, Cli, Started, images_of, remove_named
from tests.docker.packages import PLAIN, write_project
from toolkit import labels
from toolkit.container import ContainerOptions
from toolkit.engine import Engine
from toolkit.lifecycle import ContainerManager

pytestmark = pytest.mark.docker

INSTALLING = "install.sh"
STRANGER = "54321:54321"


@pytest.fixture
def build(cli: Cli, name: str) -> Build:
    return Build(cli, name)


class Build:
    """Builds of one name from the folder's `requirements.txt`, which must succeed."""

    def __init__(self, cli: Cli, name: str) -> None:
        self._cli = cli
        self.name = name

    def __call__(self, *arguments: str) -> Answer:
        command = ("build-image", "--deps", "requirements.txt", "--name", self.name, *arguments)
        answer = self._cli(*command)
        assert answer.code == 0, answer.stderr
        return answer


def inspected(engine: Engine, image: str) -> dict[str, Any]:
    found = engine.inspect_image(image.strip())
    assert found is not None
    return found


def labels_of(engine: Engine, image: str) -> Mapping[str, str]:
    found: Mapping[str, str] = inspected(engine, image)["Config"]["Labels"]
    return found


# What is done, and what is not.


def test_what_was_built_is_reused_and_nothing_runs(build: Build, cli: Cli) -> None:
    cli.write(cli.wheel("tk_plain"))
    first = build()
    second = build()
    assert first.stdout == second.stdout
    assert first.stdout.startswith(f"toolkit/{build.name}:")
    assert INSTALLING in first.stderr
    assert second.stderr == f"Reused {first.stdout.strip()}: nothing to do\n"


def test_the_same_project_elsewhere_is_the_same_image(build: Build, cli: Cli) -> None:
    """Neither the folder nor times, modes, comments and ways of writing a path count."""
    cli.write("# a comment", cli.wheel("tk_plain"))
    first = build()
    copy = cli.folder.parent / "elsewhere"
    shutil.copytree(cli.folder, copy, copy_function=shutil.copyfile)
    (copy / "requirements.txt").write_text("./tk_plain-1.0-py3-none-any.whl # another comment")
    again = Build(Cli(copy, cli.environment, cli.pids), build.name)()
    assert again.stdout == first.stdout
    assert "nothing to do" in again.stderr


def test_a_rebuild_takes_what_is_cached_and_no_cache_nothing(
    build: Build, cli: Cli, first_engine: Engine
) -> None:
    """Either leaves one image of the name, and verifies it."""
    cli.write(cli.wheel("tk_plain"))
    name = build().stdout
    rebuilt = build("--rebuild")
    assert rebuilt.stdout == name
    assert INSTALLING not in rebuilt.stderr
    assert "Verifying" in rebuilt.stderr
    anew = build("--no-cache")
    assert anew.stdout == name
    assert INSTALLING in anew.stderr
    assert "Verifying" in anew.stderr
    assert images_of(first_engine, build.name) == [inspected(first_engine, name)["Id"]]


def test_what_was_not_verified_is_verified_by_who_asks_for_it(
    build: Build, cli: Cli, first_engine: Engine
) -> None:
    cli.write(cli.wheel("tk_plain"))
    unproven = build("--no-verify")
    assert "Verifying" not in unproven.stderr
    assert labels_of(first_engine, unproven.stdout)[labels.UNVERIFIED] == "1"
    assert "nothing to do" in build("--no-verify").stderr
    proven = build()
    assert "Verifying" in proven.stderr
    assert labels_of(first_engine, proven.stdout)[labels.UNVERIFIED] == ""
    assert "nothing to do" in build("--no-verify").stderr
    assert len(images_of(first_engine, build.name)) == 1


def test_builds_of_the_same_at_once_end_in_one_image(
    build: Build, cli: Cli, first_engine: Engine
) -> None:
    """Two of one user, of which one waits, and one of another, who has a lock of his own."""
    cli.write(cli.wheel("tk_plain"))
    command = ("build-image", "--deps", "requirements.txt", "--name", build.name, "--json")
    other = {"XDG_CACHE_HOME": str(cli.folder / "cache-of-another")}
    answers = [
        cli.ended(each) for each in [cli.start(*command, env=env) for env in ({}, {}, other)]
    ]
    assert [answer.code for answer in answers] == [0, 0, 0], answers
    said = [json.loads(answer.stdout) for answer in answers]
    assert sorted(each["action"] for each in said[:2]) == ["built", "reused"]
    found = {(each["image"], each["id"]) for each in said}
    assert len(found) == 1, said
    ((name, image_id),) = found
    assert inspected(first_engine, name)["Id"] == image_id
    assert images_of(first_engine, build.name) == [image_id]


# What is said.


def test_explain_names_what_has_changed(build: Build, cli: Cli) -> None:
    cli.write(cli.wheel("tk_plain"))
    first = build("--explain")
    assert f"No image named toolkit/{build.name} has been built here before\n" in first.stderr
    assert "Nothing has changed\n" in build("--explain").stderr
    cli.write(cli.wheel("tk_plain", version="2.0"))
    changed = build("--explain", "--json", "--no-verify")
    assert json.loads(changed.stdout)["changes"] == [
        "install/local/0 was changed",
        "install/requirements.txt was changed",
    ]


def test_json_says_what_there_is_to_know(
    build: Build, cli: Cli, first_engine: Engine, base_image: str
) -> None:
    cli.write(cli.wheel("tk_plain"))
    tag = f"t-{RUN}-other:1"
    said = json.loads(build("--json", "--tag", tag).stdout)
    image = inspected(first_engine, said["image"])
    assert said == {
        "version": 1,
        "image": f"toolkit/{build.name}:{said['digest'][:12]}",
        "id": image["Id"],
        "digest": image["Config"]["Labels"][labels.DIGEST],
        "action": "built",
        "base": base_image,
        "size": image["Size"],
        "tags": [tag],
        "changes": [],
        "shared": None,
    }
    assert inspected(first_engine, tag)["Id"] == image["Id"]
    assert json.loads(build("--json").stdout) == {**said, "action": "reused", "tags": []}


def test_quiet_says_the_name_and_nothing_else(build: Build, cli: Cli) -> None:
    cli.write(cli.wheel("tk_plain"))
    for answer in (build("--quiet"), build("--quiet")):
        assert answer.stderr == ""
        assert answer.stdout.startswith(f"toolkit/{build.name}:")
        assert answer.stdout.count("\n") == 1


def test_verbose_shows_what_the_steps_say(build: Build, cli: Cli) -> None:
    write_project(cli.folder / "tk_chatty", PLAIN)
    cli.write("./tk_chatty")
    assert "cached" in build("--verbose", "--no-verify").stderr


# What the image is.


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory,
    environment: Mapping[str, str],
    started: Started,
    first_engine: Engine,
) -> Iterator[str]:
    """An image with one package, for the tests that only look at it."""
    name = f"t-{RUN}-built"
    cli = Cli(tmp_path_factory.mktemp("project"), environment, started.pids)
    cli.write(cli.wheel("tk_plain"))
    odd = r"""a "quoted" $HOME \ `true` 'value' # {{ x }}"""
    yield Build(cli, name)("--env", f"ODD={odd}", "--label", f"odd={odd}").stdout.strip()
    remove_named(first_engine, name)


@pytest.fixture(scope="module")
def inside(first_engine: Engine, built: str) -> Iterator[Inside]:
    with ContainerManager(first_engine) as manager:
        yield Inside(manager, built)


class Inside:
    """A container of the image under a uid that it has never heard of, without network."""

    def __init__(self, manager: ContainerManager, image: str) -> None:
        options = ContainerOptions(image=image, network="none", user=STRANGER)
        self.container = manager.start(options)

    def __call__(self, *argv: str) -> str:
        result = self.container.run(argv)
        assert result.exit_code == 0, result.stderr.decode()
        return result.stdout.decode()


def test_its_labels_tell_what_it_was_made_from(
    built: str, first_engine: Engine, base_image: str
) -> None:
    """The tag is the digest's beginning, and the base's name leads to the base."""
    found = labels_of(first_engine, built)
    assert found[labels.DIGEST][:12] == built.rpartition(":")[2]
    assert found[labels.NAME] == f"t-{RUN}-built"
    assert found[labels.BASE_NAME] == base_image
    base = inspected(first_engine, found[labels.BASE_NAME])
    layers = inspected(first_engine, built)["RootFS"]["Layers"]
    assert layers[: len(base["RootFS"]["Layers"])] == base["RootFS"]["Layers"]
    assert found[labels.BASE_DIGEST].startswith("sha256:")
    parts = json.loads(found[labels.INPUTS])
    assert parts["base"] == found[labels.BASE_DIGEST]
    assert (found[labels.EXCUSED], found[labels.UNVERIFIED]) == ("", "")
    assert not labels.is_ours(found), "an image must not make its containers look like ours"


def test_its_environment_and_labels_are_word_for_word(
    built: str, inside: Inside, first_engine: Engine
) -> None:
    expected = r"""a "quoted" $HOME \ `true` 'value' # {{ x }}"""
    assert labels_of(first_engine, built)["odd"] == expected
    assert inside("sh", "-c", 'printf %s "$ODD"') == expected


def test_it_has_sh_python_and_pip_and_they_are_its_own(inside: Inside) -> None:
    script = "command -v python; command -v pip; python -c 'import tk_plain'"
    assert inside("sh", "-c", script) == "/opt/venv/bin/python\n/opt/venv/bin/pip\n"


def test_any_uid_may_write_where_it_must(inside: Inside) -> None:
    assert inside("sh", "-c", "pwd; id -u; touch here ~/there; ls ~") == (
        "/workspace\n54321\nthere\n"
    )


def test_any_uid_may_install_more_without_a_network(inside: Inside, cli: Cli) -> None:
    wheel = cli.folder / cli.wheel("tk_later", {"tk_later.py": "ANSWER = 42\n"})
    inside.container.write(f"/tmp/{wheel.name}", wheel.read_bytes())
    inside("pip", "install", "--no-index", f"/tmp/{wheel.name}")
    assert inside("python", "-c", "import tk_later; print(tk_later.ANSWER)") == "42\n"
    inside("pip", "uninstall", "--yes", "tk_later", "tk_plain")


# What a requirements file may say.


def versions(cli: Cli, image: str, *names: str) -> list[str | None]:
    """The installed versions, None for what is not there."""
    code = (
        "import json, importlib.metadata as m\n"
        "there = {d.metadata['Name']: d.version for d in m.distributions()}\n"
        f"print(json.dumps([there.get(name) for name in {names!r}]))"
    )
    answer = cli("run", "--image", image.strip(), "-c", code)
    assert answer.code == 0, answer.stderr
    found: list[str | None] = json.loads(answer.stdout)
    return found


def test_every_form_of_requirement_is_installed(build: Build, cli: Cli) -> None:
    """Folder, wheel below a folder with spaces, extra, marker, constraint, included file."""
    write_project(cli.folder / "tk_folder", PLAIN)
    cli.wheel("tk_spaced", folder="with spaces")
    cli.wheel("tk_extra", folder="links", extras={"more": ["tk_more"]})
    for each in ("tk_more", "tk_marked", "tk_limited", "tk_included"):
        cli.wheel(each, folder="links")
        cli.wheel(each, folder="links", version="2.0")
    cli.write("tk_limited<2", file="limits.txt")
    cli.write("-c ../limits.txt", "tk_included ~= 1.0", file="more/others.txt")
    cli.write(
        *("--no-index", "--find-links links", "-r more/others.txt", "-e ./tk_folder"),
        *("./with spaces/tk_spaced-1.0-py3-none-any.whl", "tk_extra[more]", "tk_limited"),
        'tk_marked; python_version < "3"',
    )
    names = ("tk_folder", "tk_spaced", "tk_extra", "tk_more", "tk_limited", "tk_included")
    found = versions(cli, build().stdout, *names, "tk_marked")
    assert found == ["1.0", "1.0", "1.0", "2.0", "1.0", "1.0", None]


def test_a_hash_that_is_right_passes_and_one_that_is_wrong_does_not(
    build: Build, cli: Cli, first_engine: Engine
) -> None:
    wheel = cli.folder / cli.wheel("tk_hashed", folder="links")
    right = hashlib.sha256(wheel.read_bytes()).hexdigest()
    options = ("--no-index", "--find-links links")
    cli.write(*options, f"tk_hashed==1.0 --hash=sha256:{right}")
    before = build().stdout
    cli.write(*options, f"tk_hashed==1.0 --hash=sha256:{'0' * 64}")
    command = ("build-image", "--deps", "requirements.txt", "--name", build.name)
    error, _ = cli(*command).refused(6)
    assert error == "requirements.txt:3: tk-hashed has another hash than the one that is asked for"
    assert images_of(first_engine, build.name) == [inspected(first_engine, before)["Id"]]
