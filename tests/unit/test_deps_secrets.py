"""What is secret in a requirements file is nowhere but in the netrc file."""

from __future__ import annotations

import netrc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from toolkit.deps import Dependencies, read
from toolkit.errors import SpecError


def ask(folder: Path, text: str, **env: str) -> Dependencies:
    (folder / "r.txt").write_bytes(text.encode("utf-8", "surrogatepass"))
    return read([folder / "r.txt"], env=env)


def everything(dependencies: Dependencies) -> str:
    files = [f"{file.path}\n{file.read()!r}" for file in dependencies.context_files()]
    return "\n".join([repr(dependencies), *files])


@pytest.mark.parametrize(
    ("line", "host", "login", "password"),
    [
        ("-i https://joe:hunter2@h/simple", "h", "joe", "hunter2"),
        ("--extra-index-url https://hunter2@h:8/simple", "h", "hunter2", ""),
        ("-f https://joe:hunter2@h/links", "h", "joe", "hunter2"),
        ("foo @ https://joe:hunter2@H.example/f.zip", "h.example", "joe", "hunter2"),
        ("https://joe:hunter2@h/f.zip#egg=foo", "h", "joe", "hunter2"),
        ("git+https://hunter2:x-oauth-basic@h/a/b@v1", "h", "hunter2", "x-oauth-basic"),
        ("-e git+https://joe:hunter2@h/a/b@v1#egg=foo", "h", "joe", "hunter2"),
        ("-i https://joe:hun%40ter%3A2%20@h/simple", "h", "joe", "hun@ter:2 "),
        ("-i https://joe:hu@nter2@h/simple", "h", "joe", "hu@nter2"),
        ("-i https://j:${TOKEN}@h/simple", "h", "j", "hunter2"),
        ("-i https://j:%22a%5Cb%22@[::1]/simple", "::1", "j", '"a\\b"'),
        ("-i https://j:%23a@h/simple", "h", "j", "#a"),
    ],
)
def test_a_login_in_a_url_goes_into_the_netrc_file_alone(
    tmp_path: Path, line: str, host: str, login: str, password: str
) -> None:
    dependencies = ask(tmp_path, f"numpy\n{line}\n", TOKEN="hunter2")
    assert "hunter2" not in everything(dependencies)
    assert f"{login}:" not in everything(dependencies)
    (tmp_path / "netrc").write_bytes(dependencies.netrc() or b"")
    assert netrc.netrc(tmp_path / "netrc").authenticators(host) == (login, "", password)


def test_a_netrc_file_is_sorted_and_plain_where_it_can_be(tmp_path: Path) -> None:
    dependencies = ask(tmp_path, "-i https://b:2@h2/s\n--extra-index-url https://a:1@h1/s\nnumpy")
    assert dependencies.netrc() == (
        b"machine h1 login a password 1\nmachine h2 login b password 2\n"
    )


@pytest.mark.parametrize(
    "line", ["numpy", "-i https://h/simple", "git+ssh://git@h/a/b", "git+https://git@h/a/b"]
)
def test_without_a_login_there_is_no_netrc_file(tmp_path: Path, line: str) -> None:
    """The user of an ssh URL is part of the address, and `git` alone is nobody's secret."""
    assert ask(tmp_path, f"numpy\n{line}").netrc() is None


