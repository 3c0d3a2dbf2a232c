"""A lock can be given to others: it has PyPI's addresses, and those that the files name."""

from __future__ import annotations

import pytest

from toolkit.deps import IndexOptions
from toolkit.lock.addresses import tidied

PYPI = "https://files.pythonhosted.org/packages/ab/six-1.17.0-py2.py3-none-any.whl"
MIRROR = "https://me:secret@mirror.example:8443/root/six-1.17.0-py2.py3-none-any.whl"
OWN = "https://own.example/files/six-1.17.0%2Bown-py3-none-any.whl"
HASH = 'hashes = { sha256 = "' + "0" * 64 + '" }'


def package(*urls: str) -> str:
    files = "".join(f'    {{ url = "{url}", size = 7, {HASH} }},\n' for url in urls)
    return f'lock-version = "1.0"\n\n[[packages]]\nname = "six"\nwheels = [\n{files}]\n'


def named(name: str) -> str:
    return package("X").replace('url = "X"', f'path = "{name}"')


@pytest.mark.parametrize("setting", ["UV_DEFAULT_INDEX", "PIP_INDEX_URL", "UV_INDEX"])
def test_a_mirror_of_this_machine_is_nobodys_business(setting: str) -> None:
    """Known by its name and hash, the file is at any other index."""
    environment = {setting: "name=https://me:secret@mirror.example:8443/simple"}
    expected = named("six-1.17.0-py2.py3-none-any.whl")
    assert tidied(package(MIRROR), IndexOptions(), environment) == expected
    # Also where the files name an index of their own.
    options = IndexOptions(extra_index_urls=("https://own.example/simple",))
    assert tidied(package(MIRROR), options, environment) == expected


def test_pypi_and_what_the_files_name_stay() -> None:
    options = IndexOptions(index_url="https://own.example/simple")
    text = package(PYPI, OWN)
    assert tidied(text, options, {}) == text
    assert tidied(package(PYPI), IndexOptions(), {"UV_INDEX": "https://other.example"}) == package(
        PYPI
    )


def test_an_address_that_no_file_names_came_from_this_machine() -> None:
    """From a uv.toml of the user's, for one."""
    expected = named("six-1.17.0+own-py3-none-any.whl")
    assert tidied(package(OWN), IndexOptions(), {}) == expected


def test_a_folder_of_this_machine_is_not_named() -> None:
    """A file that PyPI has as well is there once."""
    local = "file:///opt/links/six-1.17.0-py2.py3-none-any.whl"
    assert tidied(package(local, PYPI), IndexOptions(), {}) == package(PYPI)
    assert tidied(package(local), IndexOptions(), {}) == named("six-1.17.0-py2.py3-none-any.whl")


def test_a_file_in_one_line_is_known_too() -> None:
    line = f'wheels = [{{ url = "{MIRROR}", {HASH} }}]\nsdist = {{ url = "{MIRROR}", {HASH} }}'
    assert "mirror" not in tidied(line, IndexOptions(), {})


@pytest.mark.parametrize("kind", ["archive", "vcs"])
def test_what_a_requirement_itself_names_stays_but_for_its_login(kind: str) -> None:
    text = f'{kind} = {{ url = "{MIRROR}", {HASH} }}'
    assert tidied(text, IndexOptions(), {}) == text.replace("me:secret@", "")
