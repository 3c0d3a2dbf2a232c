"""A user's own template extends ours, sees what it may, and is told where it is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.test_renderer import LOCAL, NOTHING, TEMPLATES, instructions
from toolkit.deps import Dependencies
from toolkit.errors import SpecError, TemplateError
from toolkit.renderer import TEMPLATE, render
from toolkit.spec import ImageSpec

EXTENDS = '{% extends "python.Dockerfile.j2" %}\n'
THERE = "correct the template at that line"
FILTER = "use one of the filters that templates/README.md lists, for what it takes"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a folder for templates in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    return tmp_path


def spec(text: str, **others: object) -> ImageSpec:
    """With that template as sub/own.j2."""
    Path("sub/own.j2").write_text(text)
    return ImageSpec.from_mapping({"template": "sub/own.j2", **others}, NOTHING)


def dockerfile(text: str) -> str:
    return render(spec(text), LOCAL, TEMPLATES).dockerfile


def plain() -> str:
    return render(ImageSpec(NOTHING), LOCAL, TEMPLATES).dockerfile


@pytest.mark.usefixtures("folder")
def test_one_that_only_extends_ours_is_ours() -> None:
    assert dockerfile(EXTENDS) == plain()


@pytest.mark.usefixtures("folder")
def test_a_block_is_replaced_or_added_to() -> None:
    """`super()` is the block as it was, with the values that filters have let through."""
    own = (
        "{% block command %}\nENTRYPOINT []\nCMD {{ ['sh'] | exec_form }}\n{% endblock %}\n"
        "{% block user %}\nRUN id\n{{ super() }}\n{% endblock %}\n"
        "{% block stages %}\nFROM scratch AS mine\n\n{% endblock %}\n"
    )
    expected = plain().replace('["python"]', '["sh"]').replace("USER", "RUN id\nUSER", 5)
    expected = expected.replace("RUN id\nUSER 0", "USER 0")
    assert instructions(dockerfile(EXTENDS + own)) == instructions(
        f"FROM scratch AS mine\n\n{expected}"
    )


@pytest.mark.usefixtures("folder")
def test_every_block_can_be_replaced() -> None:
    """Those that the page of the templates lists are those that there are."""
    page = (Path(__file__).parents[2] / "templates" / "README.md").read_text()
    table = page[page.index("| block |") :].split("\n\n")[0].splitlines()[2:]
    named = [line.split("`")[1] for line in table]
    text = "".join(f"{{% block {name} %}}\n# in {name}\n{{% endblock %}}\n" for name in named)
    own = spec(EXTENDS + text)
    conda = Dependencies(conda=("gdal",), channels=("conda-forge",))
    rendered = render(replace(own, dependencies=conda), LOCAL, TEMPLATES).dockerfile
    assert [name for name in named if f"# in {name}\n" not in rendered] == []
    assert TEMPLATES[TEMPLATE].count("{% block") == len(named)


@pytest.mark.usefixtures("folder")
def test_its_own_folder_is_seen() -> None:
    Path("sub/parts").mkdir()
    Path("sub/parts/step.j2").write_text('{% include "./parts/deep.j2" %}\n')
    Path("sub/parts/deep.j2").write_text("RUN one\n")
    Path("sub/macros.j2").write_text(
        "{% macro run(word) %}RUN {{ [word] | exec_form }}{% endmacro %}"
    )
    text = (
        '{% import "./macros.j2" as macros %}{% block steps %}\n'
        '{% include "./parts/step.j2" %}\n{{ macros.run("two") }}\n{% endblock %}'
    )
    found = instructions(dockerfile(EXTENDS + text))
    assert [words for _, words in found if words in {"one", '["two"]'}] == ["one", '["two"]']


@pytest.mark.parametrize(
    "name", ["./../secret", "./../sub/../secret", "../secret", "/etc/passwd", "./link", "./sub/x"]
)
def test_nothing_else_is(folder: Path, name: str) -> None:
    """Neither by a way upwards, nor from the root, nor over a link."""
    (folder / "secret").write_text("RUN secret\n")
    (folder / "sub" / "link").symlink_to(folder / "secret")
    own = spec(f"{EXTENDS}{{% block steps %}}\n{{% include {name!r} %}}\n{{% endblock %}}")
    assert own.template is not None
    assert [each for each, _ in own.template.texts] == ["./own.j2"]
    with pytest.raises(TemplateError) as caught:
        render(own, LOCAL, TEMPLATES)
    assert str(caught.value) == (
        f"sub/own.j2:3: {name!r} is no template of ours, and no file beside this one"
    )


@pytest.mark.usefixtures("folder")
def test_its_text_is_in_the_digest() -> None:
    """A comment of it too, and what it includes; `--explain` calls it by its name."""
    Path("sub/part.j2").write_text("{# one #}")
    text = EXTENDS + '{% block steps %}{% include "./part.j2" %}{% endblock %}'
    first = render(spec(text), LOCAL, TEMPLATES)
    other = render(spec(text + "{# a comment #}"), LOCAL, TEMPLATES)
    Path("sub/part.j2").write_text("{# two #}")
    included = render(spec(text), LOCAL, TEMPLATES)
    assert first.dockerfile == other.dockerfile == included.dockerfile
    assert len({first.digest, other.digest, included.digest}) == 3
    assert {key for key in first.inputs if first.inputs[key] != other.inputs[key]} == {"template"}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("\nRUN {{ user }}", "2: a template prints a str that has passed no filter", FILTER),
        ("RUN {{ nobody }}", "1: 'nobody' is undefined", THERE),
        ("{{ user", "1: unexpected end of template, expected 'end of print statement'", THERE),
        ("{{ user | reference }}", "1: '1000:1000' is not an image reference", FILTER),
        ("{{ 'a b' | identifier }}", "1: 'a b' is not an identifier", FILTER),
        ("{{ [1] | exec_form }}", "1: [1] is not a list of strings", FILTER),
        (
            "\n\n{{ 'a\\nb' | quoted }}",
            "3: 'a\\nb' holds a control character at position 1",
            "leave it out of the value",
        ),
        ("{{ 1 / 0 }}", "1: division by zero", THERE),
        (
            "{{ ''.__class__.mro() }}",
            "1: access to attribute '__class__' of 'str' object is unsafe",
            THERE,
        ),
        (
            f"{EXTENDS}\n{{% block step %}}{{% endblock %}}",
            "3: python.Dockerfile.j2 has no block 'step', did you mean 'steps'?",
            THERE,
        ),
        (
            f"{EXTENDS}{{% block steps %}}\n{{{{ super() | upper }}}}{{% endblock %}}",
            "3: a template prints a str that has passed no filter",
            FILTER,
        ),
        (
            '{% extends "python.j2" %}',
            "1: 'python.j2' is no template of ours, and no file beside this one",
            THERE,
        ),
        ('\n{% extends "./bad.j2" %}', "sub/bad.j2:2: unexpected '}'", THERE),
    ],
)
@pytest.mark.usefixtures("folder")
def test_one_that_is_wrong_is_told_with_its_line(text: str, message: str, hint: str) -> None:
    Path("sub/bad.j2").write_text("\n{{ } }}")
    with pytest.raises(TemplateError) as caught:
        dockerfile(text)
    place = "" if message.startswith("sub/") else "sub/own.j2:"
    assert (str(caught.value), str(caught.value.hint)) == (place + message, hint)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            '{% extends "./own.j2" %}',
            "the template extends or includes itself without end",
            THERE,
        ),
        (
            "FROM x AS image\nRUN x \\",
            "the rendered Dockerfile ends inside an instruction",
            "take the back-slash from the end of the template",
        ),
        (
            "FROM x AS image\nFROM y",
            "the last stage of the rendered Dockerfile is not called image",
            "end its FROM with `AS image`, or extend python.Dockerfile.j2",
        ),
        (
            "",
            "the last stage of the rendered Dockerfile is not called image",
            "end its FROM with `AS image`, or extend python.Dockerfile.j2",
        ),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_is_wrong_with_the_whole_has_no_line(text: str, message: str, hint: str) -> None:
    with pytest.raises(TemplateError) as caught:
        dockerfile(text)
    assert (str(caught.value), str(caught.value.hint)) == (message, hint)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "template: 'sub/own.j2' cannot be read: No such file or directory"),
        (b"\xff", "template: 'own.j2' is not text in UTF-8"),
        (b" " * (1 << 20) + b" ", "template: 'own.j2' is larger than 1 MiB"),
    ],
)
def test_what_is_no_template_is_told_where_it_is_named(
    folder: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (folder / "sub" / "own.j2").write_bytes(content)
    with pytest.raises(SpecError) as caught:
        ImageSpec.from_mapping({"template": "sub/own.j2"}, NOTHING)
    assert str(caught.value) == message
