"""What file a block becomes (autogen.md, section 4.2)."""

from __future__ import annotations

import pytest

from toolkit.coding.languages import SUFFIXES
from toolkit.coding.naming import as_argument, automatic, named_by


def test_the_page_s_own_example() -> None:
    name = automatic("print('Hello, World!')", "python")
    assert name == "tmp_code_07da107bb575cc4e02b0e1d6d99cc204.py"


@pytest.mark.parametrize(("language", "suffix"), SUFFIXES.items())
def test_the_automatic_suffix_is_the_languages(language: str, suffix: str) -> None:
    assert automatic("x", language) == f"tmp_code_9dd4e461268c8034f5c8564e155c67a6.{suffix}"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("# filename: a.py", "a.py"),
        ("#filename:a.py", "a.py"),
        ("  # FileName :  a.py  ", "a.py"),
        ("// filename: a.js", "a.js"),
        ("/* filename: a.css */", "a.css"),
        ("<!-- filename: a.html -->", "a.html"),
        ("# filename: dir/sub/a.py", "dir/sub/a.py"),
        ("# filename: my file.py", "my file.py"),
        ("# filename: `a.py`", "a.py"),
        ('# filename: "a.py"', "a.py"),
        ("# filename: 'a.py'", "a.py"),
        ("# filename: a.py # main", "a.py"),
        ("# filename: a.py (you can choose your own)", "a.py"),
        ("# filename: `a.py` (main)", "a.py"),
        ("# filename: a#b.py", "a#b.py"),
        ("# filename: a:b.py", "a:b.py"),
        ("# filename: -c.py", "-c.py"),
        ("# filename: .", "."),
        ("# filename: a.txt", "a.txt"),
        ("# test.py", "test.py"),
        ("#test.py", "test.py"),
        ("# dir/test.pyw", "dir/test.pyw"),
    ],
)
def test_a_first_line_that_names_a_file(line: str, name: str) -> None:
    assert named_by(f"{line}\nprint(1)", "python") == name


@pytest.mark.parametrize(
    ("line", "language", "name"),
    [
        ("// test.js", "javascript", "test.js"),
        ("/* test.css */", "css", "test.css"),
        ("<!-- test.html -->", "html", "test.html"),
        ("# run.sh", "bash", "run.sh"),
        ("# run.ps1", "pwsh", "run.ps1"),
        ("# test.py", "sh", None),
        ("# test.sh", "python", None),
    ],
)
def test_a_bare_name_counts_only_for_its_own_language(
    line: str, language: str, name: str | None
) -> None:
    assert named_by(line, language) == name


@pytest.mark.parametrize(
    "line",
    [
        "# This is just a comment",
        "# -*- coding: utf-8 -*-",
        "# noqa",
        "# type: ignore",
        "# compute a/b ratio",
        "# see:x.py",
        "# filename:",
        "# filename:   ",
        "# filename: ``",
        "#!/bin/bash",
        "#!/usr/bin/env python",
        "#",
        "",
        "import os",
        "print('# filename: x.py')",
        "# " + "x" * 5000,
        "\n# filename: x.py",
    ],
)
def test_a_first_line_that_names_none(line: str) -> None:
    assert named_by(f"{line}\nprint(1)", "python") is None


def test_a_name_is_never_an_option() -> None:
    assert as_argument("-c.py") == "./-c.py"
    assert as_argument("a-c.py") == "a-c.py"
