"""What is installed, from the files of a virtual environment."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from toolkit.images.installed import Distribution, Venv
from toolkit.images.system import System, SystemPackage, read_system

SITE = "lib/python3.11/site-packages"
BARE = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n"


def venv(files: Mapping[str, str | int]) -> Venv:
    """An environment of these files: a text, or only a size."""
    made = Venv()
    for path, content in files.items():
        if isinstance(content, int):
            made.add(path, content, b"")
        else:
            made.add(path, len(content), content.encode() if made.wants(path) else b"")
    return made


def one(
    name: str = "thing", version: str = "1.0", *, metadata: str = "", wheel: str = "", **more: str
) -> dict[str, str | int]:
    info = f"{SITE}/{name}-{version}.dist-info"
    return {
        f"{info}/METADATA": BARE.format(name, version) + metadata,
        f"{info}/RECORD": f"{name}/__init__.py,sha256=x,3\n",
        f"{info}/WHEEL": wheel or "Tag: py3-none-any\n",
        **{f"{info}/{file}": text for file, text in more.items()},
    }


def found(files: Mapping[str, str | int]) -> Distribution:
    (only,) = venv(files).distributions()
    return only


def test_a_distribution_has_its_files_their_bytecode_and_its_programs() -> None:
    info = f"{SITE}/big_thing-2.0.dist-info"
    about = BARE.format("Big.Thing", "2.0")
    record = (
        '"big/a,b.py",sha256=x,10\nbig/c.so,sha256=x,100\n../../../bin/big,sha256=x,5\n'
        "big_thing-2.0.dist-info/METADATA,,\nbig_thing-2.0.dist-info/RECORD,,\n"
    )
    made = venv(
        {
            f"{SITE}/big/a,b.py": 10,
            f"{SITE}/big/__pycache__/a,b.cpython-311.pyc": 20,
            f"{SITE}/big/__pycache__/a,b.cpython-311.opt-1.pyc": 30,
            f"{SITE}/big/c.so": 100,
            f"{SITE}/big/nobodys.txt": 7,
            "bin/big": 5,
            "bin/python": 3,
            f"{info}/METADATA": about,
            f"{info}/RECORD": record,
        }
    )
    (only,) = made.distributions()
    own = 10 + 20 + 30 + 100 + 5 + len(about) + len(record)
    assert (only.name, only.version, only.size) == ("Big.Thing", "2.0", own)
    assert made.size - only.size == 10


def test_the_largest_comes_first() -> None:
    sizes = {f"{SITE}/small/__init__.py": 1, f"{SITE}/large/__init__.py": 1000}
    made = venv({**one("small"), **one("large"), **sizes})
    assert [each.name for each in made.distributions()] == ["large", "small"]


@pytest.mark.parametrize(
    ("metadata", "licences"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: other\n", ("MIT OR Apache-2.0",)),
        ("License: BSD-3-Clause\nClassifier: License :: OSI Approved\n", ("BSD-3-Clause",)),
        (
            (
                "License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\n"
                "Classifier: Topic :: X\nClassifier: License :: Public Domain\n"
            ),
            ("MIT License", "Public Domain"),
        ),
        (f"License: {'word ' * 40}\nClassifier: License :: OSI Approved\n", ()),
        ("", ()),
    ],
)
def test_a_licence_is_what_the_author_says_most_clearly(
    metadata: str, licences: tuple[str, ...]
) -> None:
    assert found(one(metadata=metadata)).licences == licences


def lock(*entries: str) -> dict[str, str | int]:
    packages = "".join(f"[[packages]]\n{entry}\n" for entry in entries)
    return {"pylock.toml": f'lock-version = "1.0"\ncreated-by = "uv"\n{packages}'}


def wheels(*names: str) -> str:
    files = ", ".join(
        f'{{ path = "{name}", hashes = {{ sha256 = "{number}" }} }}'
        for number, name in enumerate(names)
    )
    return f'name = "thing"\nversion = "1.0"\nwheels = [{files}]\n'


@pytest.mark.parametrize(
    ("entry", "wheel", "sha256"),
    [
        (wheels("thing-1.0-py3-none-any.whl"), "", "0"),
        (
            wheels(
                "thing-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
                "thing-1.0-py3-none-any.whl",
            ),
            "Tag: cp311-cp311-manylinux_2_17_x86_64\nTag: cp311-cp311-manylinux2014_x86_64\n",
            "0",
        ),
        # built on the spot: none of the lock's files is what was installed
        (wheels("thing-1.0-py3-none-any.whl"), "Tag: cp311-cp311-linux_x86_64\n", ""),
        # two that both fit
        (wheels("thing-1.0-py3-none-any.whl", "thing-1.0-1-py3-none-any.whl"), "", ""),
        (wheels("no wheel's name"), "", ""),
        (
            (
                'name = "thing"\nversion = "1.0"\n'
                'sdist = { path = "t.tar.gz", hashes = { sha256 = "s" } }'
            ),
            "Tag: cp311-cp311-linux_x86_64\n",
            "s",
        ),
        ('name = "thing"\narchive = { path = "t.whl", hashes = { sha256 = "a" } }', "", "a"),
        ('name = "thing"\nversion = "2.0"\narchive = { hashes = { sha256 = "a" } }', "", ""),
        ('name = "other"\nversion = "1.0"', "", ""),
    ],
)
def test_the_digest_is_that_of_the_only_file_that_can_have_been_installed(
    entry: str, wheel: str, sha256: str
) -> None:
    assert found({**one(wheel=wheel), **lock(entry)}).sha256 == sha256


@pytest.mark.parametrize(
    ("entry", "direct", "source"),
    [
        (
            'name = "thing"\nvcs = { type = "git", url = "https://h/x", commit-id = "c0ffee" }',
            "",
            "git+https://h/x@c0ffee",
        ),
        ('name = "thing"\narchive = { url = "https://h/t.whl" }', "", "https://h/t.whl"),
        ('name = "thing"\nversion = "1.0"', '{"url": "https://h/t.zip"}', "https://h/t.zip"),
        ('name = "thing"\nversion = "1.0"', '{"url": "file:///run/toolkit/context/x"}', ""),
        ('name = "thing"\nversion = "1.0"', "[]", ""),
        ('name = "thing"\nversion = "1.0"', "{", ""),
    ],
)
def test_the_source_is_told_where_it_is_no_index(entry: str, direct: str, source: str) -> None:
    assert found({**one(**{"direct_url.json": direct}), **lock(entry)}).source == source


def test_the_tools_are_read_from_what_they_have_left() -> None:
    made = venv({"pyvenv.cfg": "home = /usr/bin\nversion = 3.11.2\n", **lock()})
    assert (made.python, made.installer) == ("3.11.2", "uv")
    made = venv({"pyvenv.cfg": "version_info = 3.12.4\n"})
    assert (made.python, made.installer) == ("3.12.4", "")


@pytest.mark.parametrize("text", ["", "not = [toml", 'packages = "x"', "packages = [1]"])
def test_a_broken_lock_takes_nothing_but_itself_away(text: str) -> None:
    assert found({**one(), "pylock.toml": text}).sha256 == ""
    assert venv({"pylock.toml": text}).installer == ""


def test_broken_records_are_no_reason_to_fail() -> None:
    info = f"{SITE}/thing-1.0.dist-info"
    only = found({f"{info}/METADATA": "\x00\n\n", f"{info}/RECORD": '"\n,\n"x\n'})
    assert (only.name, only.version) == ("thing", "1.0")


STATUS = """\
Package: adduser
Status: install ok installed
Architecture: all
Version: 3.134
Description: add users
 Package: not a field
 .
 more

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: libgl1
Status: install ok installed
Version: 1.6.0-1
Architecture: amd64
"""


def test_the_distributions_own_packages_are_read_from_dpkg() -> None:
    release = 'PRETTY_NAME="Debian GNU/Linux 12"\nVERSION_ID="12"\nID=debian\n'
    assert read_system(release, STATUS) == System(
        "debian",
        "12",
        (SystemPackage("adduser", "3.134", "all"), SystemPackage("libgl1", "1.6.0-1", "amd64")),
    )


def test_an_image_without_dpkg_has_none() -> None:
    assert read_system("", "") == System()


def test_only_records_are_read_and_all_else_is_weighed() -> None:
    wanted = [f"{SITE}/a-1.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL")]
    assert all(map(Venv.wants, [*wanted, "pylock.toml", f"{SITE}/a-1.dist-info/direct_url.json"]))
    assert not Venv.wants(f"{SITE}/a/METADATA")
    assert not Venv.wants(f"{SITE}/a-1.dist-info/licenses/LICENSE")
