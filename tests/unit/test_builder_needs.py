"""What a source lacked, by real words of build tools; and what else could be done about it."""

from __future__ import annotations

import pytest

from toolkit.builder import needs
from toolkit.builder.diagnosis import Attempt, explained
from toolkit.deps import Dependencies
from toolkit.deps.dependencies import Requirement
from toolkit.errors import BuildError

GCC = "error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'"
INSTALL = '[sources 2/2] RUN ["sh", "/run/toolkit/steps/install.sh", "sources"]'


@pytest.mark.parametrize(
    ("log", "packages", "unknown"),
    [
        (GCC, ("build-essential",), ()),
        ("error: command 'gcc' failed: No such file or directory", ("build-essential",), ()),
        ("Exception: you need a C compiler to build uWSGI", ("build-essential",), ()),
        (
            "../meson.build:4:0: ERROR: Unknown compiler(s): [['cc'], ['gcc'], ['clang']]",
            ("build-essential",),
            (),
        ),
        ("error: can't find Rust compiler", ("cargo",), ()),
        ("Error: pg_config executable not found.", ("libpq-dev",), ()),
        (
            "Trying pkg-config --exists mysqlclient /bin/sh: 1: pkg-config: not found",
            ("pkg-config", "default-libmysqlclient-dev"),
            (),
        ),
        (
            "uwsgi_python.h:4:10: fatal error: Python.h: No such file or directory",
            ("python3-dev",),
            (),
        ),
        (
            (
                "ERROR: Dependency lookup for cairo with method 'pkg-config' failed: Pkg-config "
                "for machine host machine not found. Giving up."
            ),
            ("pkg-config", "libcairo2-dev"),
            (),
        ),
        (
            "a.c:1:10: fatal error: odd/thing.h: No such file or directory",
            (),
            ("odd/thing.h",),
        ),
        ("RuntimeError: this does not build on a Tuesday", (), ()),
    ],
)
def test_what_was_missing_is_a_debian_package(
    log: str, packages: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    assert (needs.packages(log), needs.unknown(log)) == (packages, unknown)


def diagnosed(*log: str, manager: str = "apt") -> BuildError:
    wanted = Dependencies((Requirement("numpy", specifier="==1", file="requirements.txt", line=3),))
    error = BuildError("as it was", hint="its hint", step=INSTALL, reason="exit 2", log=log)
    return explained(error, Attempt(wanted, manager=manager))


FAILED = "error: Failed to build `numpy==1.19.5`"


@pytest.mark.parametrize(
    ("log", "message", "hint"),
    [
        (
            (FAILED, GCC),
            "requirements.txt:3: numpy could not be built from its source",
            (
                "give its build what it lacked: --apt-build build-essential; "
                "or take a version with a wheel"
            ),
        ),
        (
            (FAILED, "toolkit: numpy==1.19.5 has wheels for Python 3.8, 3.9"),
            (
                "requirements.txt:3: numpy could not be built from its source; "
                "it has wheels for Python 3.8, 3.9 only"
            ),
            (
                "read the log above: most often its build lacks a tool (--apt-build); "
                "or choose one of these with --python or --base"
            ),
        ),
        (
            (FAILED, "x.c:1:10: fatal error: odd.h: No such file or directory", GCC),
            "requirements.txt:3: numpy could not be built from its source",
            (
                "give its build what it lacked: --apt-build build-essential --apt-build with the "
                "Debian package that has odd.h; or take a version with a wheel"
            ),
        ),
        (
            (
                "  cause: Because numpy was not found in the package registry and you require",
                "hint: An index URL (https://index.example/simple/) could not be queried due to a",
                "lack of valid authentication credentials (401 Unauthorized)",
            ),
            "the package index at index.example wants another log-in than it got",
            (
                "give one for index.example: --secret id=netrc,src=FILE, "
                "--secret id=pip.conf,src=FILE, or in the address of the index"
            ),
        ),
        (
            (
                "hint: An index (https://index.example/simple/) returned a 403 Forbidden error.",
                "Check that the index URL is correct and the credentials are valid.",
            ),
            "the package index at index.example wants another log-in than it got",
            (
                "give one for index.example: --secret id=netrc,src=FILE, "
                "--secret id=pip.conf,src=FILE, or in the address of the index"
            ),
        ),
        (
            (
                "WARNING: 401 Error, Credentials not correct for https://index.example/simple/np/",
                "ERROR: No matching distribution found for numpy==1",
            ),
            "the package index at index.example wants another log-in than it got",
            (
                "give one for index.example: --secret id=netrc,src=FILE, "
                "--secret id=pip.conf,src=FILE, or in the address of the index"
            ),
        ),
    ],
)
def test_the_hint_says_what_to_do(log: tuple[str, ...], message: str, hint: str) -> None:
    error = diagnosed(*log)
    assert (error.message, str(error.hint)) == (message, hint)


@pytest.mark.parametrize(
    ("manager", "option"), [("rpm", "--rpm-build"), ("apk", "--apk-build"), ("", "in another base")]
)
def test_on_a_base_of_another_family_the_name_is_told_to_be_debians(
    manager: str, option: str
) -> None:
    """Nobody here knows its own."""
    lacked = str(diagnosed(FAILED, GCC, manager=manager).hint)
    assert lacked == (
        f"give its build what it lacked: what Debian calls build-essential ({option}); "
        "or take a version with a wheel"
    )
    assert f"lacks a tool ({option})" in str(diagnosed(FAILED, manager=manager).hint)
