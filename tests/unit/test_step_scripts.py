"""The scripts of the steps, run as a step runs them: by a Python, on files."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docker.packages import write_wheel
from toolkit import resources

STEPS = resources.tree("templates") / "steps"


def run(script: str, *arguments: str | Path, env: dict[str, str] | None = None) -> str:
    command = [sys.executable, "-s", "-S", "-B", STEPS / script, *arguments]
    environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0", **(env or {})}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout


# Bytecode.


def environment(folder: Path, *packages: str) -> Path:
    """A virtual environment as the installer leaves it; one of its modules is no Python."""
    shutil.rmtree(folder, ignore_errors=True)
    site = folder / "lib" / "python3" / "site-packages"
    site.mkdir(parents=True)
    (folder / "lib64").symlink_to("lib")
    (folder / "tool").write_text("#!/bin/sh\n")
    (folder / "tool").chmod(0o700)
    for name in packages:
        files = {f"{name}/m{number}.py": f"X = {{'{name}', {number}}}\n" for number in range(60)}
        files |= {f"{name}/broken.py": "no python", f"{name}/tests/test_x.py": "assert True\n"}
        wheel = write_wheel(folder.parent, name, files)
        shutil.unpack_archive(wheel, site, format="zip")
    return folder


def tree(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Each path with its mode, its time and its content."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_mtime_ns, content)
    return found


def test_the_environment_is_the_same_whatever_the_store_held(tmp_path: Path) -> None:
    """Cold, warm, filled by others, damaged, and none at all."""
    store, venv = tmp_path / "store", tmp_path / "venv"

    def made(*store_or_none: Path) -> dict[str, tuple[int, int, bytes]]:
        run("bytecode.py", environment(venv, "one", "two"), *store_or_none)
        return tree(venv)

    expected = made()
    assert sum(path.endswith(".pyc") for path in expected) == 2 * 60
    assert made(store) == expected
    assert made(store) == expected
    entries = [path for path in store.rglob("*") if path.is_file()]
    for entry, rest in zip(entries, (b"", b"rubbish", entries[0].read_bytes()), strict=False):
        entry.write_bytes(rest)
    for entry in entries[3:]:
        entry.unlink()
    assert made(store) == expected
    shutil.rmtree(store)
    run("bytecode.py", environment(venv, "two", "three"), store)
    assert made(store) == expected


def test_only_what_is_new_is_compiled(tmp_path: Path) -> None:
    """Each entry is a part of one distribution."""
    store, venv = tmp_path / "store", tmp_path / "venv"
    run("bytecode.py", environment(venv, "one"), store)
    before = {path: path.stat().st_ino for path in store.rglob("*") if path.is_file()}
    run("bytecode.py", environment(venv, "a_new_one", "one"), store)
    after = {path: path.stat().st_ino for path in store.rglob("*") if path.is_file()}
    assert before.items() <= after.items()
    assert len(after) == 2 * len(before)


def test_bytecode_is_what_python_takes(tmp_path: Path) -> None:
    """It is read, and after a change of the source it is not."""
    venv = environment(tmp_path / "venv", "one")
    run("bytecode.py", venv)
    site = venv / "lib" / "python3" / "site-packages"
    command = [sys.executable, "-v", "-c", "import one.m7; print(len(one.m7.X))"]
    options = {"capture_output": True, "text": True, "check": True, "cwd": site}
    first = subprocess.run(command, **options)  # type: ignore[call-overload]
    assert f"code object from '{site}/one/__pycache__" in first.stderr
    (site / "one" / "m7.py").write_text("X = {1, 2, 3}\n")
    assert subprocess.run(command, **options).stdout == "3\n"  # type: ignore[call-overload]


def test_nothing_of_the_environment_is_run(tmp_path: Path) -> None:
    """A `.pth` file would be, by that environment's own Python."""
    venv, marker = environment(tmp_path / "venv", "one"), tmp_path / "marker"
    code = f"import pathlib; pathlib.Path({str(marker)!r}).touch()\n"
    for name in ("evil.pth", "sitecustomize.py", "usercustomize.py", "csv.py"):
        (venv / "lib" / "python3" / "site-packages" / name).write_text(code)
    run("bytecode.py", venv)
    assert not marker.exists()


# What a cache may have harmed.


