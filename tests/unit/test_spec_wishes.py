"""A file's wishes are read with all their problems, and go under those of a command line."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from toolkit import deps
from toolkit.deps import Dependencies
from toolkit.errors import SpecError
from toolkit.spec import Check, ImageSpec, Wishes, load
from toolkit.spec.fields import ALL

NO_LOGIN = "has a login, which belongs in a netrc file: --secret id=netrc"
NO_PATH = "is not an absolute path of letters, digits and `_.+@%=-` without `.` or `..`"


def write(folder: Path, text: str) -> Path:
    path = folder / "image.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str) -> list[str]:
    """What is wrong with it, each without the file's name."""
    path = write(folder, text)
    with pytest.raises(SpecError) as caught:
        load(path)
    return [line.removeprefix(f"{path}: ") for line in str(caught.value).split("\n")]


def test_a_file_gives_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "motd").write_text("hello\n")
    (tmp_path / "verify.py").write_text("import six\n")
    path = write(
        tmp_path,
        """
        deps = ["requirements.txt"]
        packages = ["six"]
        extras = ["plots"]
        groups = ["test"]
        description = "An image"
        platform = "linux/arm64/v8"
        apt-build = ["gcc"]
        user = "1000:1000"
        workdir = "/srv/app"
        secrets = ["pip.conf"]
        verify = ["python -m six", { file = "verify.py" }]

        [environment]
        TZ = "UTC"

        [files]
        "/etc/motd" = "motd"
        "/usr/bin/it" = { source = "motd", mode = "755" }
        """,
    )
    wishes = load(path)
    assert wishes.paths == (tmp_path / "requirements.txt",)
    selection = wishes.selection
    assert (selection.packages, selection.extras, selection.groups) == (
        ("six",),
        ("plots",),
        ("test",),
    )
    spec = ImageSpec.of(wishes, Dependencies())
    assert (spec.description, spec.platform, spec.apt_build) == (
        "An image",
        "linux/arm64/v8",
        ("gcc",),
    )
    assert (spec.user, spec.workdir, spec.secrets) == ("1000:1000", "/srv/app", ("pip.conf",))
    assert spec.environment == (("TZ", "UTC"),)
    assert [(file.target, file.mode, file.content.size) for file in spec.files] == [
        ("/etc/motd", 0o644, 6),
        ("/usr/bin/it", 0o755, 6),
    ]
    assert spec.verify == (
        Check("python -m six", ("sh", "-c", "python -m six")),
        Check("verify.py", ("python", "-"), b"import six\n", tmp_path / "verify.py"),
    )


def test_all_problems_of_a_file_are_told_at_once_each_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "script.pl").touch()
    assert refused(
        tmp_path,
        """
        apt = ["libgl1", 7]
        enviroment = { A = "b" }
        user = "root"
        workdir = "srv"
        python = 3.12
        platform = "arm64"
        deps = "requirements.txt"
        verify = [{ file = "script.pl" }, { command = "x" }, ""]
        [files]
        "/etc/$HOME" = "absent"
        "/etc/x" = { mode = "4755", sourse = "y" }
        "/opt/venv/x" = "script.pl"
        [labels]
        a = 1
        """,
    ) == [
        "deps: expected a list, got str",
        "python: expected a string, got float",
        "platform: 'arm64' is not a platform such as linux/arm64",
        "apt[1]: expected a string, got int",
        "user: 'root' is not a uid, or uid:gid, in numbers",
        f"workdir: 'srv' {NO_PATH}",
        "verify[0].file: 'script.pl' ends neither in .py nor in .sh",
        "verify[1].command: unknown key",
        "verify[1].file: expected a string, got NoneType",
        "verify[2]: the command is empty",
        "labels.a: expected a string, got int",
        f"files./etc/$HOME: '/etc/$HOME' {NO_PATH}",
        "files./etc/$HOME: 'absent' cannot be read: No such file or directory",
        "files./etc/x.sourse: unknown key",
        "files./etc/x.mode: '4755' is not a mode such as 0644",
        "files./etc/x: has no source",
        "files./opt/venv/x: '/opt/venv/x' is in /opt/venv, which is not the spec's",
        "enviroment: unknown key, did you mean 'environment'?",
    ]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://me:hunter2@a.example/", f"'https://***@a.example/' {NO_LOGIN}"),
        ("ftp://a.example", "the index 'ftp://a.example' is not a URL that a build can reach"),
        ("https://me:hunter2@i\n/", "'https://***@i\\n/' holds a control character at position 13"),
    ],
)
def test_an_index_is_a_url_and_no_login(url: str, problem: str) -> None:
    """A file that is kept with the project tells it to everybody, and so would we."""
    with pytest.raises(SpecError) as caught:
        Wishes.read({"index": url})
    assert str(caught.value) == f"index: {problem}"


