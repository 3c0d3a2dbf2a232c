"""A base without Python, as most of CUDA's are: its distribution's own Python comes first."""

from __future__ import annotations

import json

import pytest

from tests.docker.conftest import Cli, MakeBase
from toolkit import CodeBlock, DockerCommandLineCodeExecutor
from toolkit.context import ContextFile, Tar, pack

pytestmark = pytest.mark.docker

REMOVE = "apt-get purge --yes --quiet --allow-remove-essential '~npython3' '~nlibpython3'"
UNKNOWN = "has no Python, and which one its packages bring is not known"


def without_python(base: str, release: str = "") -> Tar:
    """What builds a Debian without Python, which may call itself something else."""
    lines = [f"FROM {base}", "USER 0", f"RUN {REMOVE}"]
    lines += [f"RUN echo {release} > /usr/lib/os-release"] if release else []
    return pack([ContextFile("Dockerfile", "".join(f"{each}\n" for each in lines).encode())])


def test_it_gets_its_distributions_own(
    cli: Cli, name: str, base_image: str, make_base: MakeBase
) -> None:
    """Debian's here; what it gets is proven as in any image, and blocks run in it."""
    base = make_base("bare", without_python(base_image))
    wheel = cli.wheel("tk_plain")
    cli.write(wheel)
    command = ("--deps", "requirements.txt", "--name", name, "--base", base)
    built = cli("build-image", *command, "--apt", "tree", "--json")
    assert built.code == 0, built.stderr
    answer = json.loads(built.stdout.splitlines()[-1])
    assert f"giving {base}, Debian GNU/Linux 12 (bookworm), its own python3 and python3-venv" in (
        built.stdout + built.stderr
    )
    code = "import sys, tk_plain; print(sys.version_info[:2], sys.prefix)"
    with DockerCommandLineCodeExecutor(image=answer["image"], work_dir=cli.folder) as executor:
        result = executor.execute_code_blocks(
            [CodeBlock(language="python", code=code), CodeBlock(language="sh", code="which tree")]
        )
    assert result.output == "(3, 11) /opt/venv\n/usr/bin/tree\n"
    again = cli("build-image", *command, "--apt", "tree")
    assert (again.stdout.strip(), "nothing to do" in again.stderr) == (answer["image"], True)
    wrong = cli("build-image", *command, "--python", "3.12").refused(6)
    assert wrong[0] == f"the base image {base} has Python 3.11, and 3.12 was asked for"


def test_one_whose_python_is_not_known_is_refused(
    cli: Cli, base_image: str, make_base: MakeBase
) -> None:
    """Before anything is built: which wheels there are for it could only be guessed."""
    base = make_base("new", without_python(base_image, "ID=debian"))
    assert cli("render", "--with", "six", "--base", base).refused(6) == (
        f"the base image {base} is debian and {UNKNOWN}",
        "name a base with `sh` and Python, such as python:3-slim, with --base",
    )
