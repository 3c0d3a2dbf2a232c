"""Whatever a dependency file holds, it is read or refused; there is no traceback.

Texts are made up, and documents too whose tables have the right names and anything in them, for the
parsers of TOML and JSON stop most made-up texts before our own code sees them.
"""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from toolkit.deps import Selection, Target, poetry_older, read, select
from toolkit.errors import SpecError

TARGET = Target("3.11.2", "linux/amd64")


def chosen(name: str) -> Selection:
    """An extra and a group, of the formats that have them."""
    if name.startswith("Pipfile"):
        return Selection(groups=("dev",))
    return Selection(("x",), ("dev",)) if name.endswith((".toml", ".lock")) else Selection()


NAMES = (
    "requirements.txt",
    "pyproject.toml",
    "script.py",
    "pylock.toml",
    "uv.lock",
    "poetry.lock",
    "Pipfile",
    "Pipfile.lock",
    "apt.txt",
    ".python-version",
    "environment.yml",
)

TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        (
            "numpy",
            "numpy>=2",
            "x[x]",
            "x @ https://u:p@h/x.zip",
            "x @ ./x",
            ">=3.9",
            "==3.12",
            "^3.9",
            "~3",
            "*",
            "1.0",
            "2.1",
            "legacy",
            "directory",
            "git",
            "https://h/x-1-py3-none-any.whl",
            "https://u:p@[h/x",
            "x-1-py3-none-any.whl",
            "sha256:" + "1" * 64,
            "1" * 64,
            "sys_platform == 'linux'",
            "'x' in extras",
            "extra == 'x'",
            "${HOME}",
            "$NO",
            "\x00",
            "../..",
            "dev",
            "x",
        )
    ),
)
LEAVES = st.one_of(TEXTS, st.integers(), st.booleans(), st.floats(allow_nan=False))
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)

HASH = "sha256:" + "1" * 64
URL = "https://u:p@h/x-1-py3-none-any.whl"
MARKER = "sys_platform == 'linux'"
PYPROJECT: dict[str, Any] = {
    "project": {
        "name": "a",
        "requires-python": ">=3.9",
        "dependencies": ["numpy>=2", "y", "z"],
        "optional-dependencies": {"x": ["a[plot]", "six"], "plot": [f"w @ {URL}"]},
        "dynamic": ["version"],
    },
    "dependency-groups": {"dev": ["pytest", {"include-group": "test"}], "test": ["b; " + MARKER]},
    "tool": {
        "uv": {
            "exclude-newer": "2026-01-31",
            "exclude-newer-package": {"six": False, "y": "2026-02-01"},
            "index": [{"url": "https://h/simple", "default": True}, {"url": "https://u:p@h/"}],
            "constraint-dependencies": ["six<2"],
            "prerelease": "allow",
            "sources": {
                "y": {"git": "https://u:p@h/y.git", "rev": "v1", "subdirectory": "py"},
                "z": [{"url": URL, "marker": MARKER}],
            },
        }
    },
}
PYLOCK: dict[str, Any] = {
    "lock-version": "1.0",
    "created-by": "x",
    "requires-python": ">=3.9",
    "environments": [MARKER],
    "extras": ["x"],
    "dependency-groups": ["dev", "default"],
    "default-groups": ["default"],
    "packages": [
        {
            "name": "x",
            "version": "1",
            "marker": "'x' in extras",
            "index": "https://u:p@h/simple",
            "wheels": [{"url": URL, "hashes": {"sha256": "1" * 64}}],
            "sdist": {"path": "x-1.tar.gz", "hashes": {"sha256": "1" * 64}},
        },
        {"name": "y", "vcs": {"type": "git", "url": "https://h/y", "commit-id": "1" * 40}},
        {"name": "z", "archive": {"url": URL, "hashes": {"sha512": "1" * 128}}},
    ],
}
POETRY: dict[str, Any] = {
    "package": [
        {
            "name": "x",
            "version": "1",
            "groups": ["main", "dev"],
            "markers": {"main": "extra == 'x'", "dev": MARKER},
            "files": [{"hash": HASH}],
        },
        {
            "name": "y",
            "version": "1",
            "groups": ["main"],
            "markers": MARKER,
            "files": [],
            "source": {"type": "git", "url": "https://h/y", "resolved_reference": "1" * 40},
        },
        {
            "name": "z",
            "version": "1",
            "groups": ["main"],
            "files": [{"hash": HASH}],
            "source": {"type": "legacy", "url": "https://u:p@h/simple"},
        },
    ],
    "extras": {"x": ["x"]},
    "metadata": {"lock-version": "2.1", "python-versions": "^3.9"},
}
POETRY_TABLE: dict[str, Any] = {
    "dependencies": {
        "python": "^3.9",
        "x": {"version": "^1", "extras": ["y"], "markers": MARKER},
        "z": [
            {"version": "~1.0", "python": "<3.10"},
            {"version": ">=2 || 0.1.*", "python": "^3.10"},
        ],
        "w": {"version": "*", "optional": True, "platform": "linux"},
    },
    "extras": {"x": ["w"]},
    "dev-dependencies": {"v": "*"},
    "group": {"test": {"dependencies": {"u": {"path": "./u"}}}},
}
POETRY_OLDER: dict[str, Any] = {
    "package": [
        {
            "name": "x",
            "version": "1",
            "python-versions": ">=3.7, !=3.8.*",
            "dependencies": {"Y": {"version": ">=1", "optional": True}, "z": ["*", ">0.1"]},
            "extras": {"y": ["Y[a] (>=1)", "x[more]"]},
            "files": [{"hash": HASH}],
        },
        {"name": "y", "version": "1", "python-versions": "*", "files": [{"hash": HASH}]},
        *(
            {"name": name, "version": version, "python-versions": "*"}
            for name, version in (("z", "1.0"), ("z", "2.0"), ("w", "1"), ("v", "1"), ("u", "1"))
        ),
    ],
    "metadata": {
        "lock-version": "1.1",
        "python-versions": "^3.9",
        "files": {name: [{"hash": HASH}] for name in "zwvu"},
    },
}
PACKAGES = {
    "x": {"version": "==1", "hashes": [HASH], "markers": MARKER, "extras": ["y"]},
    "y": {"git": "https://h/y", "ref": "1" * 40, "subdirectory": "py"},
    "z": {"file": URL, "sys_platform": "== 'linux'"},
}
SOURCES = [{"url": "https://pypi.org/simple"}, {"url": "https://u:${HOME}@i/simple"}]
REQUIRES = {"python_version": "3.11"}
PIPFILE: dict[str, Any] = {
    "source": SOURCES,
    "packages": {**PACKAGES, "six": "*"},
    "dev-packages": {"six": ">=1"},
    "requires": REQUIRES,
}
PIPFILE_LOCK: dict[str, Any] = {
    "_meta": {"sources": SOURCES, "requires": REQUIRES},
    "default": PACKAGES,
    "develop": {"w": {"version": "==1", "hashes": [HASH]}},
}
UV_LOCK: dict[str, Any] = {
    "package": [
        {
            "name": "a",
            "source": {"editable": "."},
            "optional-dependencies": {"x": []},
            "dev-dependencies": {"dev": []},
        }
    ]
}
DOCUMENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("pyproject.toml", PYPROJECT),
    ("pylock.toml", PYLOCK),
    ("poetry.lock", POETRY),
    ("Pipfile", PIPFILE),
    ("Pipfile.lock", PIPFILE_LOCK),
    ("uv.lock", UV_LOCK),
)