def test_an_index_counts_more_than_that_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("--index-url https://file.example/simple\nsix\n")
    wishes = Wishes.read({"index": "https://spec.example/simple", "packages": ["attrs"]})
    read = deps.read([path], env={}, selection=wishes.selection)
    assert read.options.index_url == "https://spec.example/simple"


def test_what_a_file_names_lies_beside_it(tmp_path: Path) -> None:
    """Else a project of somebody's could have a key of the user's put into an image."""
    (tmp_path / "key").write_text("secret")
    project = tmp_path / "project"
    (project / "sub").mkdir(parents=True)
    (project / "link").symlink_to(tmp_path / "key")
    text = """
        deps = ["sub/../../requirements.txt"]
        template = "link"
        verify = [{ file = "/etc/profile.d/x.sh" }]
        [files]
        "/a" = "../key"
        "/b" = "link"
        """
    words = "leaves the project's folder, which only --allow-outside allows"
    assert refused(project, text) == [
        f"deps[0]: 'sub/../../requirements.txt' {words}",
        f"template: 'link' {words}",
        f"verify[0].file: '/etc/profile.d/x.sh' {words}",
        f"files./a: '../key' {words}",
        f"files./b: 'link' {words}",
    ]
    path = write(project / "sub", 'files = { "/c" = "../link", "/d" = "../sub/image.toml" }')
    with pytest.raises(SpecError) as caught:
        load(path, root=project)
    assert str(caught.value) == f"{path}: files./c: '../link' {words}"
    assert len(load(path, allow_outside=True).values["files"]) == 2


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    assert refused(tmp_path, "apt = [\nx") == [
        "the file is not TOML: Invalid value (at line 2, column 1)"
    ]
    with pytest.raises(SpecError) as caught:
        load(tmp_path / "none.toml")
    assert str(caught.value) == f"{tmp_path / 'none.toml'}: no such file or directory"
    assert caught.value.hint == "name an image.toml, or make one by `toolkit init`"


TEXTS = st.text(max_size=9) | st.sampled_from(
    ["x", "3.12", "a:1", "A=b", "/a", "../..", "\0", "x" * 300, "9" * 5000, "linux/amd64", "${X}"]
)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.floats() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
TABLES = st.dictionaries(st.sampled_from([*ALL, "unknown"]), VALUES, max_size=4)
BROKEN = ("apt = " + "[" * 9999, "apt = " + "9" * 5000, "a.b.c = 1", "[[verify]]", "[files.x]")


@given(st.text() | st.sampled_from(BROKEN) | TABLES.map(tomli_w.dumps))
def test_no_text_makes_a_traceback(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    path = folder / "any.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(SpecError):
        wishes = load(path)
        assert str(ImageSpec.of(wishes, Dependencies()).wanted_base)
        assert wishes.plain(folder).keys() == wishes.values.keys()


def test_an_option_counts_more_than_the_file_and_lists_are_added_to() -> None:
    below = Wishes.read({"base": "a:1", "python": "3.11", "environment": {"A": "1", "B": "1"}})
    above = Wishes.read(
        {"base": "b:1", "apt": ["c1", "a1", "g++"], "environment": ["A=2"], "user": "7"}
    )
    assert above.over(Wishes.read({"apt": ["b1", "a1"]})).values["apt"] == (
        "b1",
        "a1",
        "c1",
        "g++",
    )
    spec = ImageSpec.of(above.over(below), Dependencies())
    assert (str(spec.base), spec.python, spec.user) == ("b:1", "3.11", "7")
    assert spec.environment == (("A", "2"), ("B", "1"))
