"""What is written can be read again, and an editor is told what can be read."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # as in test_doctor_report
import pytest

from toolkit import resources
from toolkit.errors import SpecError
from toolkit.spec import Wishes, catalogue, load, writing
from toolkit.spec.fields import ALL

SHIPPED = Path(writing.__file__).parent / "image.schema.json"
WISHES = {key: field.example for key, field in ALL.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One that has what the examples name."""
    for name in ("motd", "tool.sh", "verify.py", "requirements.txt", "image.Dockerfile.j2"):
        (tmp_path / name).write_text(f"# {name}\n")
    return tmp_path


def test_the_schema_that_is_shipped_is_that_of_the_fields(pytestconfig: pytest.Config) -> None:
    """Generated, and committed, so that an editor finds it in the wheel."""
    if pytestconfig.getoption("--golden"):
        SHIPPED.write_text(writing.schema(), encoding="utf-8")
    assert SHIPPED.read_text(encoding="utf-8") == writing.schema(), "run `make golden`"


def test_every_example_is_valid_to_us_and_to_the_schema(folder: Path) -> None:
    """It stands in the file that `toolkit init` writes, to be uncommented."""
    Wishes.read(WISHES, folder=folder)
    validator = jsonschema.Draft202012Validator(json.loads(writing.schema()))
    validator.check_schema(validator.schema)
    validator.validate(json.loads(json.dumps(WISHES)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": "red"},
        {"apt": "libgl1"},
        {"apt": ["libgl1; x"]},
        {"python": "2.7"},
        {"environment": {"A B": "c"}},
        {"files": {"etc/motd": "motd"}},
        {"files": {"/etc/motd": {"mode": "0644"}}},
        {"verify": [{"file": "x.pl"}]},
    ],
    ids=str,
)
def test_what_we_refuse_the_schema_refuses_too(folder: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, json.loads(writing.schema()))
    with pytest.raises(SpecError):
        Wishes.read(wrong, folder=folder)


def test_wishes_that_are_written_are_read_again(folder: Path) -> None:
    """By `toolkit spec show` and `toolkit init` alike, also into another folder."""
    wishes = Wishes.read(WISHES, folder=folder)
    for text in (writing.toml(wishes), writing.commented(wishes)):
        (folder / "image.toml").write_text(text)
        again = load(folder / "image.toml")
        assert again.plain() == wishes.plain()
    below = folder / "below"
    assert tomllib.loads(writing.toml(Wishes.read({"deps": ["a.txt"]}), Path("below")))["deps"] == [
        "../a.txt"
    ]
    assert not below.exists()


def test_what_is_not_wished_for_stands_there_as_a_comment(folder: Path) -> None:
    """Without the `# ` before it, each example is valid."""
    text = writing.commented(Wishes())
    assert tomllib.loads(text) == {}
    about = {f"# {field.about}" for field in ALL.values()}
    lines = [line for line in text.split("\n")[3:] if line not in about]
    (folder / "image.toml").write_text("\n".join(line.removeprefix("# ") for line in lines))
    assert load(folder / "image.toml").values == Wishes.read(WISHES, folder=folder).values


def test_every_image_of_the_catalogue_can_be_read() -> None:
    entries = dict(catalogue.entries(resources.tree("images")))
    assert {"demo"} <= entries.keys()
    for path in entries.values():
        assert load(path).values["description"]
