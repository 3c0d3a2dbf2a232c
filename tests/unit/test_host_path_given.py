"""What the user says of a folder: word for word, and before anything that could be found."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from toolkit.errors import SpecError
from toolkit.host_path import given, joined


@pytest.mark.parametrize(
    "text",
    ["C:\\Users\\x", "C:/Users/x", "/run/desktop/mnt/host/c/x", "./x", "//x/../y/", "\\\\h\\s"],
)
def test_a_bind_dir_is_a_text_of_another_machine(text: str) -> None:
    env = {"TOOLKIT_BIND_DIR": "/other", "TOOLKIT_PATH_MAP": "/=/other"}
    assert given(text, "/app", env) == text
    assert given(None, "/app", {**env, "TOOLKIT_BIND_DIR": text}) == text


def test_a_path_is_a_bind_dir_too() -> None:
    assert given(PureWindowsPath("C:\\Users\\x"), "/app", {}) == "C:\\Users\\x"
    assert given(PurePosixPath("/srv/x"), "/app", {}) == "/srv/x"


@pytest.mark.parametrize("env", [{}, {"TOOLKIT_BIND_DIR": ""}, {"TOOLKIT_PATH_MAP": " "}])
def test_nobody_has_to_say_anything(env: Mapping[str, str]) -> None:
    assert given(None, "/app", env) == ""


@pytest.mark.parametrize(
    ("text", "folder", "found"),
    [
        ("/app=/srv/app", "/app", "/srv/app"),
        ("/app=/srv/app", "/app/co/ding", "/srv/app/co/ding"),
        ("/app/=/srv/app/", "/app/x", "/srv/app/x"),
        ("/app=/srv/app", "/app2/x", ""),
        ("/app=/srv/app", "/srv/app", ""),
        ("/=/mnt", "/x/y", "/mnt/x/y"),
        ("/app=C:\\me", "/app/x/y", "C:\\me\\x\\y"),
        ("/app=C:/me", "/app/x/y", "C:/me/x/y"),
        ("/app=\\\\host\\me", "/app/x", "\\\\host\\me\\x"),
        ("/app=/srv/a=b", "/app/x", "/srv/a=b/x"),
        ("/a=/1; /a/b=/2;/c=/3;", "/a/b/c", "/2/c"),
        ("/a/b=/2;/a=/1", "/a/bc", "/1/bc"),
    ],
)
def test_a_map_says_where_folders_are(text: str, folder: str, found: str) -> None:
    assert given(None, folder, {"TOOLKIT_PATH_MAP": text}) == found


def test_a_map_holds_for_links_as_they_are_written_and_for_where_they_lead(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    (real / "x").mkdir(parents=True)
    link.symlink_to(real)
    said = {"TOOLKIT_PATH_MAP": f"{link}=/of-link"}
    assert given(None, link / "x", said) == "/of-link/x"
    said = {"TOOLKIT_PATH_MAP": f"{os.path.realpath(real)}=/of-real"}
    assert given(None, link / "x", said) == "/of-real/x"


def test_a_map_holds_for_a_relative_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert given(None, "x/../y", {"TOOLKIT_PATH_MAP": f"{tmp_path}=/srv"}) == "/srv/y"


@pytest.mark.parametrize("pair", ["x", "/app", "/app=", "=/srv", "app=/srv", "C:\\x=/srv"])
def test_a_map_that_is_none_is_an_error(pair: str) -> None:
    with pytest.raises(SpecError) as caught:
        given(None, "/elsewhere", {"TOOLKIT_PATH_MAP": f"/a=/b;{pair}"})
    assert str(caught.value) == f"TOOLKIT_PATH_MAP has {pair!r}, which maps no path"
    assert caught.value.hint == (
        "write it as TOOLKIT_PATH_MAP=/app=/srv/app, several of them apart by `;`"
    )


@pytest.mark.parametrize(
    ("source", "rest", "path"),
    [
        ("/srv", "", "/srv"),
        ("/srv/", "x/y", "/srv/x/y"),
        ("/", "x", "/x"),
        ("C:\\", "x/y", "C:\\x\\y"),
        ("C:\\me", "", "C:\\me"),
        ("c:/me", "x", "c:/me/x"),
        ("/c:\\odd", "x", "/c:\\odd/x"),
    ],
)
def test_a_path_goes_on_in_its_own_spelling(source: str, rest: str, path: str) -> None:
    assert joined(source, rest) == path