@pytest.mark.parametrize(
    ("harm", "names"),
    [
        (lambda _: None, ""),
        (lambda site: (site / "one" / "m3.py").write_text("X = 0"), "one\n"),
        (lambda site: (site / "one" / "m3.py").unlink(), "one\n"),
        (lambda site: (site / "two-1.0.dist-info" / "RECORD").unlink(), "*\ntwo\n"),
        (lambda site: (site / "two-1.0.dist-info" / "RECORD").write_bytes(b"\xff"), "*\ntwo\n"),
        (lambda site: (site / "two" / "more.py").touch(), "*\n"),
        (lambda site: (site / "evil.pth").touch(), "*\n"),
    ],
)
def test_what_is_not_as_its_record_says_is_named(
    tmp_path: Path, harm: Callable[[Path], object], names: str
) -> None:
    """Bytecode is nobody's in a record."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    venv = environment(tmp_path / "venv", "one", "two")
    (venv / "lib" / "python3").rename(venv / "lib" / version)
    run("bytecode.py", venv)
    harm(venv / "lib" / version / "site-packages")
    assert run("damaged.py", venv) == names


# pip.conf.


def exported(text: str, folder: Path, **env: str) -> dict[str, str]:
    (folder / "pip.conf").write_text(text)
    lines = shlex.split(run("pip_conf.py", folder / "pip.conf", env=env))
    return dict(line.split("=", 1) for line in lines if line != "export")


def test_a_pip_conf_says_the_same_to_uv(tmp_path: Path) -> None:
    text = (
        "[global]\nindex-url = https://me:p%40ss@host/simple/\nno_index = true\n"
        "extra-index-url =\n    https://one/\n    https://two/\n"
        "[install]\ntrusted-host = a b\nfind-links = /x /y\n[freeze]\ntimeout = 10\n"
    )
    assert exported(text, tmp_path) == {
        "PIP_INDEX_URL": "https://me:p%40ss@host/simple/",
        "PIP_EXTRA_INDEX_URL": "https://one/ https://two/",
        "PIP_TRUSTED_HOST": "a b",
        "PIP_FIND_LINKS": "/x /y",
        "UV_FIND_LINKS": "/x,/y",
        "PIP_NO_INDEX": "true",
        "UV_NO_INDEX": "true",
    }


def test_variables_come_before_a_pip_conf_and_install_before_global(tmp_path: Path) -> None:
    text = "[install]\nindex-url = https://b/\n[global]\nindex-url = https://a/\ntimeout = 9\n"
    assert exported(text, tmp_path, PIP_TIMEOUT="5") == {
        "PIP_INDEX_URL": "https://b/",
        "UV_HTTP_TIMEOUT": "9",
    }


def test_no_value_of_a_pip_conf_is_a_command(tmp_path: Path) -> None:
    value = "https://a/$(touch x)`y`'\"; z"
    assert exported(f"[global]\nindex-url = {value}\n", tmp_path)["PIP_INDEX_URL"] == value


# The list of what was resolved.

RECORD = f"""\
lock-version = "1.0"

[[packages]]
name = "one"
version = "1.0"
index = "https://host/simple"
sdist = {{ url = "https://host/one-1.0.tar.gz", hashes = {{ sha256 = "{"a" * 64}" }} }}
wheels = [{{ url = "https://host/one-1.0-py3-none-any.whl", hashes = {{ sha256 = "{"b" * 64}" }} }}]
"""


def test_a_record_is_written_as_a_list(tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text(RECORD)
    (tmp_path / "requirements.txt").write_text("--index-url https://host/simple\n--pre\none\n")
    listed = run("lock_list.py", tmp_path / "pylock.toml", tmp_path / "requirements.txt")
    assert listed == (
        "--index-url https://host/simple\n"
        f"one==1.0 --hash=sha256:{'a' * 64} --hash=sha256:{'b' * 64}\n"
    )


@pytest.mark.parametrize(
    "place",
    [
        f'archive = {{ path = "x.whl", hashes = {{ sha256 = "{"a" * 64}" }} }}',
        'directory = { path = "x" }',
        'vcs = { type = "git", url = "https://host/x" }',
    ],
)
def test_what_is_from_elsewhere_is_left_to_uv(tmp_path: Path, place: str) -> None:
    text = f'{RECORD}\n[[packages]]\nname = "x"\nversion = "1"\n{place}\n'
    (tmp_path / "pylock.toml").write_text(text)
    (tmp_path / "requirements.txt").touch()
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run("lock_list.py", tmp_path / "pylock.toml", tmp_path / "requirements.txt")
    assert caught.value.returncode == 1
    assert caught.value.stdout == ""
