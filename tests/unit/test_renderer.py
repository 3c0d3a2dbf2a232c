"""What is rendered says what was meant, whatever the values are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit import deps, dockerfile, resources
from toolkit.deps import Dependencies
from toolkit.errors import SpecError, TemplateError
from toolkit.image import Base
from toolkit.reference import ImageReference
from toolkit.renderer import TEMPLATE, render
from toolkit.spec import ImageSpec

TEMPLATES = resources.templates()
BASE = Base(
    name=ImageReference.parse("python:3-slim"),
    reference=ImageReference.parse("python:3-slim@sha256:" + "1" * 64),
    digest="sha256:" + "1" * 64,
    platform="linux/amd64",
    python="3.14.0",
    system="debian-trixie",
)
LOCAL = replace(
    BASE,
    name=ImageReference.parse("toolkit/base:bookworm-py3.11"),
    reference=ImageReference.parse("toolkit/base:bookworm-py3.11"),
    digest="sha256:" + "2" * 64,
    system="debian-bookworm",
    user="1000:1000",
)

ALPINE = replace(
    BASE,
    name=ImageReference.parse("python:3-alpine"),
    reference=ImageReference.parse("python:3-alpine@sha256:" + "4" * 64),
    digest="sha256:" + "4" * 64,
    system="alpine-3.22.1",
    libc="musl 1.2",
    manager="apk",
)
UBI = replace(
    BASE,
    name=ImageReference.parse("registry.access.redhat.com/ubi9/python-312"),
    reference=ImageReference.parse("registry.access.redhat.com/ubi9/python-312@sha256:" + "5" * 64),
    digest="sha256:" + "5" * 64,
    system="rhel-9.6",
    user="1001",
    libc="glibc 2.34",
    manager="rpm",
)
CUDA = replace(
    BASE,
    name=ImageReference.parse("nvidia/cuda:12.6.2-runtime-ubuntu24.04"),
    reference=ImageReference.parse("nvidia/cuda:12.6.2-runtime-ubuntu24.04@sha256:" + "6" * 64),
    digest="sha256:" + "6" * 64,
    system="ubuntu-noble",
    python="3.12",
    libc="glibc 2.39",
    python_packages=("python3", "python3-venv"),
)

Golden = Callable[[str, str], None]


def instructions(text: str) -> list[tuple[str, str]]:
    return [(each.keyword, each.arguments) for each in dockerfile.instructions(text)]


def requirements(folder: Path, text: str = "numpy\n") -> Dependencies:
    path = folder / "requirements.txt"
    path.write_text(text)
    return deps.read([path], env={})


@pytest.fixture
def spec(tmp_path: Path) -> ImageSpec:
    return ImageSpec(requirements(tmp_path))


@pytest.mark.parametrize(
    ("name", "base", "table", "text"),
    [
        ("plain", BASE, {}, "numpy\n"),
        ("local-base", LOCAL, {"apt": ["libgl1", "libpq5=15.1-2"]}, "numpy\n"),
        (
            "everything",
            BASE,
            {
                "apt": ["libgl1"],
                "environment": {"PLAIN": "x", "ODD": 'a "b" $HOME \\ `c` \' # {{ x }}'},
                "labels": {"com.example.team": "red", "odd": '$(x) "y"'},
            },
            "thing @ git+https://example.org/thing@v1\n",
        ),
        (
            "alpine",
            ALPINE,
            {"apt": ["libgl1"], "apk": ["mesa-gl", "libpq~=17"], "apk-build": ["build-base"]},
            "thing @ git+https://example.org/thing@v1\n",
        ),
        (
            "rpm",
            UBI,
            {"apt": ["libgl1"], "rpm": ["mesa-libGL"], "rpm-build": ["gcc-c++"]},
            "thing @ git+https://example.org/thing@v1\n",
        ),
        ("cuda", CUDA, {"apt": ["libgl1"]}, "thing @ git+https://example.org/thing@v1\n"),
        (
            "placed",
            LOCAL,
            {
                "user": "1000:1000",
                "workdir": "/srv/app",
                "files": {
                    "/etc/motd": __file__,
                    "/usr/local/bin/tool": {"source": __file__, "mode": "0755"},
                },
            },
            "numpy\n",
        ),
    ],
)
def test_the_dockerfile_is_the_golden_one(
    golden: Golden, tmp_path: Path, name: str, base: Base, table: dict[str, object], text: str
) -> None:
    """A change of a template is seen, read and committed."""
    rendered = render(ImageSpec.from_mapping(table, requirements(tmp_path, text)), base, TEMPLATES)
    golden(f"render/{name}.Dockerfile", rendered.dockerfile)


def test_the_dockerfile_of_conda_is_the_golden_one(golden: Golden) -> None:
    wanted = Dependencies(conda=("python=3.11", "gdal"), channels=("conda-forge",))
    table: dict[str, object] = {"apt": ["libgl1"], "apt-build": ["gcc"], "environment": {"A": "b"}}
    rendered = render(ImageSpec.from_mapping(table, wanted), LOCAL, TEMPLATES)
    golden("render/conda.Dockerfile", rendered.dockerfile)


def test_the_digest_is_the_golden_one(golden: Golden, spec: ImageSpec) -> None:
    """An upgrade of this package that would rebuild everybody's images is seen first."""
    golden("render/plain.digest", render(spec, BASE, TEMPLATES).digest + "\n")