def test_one_login_for_a_host_may_be_given_twice_and_no_other(tmp_path: Path) -> None:
    twice = "-i https://j:hunter2@h/a\n--extra-index-url https://j:hunter2@h/b\nnumpy\n"
    assert ask(tmp_path, twice).netrc() == b"machine h login j password hunter2\n"
    with pytest.raises(SpecError) as caught:
        ask(tmp_path, twice + "-f https://j:hunter3@h/c")
    assert str(caught.value) == (
        f"{tmp_path}/r.txt:4: the login for h is not the one that another URL gives"
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "git+ssh://joe:hunter2@h/a",
            "the URL 'git+ssh://***@h/a' has a password, which ssh does not take",
        ),
        (
            "hg+https://joe:hunter2@h/a",
            "the repository 'hg+https://***@h/a' is kept in hg, and only git can be installed from",
        ),
        (
            "-i https://joe:hun%0Ater2@h/a",
            "the login for h is empty or has a character that cannot be printed",
        ),
        (
            "-i https://:hunter2@h/a",
            "the login for h is empty or has a character that cannot be printed",
        ),
        ("-i https://joe:hun/ter2@h/a", "the https URL is not valid"),
        ("-i https://joe:hunter2", "the https URL is not valid"),
        ("-i https://joe:12/hunter2@h/", "the URL 'https://***@h/' has an '@' behind its host"),
        (
            "foo @ git+https://joe:12#hunter2@h/",
            "the URL 'git+https://***@h/' has an '@' behind its host",
        ),
        ("-i https://j:x hunter2@h/a", "the line '-i https://***@h/a' cannot be used"),
        ("foo @ https://j:x hunter2@h", "the line 'foo @ https://***@h' cannot be used"),
        ("foo @ https://h/x y ${TOKEN}", "the line 'foo @ https://h/x y ${TOKEN}' cannot be used"),
        ("foo=${TOKEN}", "the line 'foo=${TOKEN}' cannot be used"),
        ("--${TOKEN}", "the line '--${TOKEN}' cannot be used"),
        ("./${TOKEN}/x.zip", "there is no file or folder './${TOKEN}/x.zip'"),
    ],
)
def test_a_problem_is_told_without_the_secret(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(SpecError) as caught:
        ask(tmp_path, f"numpy\n{line}", TOKEN="hunter2")
    assert str(caught.value) == f"{tmp_path}/r.txt:2: {problem}"


nasty = st.text(alphabet="aZ1 %@:!$'\"\\+=~é()[]{}|^`<>;,&-_.", max_size=4)
secrets = st.builds(lambda head, tail: f"{head}hunter2{tail}", nasty, nasty)
places = st.sampled_from(
    [
        "-i https://{}@h/simple",
        "-i https://joe:{}@h/simple",
        "--extra-index-url=https://{}:x@h/",
        "-f https://joe:{}@h/",
        "foo @ https://joe:{}@h/f.zip",
        "foo @ git+https://joe:{}@h/f@v1",
        "git+https://{}@h/f@v1#egg=foo",
        "-e git+https://joe:{}@h/f ; os_name == 'posix'",
        "git+ssh://joe:{}@h/f",
        "hg+https://{}@h/f",
        "ftp://{}@h/f",
        "-r https://{}@h/f",
        "--oops https://{}@h/f",
        "foo --hash=https://{}@h/f",
        "--trusted-host https://{}@h",
        "foo bar https://{}@h",
        "./x ; https://{}@h",
    ]
)


@given(places, secrets)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_secret_is_ever_shown(tmp_path: Path, place: str, secret: str) -> None:
    line = place.format(secret)
    try:
        shown = everything(ask(tmp_path, f"numpy\n{line}\n"))
    except SpecError as error:
        shown = f"{error}\n{error.hint}\n{error!r}\n{error.problems}"
    assert "hunter" not in shown.lower()


@given(
    st.sampled_from(["foo=={}", "foo {}", "-r {}", "./{}", "-i {}", "--{}", "foo @ {}", "-e {} x"]),
    secrets,
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_message_has_the_value_of_a_variable(tmp_path: Path, place: str, secret: str) -> None:
    line = place.format("${TOKEN}")
    message = ""
    try:
        ask(tmp_path, f"numpy\n{line}\n", TOKEN=secret)
    except SpecError as error:
        message = f"{error}\n{error.hint}\n{error.problems}"
    assert "hunter" not in message.lower()


# fmt: off
words = st.sampled_from([
    "-r", "-c", "-e", "-f", "-i", "foo", ".", "./", "/", "@", "://", "git+", "file:", "[", "]",
    ";", "#", "egg=", "--hash=", "\\", "${A}", "'", "==", "h", ".whl", "%00", "\n", " ", '"',
    "\ud800",
])
# fmt: on


@example("0_")
@given(st.one_of(st.lists(words, max_size=12).map("".join), st.text(max_size=40)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_text_raises_anything_but_our_error_and_reading_is_deterministic(
    tmp_path: Path, text: str
) -> None:
    try:
        dependencies = ask(tmp_path, f"numpy\n{text}", A="a b")
    except SpecError:
        return
    assert dependencies == ask(tmp_path, f"numpy\n{text}", A="a b")
    # What we write can be read again, and says the same.
    (lists, *_) = dependencies.context_files()
    again = ask(tmp_path, lists.read().decode()) if not dependencies.local else dependencies
    assert again.context_files()[0] == lists
