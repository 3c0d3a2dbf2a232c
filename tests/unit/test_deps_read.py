from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from toolkit.context import ContextFile
from toolkit.deps import CONTEXT_MOUNT, Dependencies, read
from toolkit.deps.sources import MAX_FILE_BYTES
from toolkit.errors import SpecError

A, B = "a" * 64, "b" * 64
WHEEL = "foo_bar-1.0+x-py3-none-any.whl"
AS_IN = "write it as in: name[extra]>=1.0; python_version > '3.11'"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder, current, so that messages have short names; a stranger beside it."""
    root = tmp_path / "my project"
    for name in (
        "pkg/pyproject.toml",
        "pkg/pkg/__init__.py",
        "my pkg/setup.py",
        ".hidden/setup.py",
        f"dist/{WHEEL}",
    ):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    (root / "dist" / "bar 1.tar.gz").write_bytes(b"sdist")
    (root / "dist" / "README").write_bytes(b"")
    (root / "empty").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "setup.py").write_bytes(b"")
    (tmp_path / "outside.txt").write_text("numpy\n")
    monkeypatch.chdir(root)
    return root


def put(**files: str) -> None:
    """Write files: `a="x"` is a.txt, and `sub__a="x"` is sub/a.txt."""
    for name, text in files.items():
        path = Path(name.replace("__", "/") + ".txt")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def ask(
    text: str, *, env: Mapping[str, str] | None = None, allow_outside: bool = False
) -> Dependencies:
    put(requirements=text)
    return read([Path("requirements.txt")], env=env or {}, allow_outside=allow_outside)


def written(dependencies: Dependencies) -> dict[str, str]:
    return {file.path: file.read().decode() for file in dependencies.context_files()}


def asked(text: str) -> list[str]:
    """What is written down for requirements."""
    return written(ask(text))["requirements.txt"].splitlines()


def refused(text: str) -> tuple[str, str | None]:
    with pytest.raises(SpecError) as caught:
        ask(text)
    return str(caught.value), caught.value.hint


@pytest.mark.parametrize(
    ("line", "canonical"),
    [
        ("numpy", "numpy"),
        ("Foo.Bar_baz", "foo-bar-baz"),
        ("foo [ b , a ] <2 ,>= 1", "foo[a,b]<2,>=1"),
        ("foo[A_b]", "foo[a-b]"),
        ("foo (>=1,<2)", "foo<2,>=1"),
        ("foo===weird", "foo===weird"),
        ("foo==1.*", "foo==1.*"),
        (
            "foo; python_version>'3' and os_name=='posix'",
            'foo ; python_version > "3" and os_name == "posix"',
        ),
        (
            f"foo==1 --hash=sha256:{B} --hash=sha256:{A}",
            f"foo==1 \\\n    --hash=sha256:{A} \\\n    --hash=sha256:{B}",
        ),
        # URLs
        ("foo @ https://h/foo.zip", "foo @ https://h/foo.zip"),
        ("foo@https://h/foo.zip#sha256=ab", "foo @ https://h/foo.zip#sha256=ab"),
        ("foo[x] @ https://h/f ; os_name=='a'", 'foo[x] @ https://h/f ; os_name == "a"'),
        ("https://h/foo.tar.gz", "https://h/foo.tar.gz"),
        ("https://h/foo.tar.gz#egg=Foo", "foo @ https://h/foo.tar.gz"),
        ("https://h/foo_bar-1-py3-none-any.whl", "foo-bar @ https://h/foo_bar-1-py3-none-any.whl"),
        ("HTTPS://EXAMPLE.org:8/a%20b'c", "https://example.org:8/a%20b%27c"),
        # VCS
        ("git+https://h/a/b", "git+https://h/a/b"),
        ("git+https://h/a/b@v1#egg=foo", "foo @ git+https://h/a/b@v1"),
        (
            "-e git+https://h/a/b.git@v1#egg=Foo[X,y]&subdirectory=c ; os_name=='a'",
            'foo[x,y] @ git+https://h/a/b.git@v1#subdirectory=c ; os_name == "a"',
        ),
        ("foo @ git+ssh://git@h/a/b", "foo @ git+ssh://git@h/a/b"),
        ("foo @ git+https://git@h/a/b", "foo @ git+https://h/a/b"),
    ],
)
@pytest.mark.usefixtures("project")
def test_a_requirement_has_one_canonical_form(line: str, canonical: str) -> None:
    """And the canonical form is read as itself."""
    assert "\n".join(asked(line)) == canonical
    assert "\n".join(asked(canonical)) == canonical


LOCAL = f"{CONTEXT_MOUNT}/local/0"
IN_BUILD = f"foo-bar @ file://{LOCAL}/foo_bar-1.0%2Bx-py3-none-any.whl"


@pytest.mark.parametrize(
    ("line", "canonical"),
    [
        ("./pkg", f"{LOCAL}/project"),
        ("pkg/", f"{LOCAL}/project"),
        ("-e ./pkg", f"{LOCAL}/project"),
        ("-e pkg", f"{LOCAL}/project"),  # which without the -e is a package of an index
        ("-e pkg[a] ; os_name=='a'", f'{LOCAL}/project[a] ; os_name == "a"'),
        ("./pkg[a, B]", f"{LOCAL}/project[a,b]"),
        ("./pkg[a] ; os_name=='a'", f'{LOCAL}/project[a] ; os_name == "a"'),
        ("-e ./pkg[a] ; os_name=='a'", f'{LOCAL}/project[a] ; os_name == "a"'),
        ("foo @ ./pkg", f"foo @ file://{LOCAL}/project"),
        ("foo[a] @ file:./pkg ; os_name=='a'", f'foo[a] @ file://{LOCAL}/project ; os_name == "a"'),
        ("file:pkg#egg=foo&subdirectory=x", f"foo @ file://{LOCAL}/project#subdirectory=x"),
        ("./pkg#egg=foo", f"foo @ file://{LOCAL}/project"),
        ("./pkg#subdirectory=x", f"file://{LOCAL}/project#subdirectory=x"),
        ("./my pkg", f"{LOCAL}/project"),
        ("./.hidden", f"{LOCAL}/project"),
        ("-e './my pkg'", f"{LOCAL}/project"),
        ("foo @ file:./my%20pkg", f"foo @ file://{LOCAL}/project"),
        (f"./dist/{WHEEL}", IN_BUILD),
        (f"dist/{WHEEL} --hash=sha256:{A}", f"{IN_BUILD} \\\n    --hash=sha256:{A}"),
        ("dist/bar 1.tar.gz", f"{LOCAL}/bar_1.tar.gz"),
        ("-f dist\npkg/", f"--find-links {LOCAL}/links\n{CONTEXT_MOUNT}/local/1/project"),
    ],
)
@pytest.mark.usefixtures("project")
def test_a_local_path_is_written_as_the_build_sees_it(line: str, canonical: str) -> None:
    assert "\n".join(asked(line)) == canonical


def test_a_path_may_be_absolute(project: Path) -> None:
    assert asked(f"{project}/pkg") == [f"{LOCAL}/project"]
    assert asked(f"foo @ file://{str(project).replace(' ', '%20')}/pkg") == [
        f"foo @ file://{LOCAL}/project"
    ]


def test_the_projects_own_folder_has_a_name_that_every_checkout_shares(project: Path) -> None:
    (project / "setup.py").write_bytes(b"")
    assert asked("-e .") == [f"{LOCAL}/project"]
    assert asked("-e pkg/..") == [f"{LOCAL}/project"]


@pytest.mark.usefixtures("project")
def test_local_files_travel_in_the_context() -> None:
    dependencies = ask(f"./pkg\n./dist/{WHEEL}\n./pkg[x]\n-f ./dist\n")
    assert [(each.at, each.kind, each.shown) for each in dependencies.local] == [
        ("local/0/project", "folder", "./pkg"),
        (f"local/1/{WHEEL}", "archive", f"./dist/{WHEEL}"),
        ("local/2/links", "links", "./dist"),
    ]
    assert [file.path for file in dependencies.context_files()] == [
        "requirements.txt",
        "local/0/project/pkg/__init__.py",
        "local/0/project/pyproject.toml",
        f"local/1/{WHEEL}",
        "local/2/links/bar 1.tar.gz",
        f"local/2/links/{WHEEL}",
    ]


@pytest.mark.parametrize(
    ("lines", "canonical"),
    [
        (["-i https://a/", "-i https://b/"], ["--index-url https://b/"]),
        (
            ["--extra-index-url https://b/", "--extra-index-url https://a/"],
            ["--extra-index-url https://b/", "--extra-index-url https://a/"],
        ),
        (["-f https://h/links.html"], ["--find-links https://h/links.html"]),
        (["--no-index"], ["--no-index"]),
        (["--no-binary Foo.Bar,b"], ["--no-binary b", "--no-binary foo-bar"]),
        (["--no-binary a", "--only-binary a"], ["--only-binary a"]),
        (["--no-binary a", "--only-binary :all:"], ["--only-binary :all:"]),
        (
            ["--only-binary :all:", "--no-binary 0a"],
            ["--only-binary :all:", "--no-binary 0a"],
        ),
        (["--no-binary a,b", "--no-binary :none:"], []),
        (["--no-binary a,:all:,:none:"], []),
        (["--pre --prefer-binary"], ["--pre", "--prefer-binary"]),
        (["--require-hashes"], ["--require-hashes"]),
        (
            ["--trusted-host B:1", "--trusted-host a"],
            ["--trusted-host a", "--trusted-host b:1"],
        ),
        (["--use-feature=fast-deps"], []),
        (['-i "https://h/a;b c\'d"'], ["--index-url https://h/a;b%20c%27d"]),
    ],
)
@pytest.mark.usefixtures("project")
def test_options_come_first_and_are_folded_as_pip_does(
    lines: list[str], canonical: list[str]
) -> None:
    assert asked("\n".join(["numpy", *lines])) == [*canonical, "numpy"]


def test_includes_are_read_beside_the_file_that_names_them(project: Path) -> None:
    put(
        reqs__dev="-r base.txt\n-c ../limits.txt\nsix\n",
        reqs__base="numpy\n-e ../pkg\n",
        limits="Pandas<3\nidna<4 # c\n",
    )
    dependencies = ask("-r reqs/dev.txt\nrequests\n")
    assert [(each.text, each.where) for each in dependencies.requirements] == [
        ("numpy", "reqs/base.txt:1"),
        (f"{LOCAL}/project", "reqs/base.txt:2"),
        ("six", "reqs/dev.txt:3"),
        ("requests", "requirements.txt:2"),
    ]
    assert [(each.text, each.where) for each in dependencies.constraints] == [
        ("pandas<3", "limits.txt:1"),
        ("idna<4", "limits.txt:2"),
    ]
    assert dependencies.files == (
        "requirements.txt", "reqs/dev.txt", "reqs/base.txt", "limits.txt",
    )  # fmt: skip
    assert written(dependencies)["constraints.txt"] == "idna<4\npandas<3\n"
    assert project.is_dir()


@pytest.mark.usefixtures("project")
def test_a_file_that_is_included_twice_is_read_once() -> None:
    put(a="-r c.txt\nsix", b="-r c.txt\nidna", c="numpy")
    requirements = ask("-r a.txt\n-r b.txt\n-r c.txt").requirements
    assert [each.text for each in requirements] == ["numpy", "six", "idna"]


@pytest.mark.usefixtures("project")
def test_a_file_can_be_both_requirements_and_constraints() -> None:
    put(a="numpy==2")
    assert written(ask("-r a.txt\n-c a.txt")) == {
        "requirements.txt": "numpy==2\n",
        "constraints.txt": "numpy==2\n",
    }


@pytest.mark.usefixtures("project")
def test_an_included_name_may_have_spaces_or_be_a_file_url() -> None:
    Path("a b.txt").write_text("numpy")
    assert asked("-r 'a b.txt'") == ["numpy"]
    assert asked("-r file:a%20b.txt") == ["numpy"]


@pytest.mark.usefixtures("project")
def test_several_files_are_one_wish() -> None:
    put(a="numpy", b="numpy\nsix")
    dependencies = read([Path("a.txt"), Path("b.txt")], env={})
    assert written(dependencies) == {"requirements.txt": "numpy\nsix\n"}
    assert dependencies.files == ("a.txt", "b.txt")


def test_the_same_wishes_give_the_same_context_wherever_they_lie(tmp_path: Path) -> None:
    contexts: list[tuple[ContextFile, ...]] = []
    for name in ("one", "two"):
        root = tmp_path / name
        (root / "pkg").mkdir(parents=True)
        (root / "setup.py").write_bytes(b"")
        (root / "pkg" / "setup.py").write_bytes(b"")
        (root / "r.in").write_text(f"# {name}\n-e .\n{root}/pkg\n./pkg[x]\n")
        (root / ".dockerignore").write_text("r.in")
        contexts.append(read([root / "r.in"], env={}).context_files())
    assert contexts[0] == contexts[1]


@pytest.mark.usefixtures("project")
def test_what_uv_overlooks_in_a_file_is_written_as_its_variables() -> None:
    files = written(ask("numpy\n--pre\n--trusted-host b\n--trusted-host a:1\n"))
    assert files["uv-environment.txt"] == "UV_PRERELEASE=allow\nUV_INSECURE_HOST=a:1 b\n"
    assert "uv-environment.txt" not in written(ask("numpy"))


@pytest.mark.usefixtures("project")
def test_needs_git_where_a_requirement_or_a_constraint_is_a_git_repository() -> None:
    put(c="six @ git+https://h/six")
    assert ask("numpy @ git+https://h/x").needs_git
    assert ask("numpy\n-c c.txt").needs_git


@pytest.mark.usefixtures("project")
def test_editable_is_recorded() -> None:
    assert [each.editable for each in ask("-e ./pkg\n./pkg").requirements] == [True, False]


def test_a_root_can_be_wider_than_the_files_folder(project: Path) -> None:
    """`requirements/dev.txt` may refer to the project around it where the caller says so."""
    put(requirements__dev="-r ../base.txt\n-e ./pkg\n", base="numpy")
    file = Path("requirements/dev.txt")
    dependencies = read([file], env={}, root=project)
    assert written(dependencies)["requirements.txt"] == f"numpy\n{LOCAL}/project\n"
    with pytest.raises(SpecError):
        read([file], env={})


LEAVES = "copy it into that folder, or allow it by --allow-outside"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("-e ../outside", "../outside"),
        ("foo @ file:../outside", "../outside"),
        ("-r ../outside.txt", "../outside.txt"),
        ("-c ../outside.txt", "../outside.txt"),
        ("-f ../outside", "../outside"),
        ("./link", "./link"),
        ("-r link.txt", "link.txt"),
        ("-f wheels", "wheels/x-1-py3-none-any.whl"),
        ("-r /etc/passwd", "/etc/passwd"),
        ("-r /etc/no-such-file", "/etc/no-such-file"),
    ],
)
def test_a_path_that_leaves_the_project_is_refused(project: Path, line: str, shown: str) -> None:
    (project / "link").symlink_to("../outside")
    (project / "link.txt").symlink_to("../outside.txt")
    (project / "wheels").mkdir()
    (project / "wheels" / "x-1-py3-none-any.whl").symlink_to("../../outside.txt")
    assert refused(line) == (
        f"requirements.txt:1: the path {shown!r} leaves the project's folder",
        LEAVES,
    )


def test_a_link_in_a_package_may_lead_anywhere_in_the_project(project: Path) -> None:
    (project / "pkg" / "LICENSE").symlink_to("../dist/README")
    assert "local/0/project/LICENSE" in written(ask("./pkg"))
    (project / "pkg" / "LICENSE").unlink()
    (project / "pkg" / "LICENSE").symlink_to("../../outside.txt")
    assert refused("./pkg")[0] == "requirements.txt:1: pkg/LICENSE: the link leaves the folder"
    assert "local/0/project/LICENSE" in written(ask("./pkg", allow_outside=True))


@pytest.mark.usefixtures("project")
def test_a_path_that_leaves_the_project_can_be_allowed() -> None:
    dependencies = ask("-r ../outside.txt\n../outside", allow_outside=True)
    assert written(dependencies) == {
        "requirements.txt": f"numpy\n{LOCAL}/project\n",
        "local/0/project/setup.py": "",
    }
    assert dependencies.files == ("requirements.txt", "../outside.txt")


@pytest.mark.parametrize(
    ("line", "problem", "hint"),
    [
        (
            "foo=1",
            "the requirement 'foo=1' cannot be understood from '=1' on",
            "write '==' for an exact version",
        ),
        ("foo bar", "the requirement 'foo bar' cannot be understood from 'bar' on", AS_IN),
        ("foo[a", "the requirement 'foo[a' is not complete", AS_IN),
        ("foo>=1.0.x", "the requirement 'foo>=1.0.x' cannot be understood from '.x' on", AS_IN),
        ("a;x", "the requirement 'a;x' cannot be understood from 'x' on", AS_IN),
        ("./pkg ; x", "the marker 'x' cannot be understood from 'x' on", AS_IN),
        (
            "$(touch x)",
            "the requirement '$(touch x)' cannot be understood from '$(touch x)' on",
            AS_IN,
        ),
        (
            "./pkg[a b]",
            "'a b' is not the name of a distribution or extra",
            "use letters, digits, '.', '_' and '-', with a letter or digit at either end",
        ),
        (
            "./gone",
            "there is no file or folder './gone'",
            "write the path as seen from the folder of the file that names it",
        ),
        (
            "-e numpy",
            "there is no file or folder 'numpy'",
            "write the path as seen from the folder of the file that names it",
        ),
        (
            "./pkg# c",
            "there is no file or folder './pkg# c'",
            "put a space before a ';' or '#' that is not part of the path",
        ),
        (
            "./pkg;python_version>'3'",
            "the marker in \"./pkg;python_version>'3'\" is glued to what is before it",
            "put a space before the ';'",
        ),
        (
            "foo @ https://h/x;python_version>'3'",
            "the marker in \"foo @ https://h/x;python_version>'3'\" is glued to what is before it",
            "put a space before the ';'",
        ),
        (
            "./empty",
            "the folder './empty' has neither a pyproject.toml nor a setup.py",
            "name the folder of a Python project",
        ),
        (
            "./dist/README",
            "the file './dist/README' is neither a wheel nor a source archive",
            "name a .whl, .tar.gz or .zip file, or the folder of a Python project",
        ),
        (
            "./bad.whl",
            "'bad.whl' is not the file name of a wheel",
            "give the wheel the name that it was built with",
        ),
        (
            "./foo-1-py3-none-any (1).whl",
            "'foo-1-py3-none-any (1).whl' is not the file name of a wheel",
            "give the wheel the name that it was built with",
        ),
        (
            "-f empty",
            "the --find-links folder 'empty' has no wheels or source archives in it",
            "put archives there, or remove the option",
        ),
        (
            "-f bad.whl",
            "--find-links 'bad.whl' is not a folder",
            "name the folder in which the archives lie",
        ),
        (
            "-r https://h/r.txt",
            "the included file 'https://h/r.txt' is not on this machine",
            "download it and include the local file",
        ),
        (
            "git@github.com:a/b.git",
            "'git@github.com:a/b.git' is git's short form of an address, not a URL",
            "write git+ssh://USER@HOST/PATH",
        ),
        (
            "git+git@github.com:a/b.git",
            "'git+git@github.com:a/b.git' is git's short form of an address, not a URL",
            "write git+ssh://USER@HOST/PATH",
        ),
        (
            "git+file:///srv/repo",
            "the repository 'git+file:///srv/repo' is on this machine, out of a build's reach",
            "refer to its folder as a path, such as ./folder",
        ),
        (
            "ftp://h/x.zip",
            "the URL 'ftp://h/x.zip' is of a kind that cannot be installed from",
            "use an http or https URL, or git+https, or git+ssh",
        ),
        ("https:///x.zip", "the URL 'https:///x.zip' names no host", "correct the URL"),
        ("https://[/x.zip", "the https URL is not valid", "correct its host and port"),
        (
            "foo @ file://server/x",
            "the file URL 'file://server/x' names another host",
            "write file:///PATH, or the path alone",
        ),
        (
            "-i https://h/a@b",
            "the URL 'https://***@b' has an '@' behind its host",
            "write '/', '?', '#' and '@' in a password as %2F, %3F, %23 and %40",
        ),
        (
            "-r file:%00",
            "the file URL 'file:%00' has a character that cannot be printed",
            "write the path as it is, or rename the file",
        ),
        (
            "./loop",
            "there is no file or folder './loop'",
            "write the path as seen from the folder of the file that names it",
        ),
        (
            "-i ./simple",
            "the index './simple' is not a URL that a build can reach",
            "give an http or https URL, or use --find-links for a folder",
        ),
        (
            "--no-binary ../x",
            "'--no-binary' is given '../x', which is not the name of a package",
            "give names separated by commas, ':all:' or ':none:'",
        ),
        (
            "--trusted-host a/b",
            "the trusted host 'a/b' is not a host name",
            "write it as HOST or HOST:PORT",
        ),
        (
            "numpy==${V}",
            "the environment variable V is not set",
            "set V, or remove ${V} from the file",
        ),
        (
            "-r requirements.txt",
            "the file includes itself: requirements.txt → requirements.txt",
            "break the circle of includes",
        ),
    ],
)
def test_a_bad_line_is_named_with_its_reason_and_a_hint(
    project: Path, line: str, problem: str, hint: str
) -> None:
    (project / "bad.whl").write_bytes(b"")
    (project / "foo-1-py3-none-any (1).whl").write_bytes(b"")
    (project / "loop").symlink_to("loop")
    assert refused(f"numpy\n\n{line}\n") == (f"requirements.txt:3: {problem}", hint)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("numpy[x]", "a constraint has extras, which pip does not take"),
        ("./pkg", "a constraint has no name, which pip does not take"),
        ("-e ./pkg#egg=a", "a constraint is editable, which pip does not take"),
        (
            "-r a.txt",
            "a constraints file includes requirements, which pip and uv understand differently",
        ),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_cannot_be_a_constraint_is_refused(line: str, problem: str) -> None:
    put(c=line)
    assert refused("numpy\n-c c.txt")[0] == f"c.txt:1: {problem}"


@pytest.mark.usefixtures("project")
def test_all_problems_of_all_files_are_reported_together() -> None:
    put(a="six\nfoo bar\n-r gone.txt\n", b="-r requirements.txt\n")
    with pytest.raises(SpecError) as caught:
        ask("numpy=1\n-r a.txt\n-r b.txt\n--prex\nfine\n${UNSET}\n")
    assert str(caught.value).splitlines() == [
        "requirements.txt:1: the requirement 'numpy=1' cannot be understood from '=1' on",
        "a.txt:2: the requirement 'foo bar' cannot be understood from 'bar' on",
        "gone.txt: no such file",
        "b.txt:1: the file includes itself: requirements.txt → b.txt → requirements.txt",
        "requirements.txt:4: the option '--prex' is not known",
        "requirements.txt:6: the environment variable UNSET is not set",
    ]
    assert len(caught.value.problems) == 6
    assert caught.value.hint == (
        "requirements.txt:1: write '==' for an exact version\n"
        f"a.txt:2: {AS_IN}\n"
        "gone.txt: correct the -r on line 3 of a.txt"
    )
    assert caught.value.exit_code == 3


@pytest.mark.usefixtures("project")
def test_a_missing_file_is_named_and_so_is_the_line_that_includes_it() -> None:
    with pytest.raises(SpecError) as caught:
        read([Path("gone.txt")], env={})
    assert str(caught.value) == "gone.txt: no such file"
    assert caught.value.hint == "check the name of the file"
    Path("loop.txt").symlink_to("loop.txt")
    assert refused("-r loop.txt")[0] == (
        "loop.txt: the file cannot be read: Too many levels of symbolic links"
    )
    assert refused("numpy\n-c sub/gone.txt") == (
        "sub/gone.txt: no such file",
        "correct the -c on line 2 of requirements.txt",
    )


@pytest.mark.parametrize("text", ["", "\n", "# numpy\n", "--pre\n", "-r a.txt\n"])
@pytest.mark.usefixtures("project")
def test_a_file_that_asks_for_nothing_is_refused(text: str) -> None:
    put(a="# nothing")
    message, hint = refused(text)
    who = (
        "requirements.txt, a.txt: the files ask"
        if "-r" in text
        else "requirements.txt: the file asks"
    )
    assert message == f"{who} for no package"
    assert hint == "write at least one requirement, such as requests>=2"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("environment.yml", "the file has no list of dependencies"),
        ("pdm.lock", "this format (PDM's lock) is not read"),
        ("image.json", "this format (JSON) is not read"),
        (
            "setup.py",
            "this format (a program that has to be run to know its dependencies) is not read",
        ),
        ("app.py", "this Python script does not say what it needs"),
        ("empty", "the folder has no dependency file"),
    ],
)
def test_a_format_that_is_not_read_is_known(project: Path, name: str, message: str) -> None:
    if name != "empty":
        (project / name).write_text("x")
    with pytest.raises(SpecError) as caught:
        read([Path(name)], env={})
    assert str(caught.value) == f"{name}: {message}"
    assert caught.value.hint


def test_a_file_that_is_far_too_large_is_refused(project: Path) -> None:
    with (project / "big.txt").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(SpecError, match=r"(?m)^big.txt: the file is larger than 16 MiB$"):
        read([Path("big.txt")], env={})


def test_includes_that_never_end_are_refused(project: Path) -> None:
    for number in range(80):
        (project / f"{number}.txt").write_text(f"-r {number + 1}.txt")
    assert refused("-r 0.txt")[0] == "49.txt:1: the includes are nested deeper than 50 files"


def test_utf_16_is_read_and_reported_by_line(project: Path) -> None:
    (project / "r.txt").write_text("numpy\nfoo bar\n", encoding="utf-16")
    with pytest.raises(SpecError, match=r"^r.txt:2: "):
        read([Path("r.txt")], env={})


def test_no_file_at_all_is_refused() -> None:
    with pytest.raises(SpecError, match=r"(?m)^no dependency file is given$"):
        read([], env={})