def test_local_files_have_their_golden_digests(tmp_path: Path) -> None:
    """They are read piece by piece; the digest is that of their paths, modes and bytes."""
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "pyproject.toml").write_bytes(b"[project]\n")
    (tmp_path / "pkg" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (tmp_path / "pkg" / "run.sh").chmod(0o755)
    (tmp_path / "x-1.0.tar.gz").write_bytes(b"x" * 300_000)
    spec = ImageSpec(requirements(tmp_path, "./pkg\n./x-1.0.tar.gz\n"))
    inputs = render(spec, BASE, TEMPLATES).inputs
    assert {part: inputs[part] for part in inputs if part.startswith("install/local/")} == {
        "install/local/0": "a2f62f18b4cdf8b9e4295766d13132dc99eae4c1ea77ad10bf6a3d6d69bf2550",
        "install/local/1": "45ee67271307d2e4740311aefebeec5299c5082dec54be08a64021c46428c955",
    }


def test_there_is_no_syntax_line(spec: ImageSpec) -> None:
    """It would make every build ask a registry for a frontend."""
    assert "syntax" not in render(spec, BASE, TEMPLATES).dockerfile


def test_requirements_are_files_and_never_text_of_an_instruction(tmp_path: Path) -> None:
    """Not even their names reach the Dockerfile."""
    rendered = render(ImageSpec(requirements(tmp_path, "wonderfulpackage\n")), BASE, TEMPLATES)
    assert "wonderful" not in rendered.dockerfile
    files = {file.path: file.read() for file in rendered.files}
    assert files["install/requirements.txt"] == b"wonderfulpackage\n"


def test_a_version_control_requirement_brings_its_tool_into_the_build_stage(tmp_path: Path) -> None:
    """Git is needed to install, and not in the image."""
    dependencies = requirements(tmp_path, "x @ git+https://example.org/x\n")
    text = render(ImageSpec(dependencies), BASE, TEMPLATES).dockerfile
    with_git = [stage for stage in text.split("\nFROM ") if '"git"' in stage]
    assert [stage.split()[2] for stage in with_git] == ["build-archives", "sources"]


@pytest.mark.parametrize(
    "change",
    [
        {"digest": "sha256:" + "3" * 64},
        {"platform": "linux/arm64"},
        {"reference": ImageReference.parse("python:3-slim@sha256:" + "3" * 64)},
    ],
    ids=str,
)
def test_another_base_is_another_digest(spec: ImageSpec, change: dict[str, str]) -> None:
    """A base that moved is a new image."""
    other = render(spec, replace(BASE, **change), TEMPLATES)  # type: ignore[arg-type]
    assert other.digest != render(spec, BASE, TEMPLATES).digest


@pytest.mark.parametrize(
    "table",
    [
        {"apt": ["x1"]},
        {"environment": {"A": "b"}},
        {"labels": {"a": "b"}},
        {"user": "1"},
        {"workdir": "/srv"},
        {"verify": ["true"]},
        {"preload": ["json"]},
        {"files": {"/x": __file__}},
    ],
    ids=str,
)
def test_every_wish_is_in_the_digest(spec: ImageSpec, table: dict[str, object]) -> None:
    """A rendered option that is missing from the hash reuses a wrong image."""
    other = ImageSpec.from_mapping(table, spec.dependencies)
    assert render(other, BASE, TEMPLATES).digest != render(spec, BASE, TEMPLATES).digest


@pytest.mark.parametrize(
    "table",
    [
        {"tags": ["a:b"]},
        {"excused": ["x"]},
        {"name": "other"},
        {"description": "other"},
        {"secrets": ["mine"]},
        {"platform": "linux/amd64"},
    ],
    ids=str,
)
def test_names_and_the_proof_are_not(spec: ImageSpec, table: dict[str, object]) -> None:
    """They do not change what is in the image."""
    other = ImageSpec.from_mapping(table, spec.dependencies)
    assert render(other, BASE, TEMPLATES).digest == render(spec, BASE, TEMPLATES).digest


def test_every_step_script_is_in_the_digest(spec: ImageSpec) -> None:
    """A script that changes what is installed changes the identity; another manager's does not."""
    before = render(spec, BASE, TEMPLATES).digest
    same = set()
    for path in TEMPLATES:
        if path.startswith("steps/"):
            changed = dict(TEMPLATES) | {path: TEMPLATES[path] + "\n"}
            if render(spec, BASE, changed).digest == before:
                same.add(path)
    of_conda = {
        f"steps/{name}" for name in ("conda.sh", "conda.py", "conda_given.py", "rattler.txt")
    }
    assert same == {"steps/apk.sh", "steps/rpm.sh", *of_conda}
    conda = ImageSpec(Dependencies(conda=("gdal",), channels=("conda-forge",)))
    before = render(conda, BASE, TEMPLATES).digest
    for path in of_conda:
        assert (
            render(conda, BASE, dict(TEMPLATES) | {path: TEMPLATES[path] + "\n"}).digest != before
        )


def test_a_base_without_a_package_manager_gets_no_packages(tmp_path: Path) -> None:
    """Not even git, which it may have."""
    dependencies = requirements(tmp_path, "x @ git+https://example.org/x\n")
    bare = replace(BASE, manager="")
    assert '"git"' not in render(ImageSpec(dependencies), bare, TEMPLATES).dockerfile


def test_inputs_that_run_together_are_told_apart(spec: ImageSpec) -> None:
    """("ab", "c") is not ("a", "bc")."""
    left = render(spec, replace(BASE, digest="ab", platform="c"), TEMPLATES)
    right = render(spec, replace(BASE, digest="a", platform="bc"), TEMPLATES)
    assert left.digest != right.digest


def test_a_folder_of_many_files_is_one_part_of_the_inputs(tmp_path: Path) -> None:
    """They go into a label and into the request: a thousand files must not be a thousand parts."""
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "setup.py").touch()
    for number in range(50):
        (package / f"m{number}.py").write_text(str(number))
    before = render(ImageSpec(requirements(tmp_path, "./pkg\n")), BASE, TEMPLATES)
    assert [part for part in before.inputs if "local" in part] == ["install/local/0"]
    (package / "m7.py").write_text("changed")
    after = render(ImageSpec(requirements(tmp_path, "./pkg\n")), BASE, TEMPLATES)
    assert after.digest != before.digest