def places(document: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - anything
    """Every container of a document, with each key or index of it."""
    keys = document if isinstance(document, dict) else range(len(document))
    for key in list(keys):
        yield document, key
        if isinstance(document[key], dict | list):
            yield from places(document[key])


def worsened(document: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """A document with up to three of its values replaced by anything, or taken out."""
    made = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(0, 3))):
        found = list(places(made))
        if not found:
            break
        container, key = data.draw(st.sampled_from(found))
        if data.draw(st.booleans()):
            container[key] = data.draw(TEXTS | VALUES)
        else:
            del container[key]
    return made


def survives(name: str, content: bytes, *, beside: bytes | None = None) -> None:
    """Read a file and choose what of it is for a machine; whatever is refused has a hint."""
    with tempfile.TemporaryDirectory() as folder:
        if beside is not None:
            (Path(folder) / "pyproject.toml").write_bytes(beside)
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            found = select(
                read([path], env={"HOME": "/x"}, selection=chosen(name), export=_no), TARGET
            )
        except SpecError as error:
            if not error.hint:
                raise
            return
        for file in found.context_files():
            file.read()


def _no(path: Path, selection: Selection) -> str:
    """A uv that gives a lock, of a kind."""
    return f'lock-version = "1.0"\ncreated-by = "{path.name}{len(selection.extras)}"\npackages = []'


def written(name: str, document: Any) -> bytes:  # noqa: ANN401 - anything
    if name == "Pipfile.lock":
        return json.dumps(document).encode()
    return tomli_w.dumps(document).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("name", NAMES)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_text_is_read_or_refused(name: str, content: bytes) -> None:
    survives(name, content)


@pytest.mark.parametrize(("name", "document"), DOCUMENTS, ids=[name for name, _ in DOCUMENTS])
@given(data=st.data())
def test_any_document_is_read_or_refused(
    name: str, document: dict[str, Any], data: st.DataObject
) -> None:
    survives(name, written(name, worsened(document, data)))


