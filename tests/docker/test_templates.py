"""Templates of a user's own, built: what they add is in the image, and what is secret is not."""

from __future__ import annotations

import json

import pytest

from tests.docker.conftest import Cli
from toolkit.container import ContainerOptions
from toolkit.engine import Engine
from toolkit.lifecycle import ContainerManager

pytestmark = pytest.mark.docker

OWN = """\
{% extends "python.Dockerfile.j2" %}
{% block steps %}
{% include "./parts/token.j2" %}
RUN ["sh", "/srv/made.sh"]
{% endblock %}
{% block command %}
ENTRYPOINT []
CMD ["python", "-q"]
{% endblock %}
"""
UNENDED = (
    "Unexpected end of template; Jinja was looking for the following tags: 'endblock'; "
    "The innermost block that needs to be closed is 'block'"
)
STEP = """\
RUN --mount=type=secret,id=token wc -c < /run/secrets/token > /srv/size
"""


def said(engine: Engine, image: str, script: str) -> str:
    options = ContainerOptions(image=image.strip(), network="none", role="probe")
    with ContainerManager(engine) as manager:
        return manager.start(options).run(["sh", "-c", script], merged=True).stdout.decode()


def test_one_adds_a_step_with_a_secret_and_replaces_a_block(
    cli: Cli, name: str, first_engine: Engine
) -> None:
    """By option and by image.toml alike: the same image."""
    cli.write(OWN, file="docker/own.j2")
    cli.write(STEP, file="docker/parts/token.j2")
    cli.write("echo made > /srv/made", file="made.sh")
    cli.write(
        f'name = "{name}"',
        'secrets = ["token"]',
        'template = "docker/own.j2"',
        "[files]",
        '"/srv/made.sh" = "made.sh"',
        file="image.toml",
    )
    secret = ("--secret", "id=token,env=TOKEN")
    built = cli("build-image", "--spec", "image.toml", *secret, env={"TOKEN": "hunter2"})
    assert built.code == 0, built.stderr
    assert said(first_engine, built.stdout, "cat /srv/size /srv/made") == "7\nmade\n"
    found = first_engine.inspect_image(built.stdout.strip())
    assert found is not None
    assert found["Config"]["Cmd"] == ["python", "-q"]
    assert "hunter2" not in json.dumps(found)
    text = (cli.folder / "image.toml").read_text().replace('template = "docker/own.j2"\n', "")
    (cli.folder / "image.toml").write_text(text)
    again = cli("build-image", "--spec", "image.toml", "--template", "docker/own.j2")
    assert (again.stdout, "nothing to do" in again.stderr) == (built.stdout, True)


def test_a_broken_one_is_told_before_anything_is_built(cli: Cli) -> None:
    cli.write('{% extends "python.Dockerfile.j2" %}', "{% block steps %}", file="own.j2")
    command = ("--with", "numpy", "--template", "own.j2")
    for verb in ("build-image", "render"):
        assert cli(verb, *command).refused(4) == (
            f"own.j2:2: {UNENDED}",
            "correct the template at that line",
        )


def test_what_is_rendered_is_what_is_built(cli: Cli) -> None:
    cli.write(OWN, file="own.j2")
    cli.write(STEP, file="parts/token.j2")
    shown = cli("render", "--with", "numpy", "--template", "own.j2")
    assert shown.code == 0, shown.stderr
    assert STEP in shown.stdout
    assert 'CMD ["python", "-q"]\n' in shown.stdout