def test_the_cache_that_builds_share_is_out_of_reach_of_source_builds(spec: ImageSpec) -> None:
    """A package's own code must not change what another image installs."""
    steps = [text for _, text in instructions(render(spec, BASE, TEMPLATES).dockerfile)]
    (wheels,) = [step for step in steps if '"wheels"' in step]
    (sources,) = [step for step in steps if '"sources"' in step]
    assert "type=cache" in wheels
    assert "type=cache" not in sources
    script = TEMPLATES["steps/install.sh"]
    body = script[script.index("\nwheels() {") : script.index("\nsources() {")]
    assert "install_with_pip" not in body
    assert "resolve --no-build" in body
    assert "install_with_uv --no-build" in body


@pytest.mark.parametrize("base", [BASE, ALPINE, UBI], ids=lambda base: base.manager)
def test_the_scripts_of_system_packages_are_given_no_cache_and_no_secret(
    tmp_path: Path, base: Base
) -> None:
    """They run as root; what is fetched comes out of a stage in which none of them has run."""
    dependencies = requirements(tmp_path, "x @ git+https://example.org/x\n")
    spec = ImageSpec(dependencies, apt=("libgl1",), apk=("mesa-gl",), rpm=("mesa-libGL",))
    steps = [text for _, text in instructions(render(spec, base, TEMPLATES).dockerfile)]
    apt = [step for step in steps if f"/{base.manager}.sh" in step]
    installing = [step for step in apt if '"install"' in step]
    assert (len(apt), len(installing)) == (4, 2)
    assert [step for step in installing if "type=cache" in step or "type=secret" in step] == []