@pytest.mark.parametrize(("name", "document"), DOCUMENTS[:5], ids=[n for n, _ in DOCUMENTS[:5]])
def test_the_documents_that_are_worsened_are_well(
    name: str, document: dict[str, Any], tmp_path: Path
) -> None:
    """Else what is refused would be refused before it is looked at."""
    (tmp_path / name).write_bytes(written(name, document))
    found = read([tmp_path / name], env={"HOME": "x"}, selection=chosen(name))
    assert len(select(found, TARGET).requirements) >= 3


@given(data=st.data())
def test_any_older_lock_of_poetry_is_read_or_refused(data: st.DataObject) -> None:
    """With the project beside it, whose hash it has where that is not what is wrong."""
    project = worsened(POETRY_TABLE, data)
    lock = worsened(POETRY_OLDER, data)
    if isinstance(lock.get("metadata"), dict) and data.draw(st.integers(0, 9)):
        lock["metadata"]["content-hash"] = poetry_older.content_hash(project)
    beside = written("pyproject.toml", {"tool": {"poetry": project}})
    survives("poetry.lock", written("poetry.lock", lock), beside=beside)


def test_the_older_lock_that_is_worsened_is_well(tmp_path: Path) -> None:
    lock = copy.deepcopy(POETRY_OLDER)
    lock["metadata"]["content-hash"] = poetry_older.content_hash(POETRY_TABLE)
    (tmp_path / "poetry.lock").write_bytes(written("poetry.lock", lock))
    project = {"tool": {"poetry": POETRY_TABLE}}
    (tmp_path / "pyproject.toml").write_bytes(written("pyproject.toml", project))
    found = read([tmp_path / "poetry.lock"], env={}, selection=chosen("poetry.lock"))
    names = {each.text for each in select(found, TARGET).requirements}
    assert names == {"x==1", "y==1", "z==2.0", "w==1", "v==1"}


@given(
    lines=st.lists(st.sampled_from(("# ///", "# /// script", "# ", "#", "x", "# x = 1")) | TEXTS)
)
def test_any_run_of_comments_is_read_or_refused(lines: list[str]) -> None:
    survives("job", "\n".join(lines).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", [name for name, _ in DOCUMENTS])
@pytest.mark.parametrize(
    "content", ["[" * 5000, "x=" + "[" * 5000, "x=" + "9" * 5000, '{"a":' * 5000]
)
def test_what_is_nested_too_deep_is_refused(name: str, content: str) -> None:
    survives(name, content.encode())


MANY = "9" * 5000  # digits, more than Python makes a number of
FILE = f'files = [{{hash = "{HASH}"}}]'
POETRY_END = '[metadata]\nlock-version = "2.1"\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("requirements.txt", f"six>={MANY}\nnumpy; python_version > '{MANY}'\n"),
        ("pyproject.toml", f'[project]\nrequires-python = ">={MANY}"\ndependencies = ["six"]'),
        ("script.py", f'# /// script\n# requires-python = ">={MANY},<4"\n# ///\n'),
        ("environment.yml", f"dependencies: ['python>={MANY}', pip: [six]]"),
        ("pylock.toml", f'lock-version = "1.0"\ncreated-by = "x"\nrequires-python = "<{MANY}"'),
        (
            "pylock.toml",
            (
                'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "x"\n'
                f'marker = "python_version < \'{MANY}\'"\nvcs = {{type = "git", '
                f'url = "https://h/x", commit-id = "{"1" * 40}"}}'
            ),
        ),
        ("poetry.lock", f'package = []\n{POETRY_END}python-versions = "^3.8,<{MANY}"'),
        (
            "poetry.lock",
            (
                f'[[package]]\nname = "x"\nversion = "1"\ngroups = ["main"]\n{FILE}\n'
                f"markers = \"python_version < '{MANY}'\"\n{POETRY_END}"
            ),
        ),
        (
            "poetry.lock",
            (
                f'[[package]]\nname = "x"\nversion = "1"\ngroups = ["main"]\n{FILE}\n'
                f"markers = \"sys_platform ~= 'linux'\"\n{POETRY_END}"
            ),
        ),
        (
            "poetry.lock",
            (
                f'[[package]]\nname = "x"\nversion = "1"\ngroups = ["main"]\n{FILE}\n'
                f"markers = \"'x' in extras\"\n{POETRY_END}"
            ),
        ),
        ("Pipfile", f"[packages]\nx = {{version = '*', markers = \"python_version < '{MANY}'\"}}"),
    ],
)
def test_what_cannot_be_compared_is_read_or_refused(name: str, content: str) -> None:
    """It is found out only where a version is looked at, which may be when all is read."""
    survives(name, content.encode())