def test_condas_packages_are_installed_where_nothing_of_them_runs() -> None:
    """The step with the shared cache runs no link script; pip's list has no cache, and is later."""
    spec = ImageSpec(Dependencies(conda=("gdal",), channels=("conda-forge",)), apt_build=("gcc",))
    text = render(spec, LOCAL, TEMPLATES).dockerfile
    steps = {
        words[-2]: words for _, each in instructions(text) if len(words := each.split('"')) > 2
    }
    assert "id=toolkit-conda" in steps["install"][0]
    assert "type=cache" not in steps["pip"][0]
    assert "execute_link_scripts=False" in TEMPLATES["steps/conda.py"]
    assert "gdal" not in text


HOSTILE = (
    *("x\nRUN evil", "x\r\nRUN evil", "$(evil)", "${HOME}", "`evil`", "x && evil", "x; evil"),
    *('x" && evil', "x' && evil", "{{ 7 * 7 }}", "{% raw %}", "{# x", "x \\", "x\\\n", "x\0y"),
    *("#", "# syntax=evil", "<<EOF", "--mount=type=bind,source=/", "-o APT::evil", "", " "),
    *("x\u2028RUN evil", "x\x85RUN evil", "\x1b[2J"),
)
WISHES: dict[str, Callable[[str], dict[str, object]]] = {
    "name": lambda text: {"name": text},
    "base": lambda text: {"base": text},
    "python": lambda text: {"python": text},
    "apt": lambda text: {"apt": ["x1", text]},
    "apk": lambda text: {"apk": ["x1", text]},
    "rpm": lambda text: {"rpm-build": ["x1", text]},
    "tag": lambda text: {"tags": [text]},
    "excused": lambda text: {"excused": [text]},
    "preload": lambda text: {"preload": [text]},
    "user": lambda text: {"user": text},
    "workdir": lambda text: {"workdir": text},
    "platform": lambda text: {"platform": text},
    "secret": lambda text: {"secrets": [text]},
    "target": lambda text: {"files": {text: __file__}},
    "mode": lambda text: {"files": {"/x": {"source": __file__, "mode": text}}},
    "variable": lambda text: {"environment": {text: "x"}},
    "environment": lambda text: {"environment": {"ODD": text}},
    "label": lambda text: {"labels": {text: "x"}},
    "labels": lambda text: {"labels": {"l": text}},
}


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("field", WISHES)
def test_hostile_text_is_refused_or_stands_there_as_it_is(field: str, text: str) -> None:
    """Only a value may be any text of one line, and then it is that text and nothing else."""
    wish = WISHES[field](text)
    is_value = field in {"environment", "labels"} and text.isprintable()
    if not is_value:
        with pytest.raises(SpecError):
            ImageSpec.from_mapping(wish, NOTHING)
        return
    rendered = render(ImageSpec.from_mapping(wish, NOTHING), BASE, TEMPLATES)
    harmless = render(ImageSpec.from_mapping(WISHES[field]("x"), NOTHING), BASE, TEMPLATES)
    found, expected = instructions(rendered.dockerfile), instructions(harmless.dockerfile)
    assert [keyword for keyword, _ in found] == [keyword for keyword, _ in expected]
    (changed,) = [ours for ours, other in zip(found, expected, strict=True) if ours != other]
    assert unquoted(changed[1]) == text


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_requirements_change_nothing_but_a_file(tmp_path: Path, text: str) -> None:
    """Whatever a line says, and whether it is refused or not."""
    try:
        dependencies = requirements(tmp_path, f"numpy\n{text}\n")
    except SpecError:
        return
    rendered = render(ImageSpec(dependencies), BASE, TEMPLATES)
    assert rendered.dockerfile == render(ImageSpec(NOTHING), BASE, TEMPLATES).dockerfile


TEXT = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\u2028\u2029"),
    max_size=40,
)


@given(
    value=TEXT | st.sampled_from(["$(x)", "`x`", '"', "'", "&& x", "{{ 7*7 }}", " \\", "\\", "#"])
)
def test_any_value_arrives_as_it_was_given(value: str) -> None:
    """Parsed as BuildKit parses it, the value is the value, and no instruction was added."""
    spec = ImageSpec.from_mapping({"environment": {"ODD": value}, "labels": {"l": value}}, NOTHING)
    rendered = render(spec, BASE, TEMPLATES)
    found = instructions(rendered.dockerfile)
    assert [keyword for keyword, _ in found] == PLAIN
    assert [unquoted(text) for keyword, text in found if text.startswith("ODD=")] == [value]
    assert [unquoted(text) for keyword, text in found if keyword == "LABEL"] == [value]


NOTHING = Dependencies()
PLAIN = [
    *("FROM", "USER", "RUN"),
    *("FROM", "USER", "RUN", "RUN"),
    *("FROM", "USER", "RUN"),
    *("FROM", "COPY", "ENV", "ENV", "WORKDIR", "ENTRYPOINT", "CMD", "LABEL"),
]


def unquoted(pair: str) -> str:
    """The value of NAME="…", unescaped as BuildKit's shell lexer does inside double quotes."""
    quoted = pair.partition("=")[2]
    assert quoted[0] == quoted[-1] == '"'
    text, result = quoted[1:-1], ""
    while text:
        if text[0] == "\\" and text[1] in '\\"$':
            result, text = result + text[1], text[2:]
        else:
            assert text[0] not in '"$', f"{text!r} would be expanded"
            result, text = result + text[0], text[1:]
    return result


@given(st.dictionaries(st.sampled_from(["apt", "environment", "labels", "base"]), st.text()))
def test_text_of_any_kind_is_refused_or_inert(table: dict[str, str]) -> None:
    """No text changes the list of instructions."""
    listed = {key: value if key == "base" else [value] for key, value in table.items()}
    try:
        spec = ImageSpec.from_mapping(listed, NOTHING)
    except SpecError:
        return
    keywords = [keyword for keyword, _ in instructions(render(spec, BASE, TEMPLATES).dockerfile)]
    assert keywords.count("FROM") == 4 + bool(spec.apt)
    assert keywords.count("RUN") == 4 + 2 * bool(spec.apt)


def test_packages_are_arguments_and_not_text_for_a_shell() -> None:
    """They stand in an exec form, which no shell reads."""
    spec = ImageSpec(NOTHING, apt=("libgl1",))
    found = [text for keyword, text in instructions(render(spec, BASE, TEMPLATES).dockerfile)]
    arguments = [json.loads(text[text.index("[") :]) for text in found if "libgl1" in text]
    step = ["sh", "/run/toolkit/steps/apt.sh"]
    assert arguments == [[*step, "fetch", "libgl1"], [*step, "install", "libgl1"]]


def test_a_value_that_changes_the_structure_is_refused(spec: ImageSpec) -> None:
    """The last line of defence, should every filter fail."""
    template = (
        "FROM {{ base | reference }} AS image{% if user == '1000:1000' %}\n\nRUN evil{% endif %}\n"
    )
    with pytest.raises(TemplateError) as caught:
        render(spec, LOCAL, {TEMPLATE: template})
    assert str(caught.value) == (
        "the rendered Dockerfile has the instructions FROM RUN, expected FROM"
    )
